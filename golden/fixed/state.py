"""What changes in training: stored weights, biases, accumulators, and every PE's LFSR."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from golden.arguments import instance, items, shown, whole_number
from golden.arguments import tensor as tensor_of
from golden.errors import CheckpointError, ModelError, ShapeError
from golden.fixed.format import STAGES, TrainingFormat
from golden.fixed.lfsr import LFSR_BITS, seed_states
from golden.fixed.visits import check_tensor, weight_sizes
from golden.fixed.words import signed_bits, to_words
from golden.models.read import clos_chain

__all__ = ["LayerState", "TrainingState", "Weights", "initial_state"]

Weights = tuple[Tensor, Tensor, Tensor]
"""A tensor for the weights of each stage: [I, Rm], [Rm, Ri, Ro], [O, Rm]."""

_MOST_LAYERS = 1 << 16


@dataclasses.dataclass(eq=False)
class LayerState:
    """One layer's numbers, all int64.

    `masters` are the stored weights and `velocities` the accumulators of their gradients, zero
    where the format has no velocity; `bias` and `bias_velocity` are [O].
    """

    masters: Weights
    bias: Tensor
    velocities: Weights
    bias_velocity: Tensor

    def __post_init__(self) -> None:
        """Check types; `TrainingState.check` checks sizes and values."""
        self.masters = _three("masters", self.masters)
        self.velocities = _three("velocities", self.velocities)
        tensor_of("bias", self.bias)
        tensor_of("bias_velocity", self.bias_velocity)

    @classmethod
    def at_rest(cls, masters: Weights, bias: Tensor) -> "LayerState":
        """Return the state with zero velocities."""
        masters, bias = _three("masters", masters), tensor_of("bias", bias)
        first, second, third = (torch.zeros_like(master) for master in masters)
        return cls(masters, bias, (first, second, third), torch.zeros_like(bias))

    def named(self) -> dict[str, Tensor]:
        """Return every tensor by name."""
        found: dict[str, Tensor] = {}
        for stage, master in zip(STAGES, self.masters, strict=True):
            found[f"{stage}_weight"] = master
        found["bias"] = self.bias
        for stage, velocity in zip(STAGES, self.velocities, strict=True):
            found[f"{stage}_velocity"] = velocity
        found["bias_velocity"] = self.bias_velocity
        return found


@dataclasses.dataclass(eq=False)
class TrainingState:
    """All layers' numbers, and the state [PEs] int64 of every PE's LFSR."""

    layers: list[LayerState]
    lfsr: Tensor

    def __post_init__(self) -> None:
        """Check types; `check` checks sizes and values."""
        self.layers = list(items("layers", self.layers))
        for index, layer in enumerate(self.layers):
            instance(f"layer {index}", layer, LayerState)
        tensor_of("lfsr", self.lfsr)

    @classmethod
    def at_rest(
        cls,
        layers: Sequence[tuple[Weights, Tensor]],
        *,
        seed: int,
        rows: int = 1,
        cols: int = 1,
    ) -> "TrainingState":
        """Return the state that training begins with.

        Parameters
        ----------
        layers
            Per layer the stored weights of its stages, and its bias.
        seed, rows, cols
            Of the LFSRs: the seed, and the size of the torus in PEs.
        """
        given = [items("each layer", layer, 2) for layer in items("layers", layers)]
        return cls(
            [LayerState.at_rest(masters, bias) for masters, bias in given],
            seed_states(seed, rows, cols),
        )

    def clone(self) -> "TrainingState":
        """Return a copy that shares no memory with this one."""
        state = {name: tensor.clone() for name, tensor in self.state_dict().items()}
        return TrainingState.from_state_dict(state, len(self.layers))

    def differences(self, other: "TrainingState") -> list[str]:
        """Name the tensors that differ, as in `state_dict`; none if all words are equal."""
        mine, theirs = self.state_dict(), other.state_dict()
        return [
            name
            for name in sorted(mine.keys() | theirs.keys())
            if name not in mine or name not in theirs or not mine[name].equal(theirs[name])
        ]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TrainingState) and not self.differences(other)

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def state_dict(self) -> dict[str, Tensor]:
        """Return every tensor by name, "layers.0.input_weight" and so on, and "lfsr"."""
        found = {
            f"layers.{index}.{name}": tensor
            for index, layer in enumerate(self.layers)
            for name, tensor in layer.named().items()
        }
        return found | {"lfsr": self.lfsr}

    @classmethod
    def from_state_dict(cls, saved: object, layers: int) -> "TrainingState":
        """Return the state of so many layers from what `state_dict` returned.

        Raises
        ------
        CheckpointError
            If it is something else: a tensor is missing, or there is one too many.
        """
        state = _tensors(saved)
        layers = whole_number("layers", layers, 1, _MOST_LAYERS, error=CheckpointError)
        names = {f"layers.{index}.{name}" for index in range(layers) for name in _LAYER_NAMES}
        odd = sorted((names | {"lfsr"}) ^ set(state))
        if odd:
            raise CheckpointError(
                f"the training state must hold the words of {layers} layers: {', '.join(odd)}"
            )

        def layer(index: int) -> LayerState:
            words = [state[f"layers.{index}.{name}"] for name in _LAYER_NAMES]
            masters, velocities = words[:3], words[4:7]
            return LayerState(
                (masters[0], masters[1], masters[2]),
                words[3],
                (velocities[0], velocities[1], velocities[2]),
                words[7],
            )

        return cls([layer(index) for index in range(layers)], state["lfsr"])

    def check(self, form: TrainingFormat, pes: int) -> None:
        """Check that every word fits `form`, and that there is an LFSR for each of `pes` PEs.

        Raises
        ------
        ShapeError
            If a tensor is not int64 or does not have the shape that its layer asks for.
        ModelError
            If a word does not fit its width, or an LFSR is 0.
        """
        instance("form", form, TrainingFormat)
        pes = whole_number("pes", pes, 1)
        if len(self.layers) != len(form.layers):
            raise ShapeError(
                f"the training state must be of {len(form.layers)} layers, not {len(self.layers)}"
            )
        for index, (layer, shape) in enumerate(zip(self.layers, form.shapes, strict=True)):
            sizes = (*weight_sizes(shape), (shape.out_features,))
            widths = (*(form.master_bits,) * 3, form.bias_bits, *(max(form.velocity_bits, 1),) * 4)
            for (name, tensor), size, bits in zip(
                layer.named().items(), sizes * 2, widths, strict=True
            ):
                check_tensor(f"layer {index}: {name}", tensor, size)
                if signed_bits(tensor) > bits:
                    raise ModelError(
                        f"layer {index}: {name} must fit {bits} bits, "
                        f"but needs {signed_bits(tensor)}"
                    )
        check_tensor("lfsr", self.lfsr, (pes,))
        if int(self.lfsr.min()) < 1 or int(self.lfsr.max()) >> LFSR_BITS:
            raise ModelError(
                f"lfsr must be 1 to {(1 << LFSR_BITS) - 1}, "
                f"not {int(self.lfsr.min())} to {int(self.lfsr.max())}"
            )


def initial_state(
    model: nn.Module, form: TrainingFormat, *, seed: int = 0, rows: int = 1, cols: int = 1
) -> TrainingState:
    """Turn a float model's weights into the state that training begins with.

    Parameters
    ----------
    model
        What `quantise` takes; its layers and ReLUs must be those of `form`.
    form
        The layers' fraction bits; weights and biases that do not fit saturate.
    seed, rows, cols
        Of the LFSRs: the seed, and the size of the torus in processing elements.

    Raises
    ------
    ModelError
        If the model is not one that `quantise` takes, or is another one than that of `form`.
    """
    form = instance("form", form, TrainingFormat)
    chain = clos_chain(model, training=True)
    found = [(item.layer.shape.as_tuple(), item.relu) for item in chain]
    wanted = [(layer.shape.as_tuple(), layer.relu) for layer in form.layers]
    if found != wanted:
        raise ModelError(f"the model's layers (shape, ReLU) must be {wanted}, not {found}")
    layers: list[tuple[tuple[Tensor, Tensor, Tensor], Tensor]] = []
    for index, item in enumerate(chain):
        first, second, third = form.layers[index].master_fraction_bits
        layer, bits = item.layer, form.master_bits
        bias = torch.zeros(layer.out_features) if layer.bias is None else layer.bias
        masters = (
            to_words(layer.input_weight, first, bits),
            to_words(layer.middle_weight, second, bits),
            to_words(layer.output_weight, third, bits),
        )
        layers.append((masters, to_words(bias, form.bias_fraction_bits(index), form.bias_bits)))
    return TrainingState.at_rest(layers, seed=seed, rows=rows, cols=cols)


def _three(name: str, tensors: Weights) -> Weights:
    first, second, third = (tensor_of(name, one) for one in items(name, tensors, 3))
    return first, second, third


def _tensors(saved: object) -> dict[str, Tensor]:
    """Return what a state dict holds, from something that may be none."""
    found = cast(Mapping[str, object], saved if isinstance(saved, Mapping) else {"it": saved})
    odd = [name for name, value in found.items() if not isinstance(value, Tensor)]
    if odd:
        raise CheckpointError(
            f"the training state must be tensors by name: {shown(odd[0])} is of type "
            f"{type(found[odd[0]]).__name__}"
        )
    return cast(dict[str, Tensor], found)


_LAYER_NAMES = (
    *(f"{stage}_weight" for stage in STAGES),
    "bias",
    *(f"{stage}_velocity" for stage in STAGES),
    "bias_velocity",
)
