"""What changes in training: stored weights, biases, accumulators, and every PE's LFSR."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from golden.arguments import instance, items, shown, whole_number
from golden.arguments import tensor as tensor_of
from golden.errors import CheckpointError, ModelError, ShapeError
from golden.fixed.format import TrainingFormat
from golden.fixed.layer_format import STAGES
from golden.fixed.lfsr import LFSR_BITS, seed_states
from golden.fixed.visits import check_tensor, weight_sizes
from golden.fixed.words import signed_bits, to_words
from golden.layers.weights import weights_of
from golden.models.read import read_chain

__all__ = ["LayerState", "TrainingState", "Weights", "initial_state"]

Weights = tuple[Tensor, ...]
"""A tensor for the weights of each stage: [I, Rm], [Rm, Ri, Ro], [O, Rm]; of a dense layer [O, I].
"""

_MOST_LAYERS = 1 << 16

# What the names of a layer's tensors begin with, by how many stages with weights it has: a dense
# layer has one.
_PREFIXES = {len(STAGES): tuple(f"{stage}_" for stage in STAGES), 1: ("",)}


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
        self.masters = _weights("masters", self.masters)
        self.velocities = _weights("velocities", self.velocities, len(self.masters))
        tensor_of("bias", self.bias)
        tensor_of("bias_velocity", self.bias_velocity)

    @classmethod
    def at_rest(cls, masters: Weights, bias: Tensor) -> "LayerState":
        """Return the state with zero velocities."""
        masters, bias = _weights("masters", masters), tensor_of("bias", bias)
        velocities = tuple(torch.zeros_like(master) for master in masters)
        return cls(masters, bias, velocities, torch.zeros_like(bias))

    def named(self) -> dict[str, Tensor]:
        """Return every tensor by name."""
        tensors = (*self.masters, self.bias, *self.velocities, self.bias_velocity)
        return dict(zip(_names(len(self.masters)), tensors, strict=True))


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
        names = [
            [f"layers.{index}.{name}" for name in _names(1 if dense else len(STAGES))]
            for index in range(layers)
            for dense in [f"layers.{index}.weight" in state]
        ]
        odd = sorted({"lfsr", *(name for layer in names for name in layer)} ^ set(state))
        if odd:
            raise CheckpointError(
                f"the training state must hold the words of {layers} layers: {', '.join(odd)}"
            )

        def layer(tensors: list[Tensor]) -> LayerState:
            half = len(tensors) // 2
            masters, velocities = tensors[: half - 1], tensors[half:-1]
            return LayerState(
                tuple(masters), tensors[half - 1], tuple(velocities), tensors[-1]
            )

        found = [layer([state[name] for name in of_layer]) for of_layer in names]
        return cls(found, state["lfsr"])

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
            if len(layer.masters) != len(sizes) - 1:
                raise ShapeError(
                    f"layer {index}: masters must be of {len(sizes) - 1} stages, those of layer "
                    f"{shape}, not {len(layer.masters)}"
                )
            widths = [form.master_bits] * len(layer.masters) + [form.bias_bits]
            widths += [max(form.velocity_bits, 1)] * len(sizes)
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
    chain = read_chain(model, training=True)
    found = [(item.shape.as_tuple(), item.relu) for item in chain]
    wanted = [(layer.shape.as_tuple(), layer.relu) for layer in form.layers]
    if found != wanted:
        raise ModelError(f"the model's layers (shape, ReLU) must be {wanted}, not {found}")
    layers: list[tuple[Weights, Tensor]] = []
    for index, item in enumerate(chain):
        weights, bias = weights_of(item.layer)
        masters = tuple(
            to_words(weight, bits, form.master_bits)
            for weight, bits in zip(
                weights, form.layers[index].master_fraction_bits, strict=True
            )
        )
        layers.append((masters, to_words(bias, form.bias_fraction_bits(index), form.bias_bits)))
    return TrainingState.at_rest(layers, seed=seed, rows=rows, cols=cols)


def _names(stages: int) -> list[str]:
    """Names of a layer's tensors, in the order of `LayerState`."""
    weights, velocities = (
        [f"{prefix}{kind}" for prefix in _PREFIXES[stages]] for kind in ("weight", "velocity")
    )
    return [*weights, "bias", *velocities, "bias_velocity"]


def _weights(name: str, tensors: Weights, count: int | None = None) -> Weights:
    found = tuple(tensor_of(name, one) for one in items(name, tensors, count))
    if len(found) not in _PREFIXES:
        raise ShapeError(
            f"{name} must be of {len(STAGES)} stages, or of the one of a dense layer, "
            f"not of {len(found)}"
        )
    return found


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
