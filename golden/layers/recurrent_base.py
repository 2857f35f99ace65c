"""What the Clos LSTM and the Clos GRU share."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Self, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from golden.arguments import instance, items, real_number, shown, whole_number
from golden.clos.layer import ClosLinear
from golden.clos.shape import ClosShape
from golden.errors import ShapeError
from golden.recurrent.forms import walk
from golden.recurrent.sequences import last_steps, packed_like, reversed_steps, unpacked
from golden.tensors.dense import keep_frozen
from golden.tensors.inputs import check_plain
from golden.tensors.tracing import records_sizes

__all__ = ["ClosRecurrent"]

Dense = TypeVar("Dense", bound=nn.RNNBase)

_MOST_LAYERS = 1 << 16


class Given(NamedTuple):
    """Inputs [T, N, I] and states [layers, N, H], and what they were brought from."""

    x: Tensor
    states: tuple[Tensor, ...]
    lengths: Tensor | None
    batched: bool
    packed: PackedSequence | None

    def state(self, state: Tensor) -> Tensor:
        """Bring a state to the form and the order of that before the inputs."""
        order = None if self.packed is None else self.packed.unsorted_indices
        if order is not None:
            return state.index_select(1, order)
        return state if self.batched else state[:, 0]


class ClosRecurrent(nn.Module):
    """The maps of every layer, the walk through time, and the shapes: NeuroFabric, section VIII.

    Parameters
    ----------
    input_size, hidden_size
        Inputs I and neurons H.
    reduction
        Weights of a dense map for each of these, of input and state alike: `ClosShape.from_budget`.
    num_layers
        Layers, each fed by the one before.
    bias
        Whether both maps have biases, which start at 0.
    batch_first
        Whether inputs and outputs are [N, T, ...] rather than [T, N, ...].
    dropout
        Part of the values between layers that is dropped in training.
    bidirectional
        Whether every layer reads the sequence from its end, too; the next one is fed by both.
    proj_size
        Must be 0: there are no projections of h.
    device, dtype
        Of the parameters.

    Attributes
    ----------
    input_maps, state_maps : ModuleList
        The `ClosLinear` of every layer, with the gates in PyTorch's order; if bidirectional, those
        of the way back behind those of the way there, layer by layer.
    cell, gates, dense
        Of a subclass: its name in `golden.recurrent`, its gates, and PyTorch's layer.

    Raises
    ------
    ShapeError
        If a size makes no layer, `reduction` is too large, `proj_size` is not 0, or inputs or
        state do not fit.
    """

    cell: str
    gates: int
    dense: type[nn.RNNBase]

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        reduction: float,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make the maps; see the class."""
        super().__init__()
        input_size = whole_number("input_size", input_size, 1)
        hidden_size = whole_number("hidden_size", hidden_size, 1)
        num_layers = whole_number("num_layers", num_layers, 1, _MOST_LAYERS)
        dropout = real_number("dropout", dropout)
        if not 0 <= dropout < 1:
            raise ShapeError(f"dropout must be at least 0 and below 1, not {dropout}")
        self.input_size, self.hidden_size = input_size, hidden_size
        self.num_layers, self.batch_first, self.dropout = num_layers, batch_first, dropout
        self.bias, self.bidirectional, self.proj_size = bias, bool(bidirectional), 0
        if whole_number("proj_size", proj_size, 0):
            raise ShapeError(
                f"proj_size must be 0, not {shown(proj_size)}: a Clos layer has no projections of "
                "its state; a ClosLinear behind it makes outputs smaller"
            )
        self.directions = 2 if self.bidirectional else 1

        def maps(sizes: list[int]) -> nn.ModuleList:
            shapes = [
                ClosShape.from_budget(size, self.gates * hidden_size, reduction=reduction)
                for size in sizes
            ]
            return nn.ModuleList(ClosLinear.of_shape(s, bias, device, dtype) for s in shapes)

        sizes = [input_size] + [self.directions * hidden_size] * (num_layers - 1)
        self.input_maps = maps([size for size in sizes for _ in range(self.directions)])
        self.state_maps = maps([hidden_size] * (num_layers * self.directions))
        self.reset_parameters()

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights anew, and set the biases to 0."""
        for _, one in self._maps():
            one.reset_parameters(generator)

    def flatten_parameters(self) -> None:
        """Do nothing: code for PyTorch's layers calls it, whose weights then lie side by side."""

    def run(
        self, x: Tensor, states: tuple[Tensor, ...], lengths: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Compute [T, N, I] and states of [layers, N, H] to the outputs and the states after it."""
        finals: list[tuple[Tensor, ...]] = []
        maps = list(zip(self.input_maps, self.state_maps, strict=True))
        for layer in range(self.num_layers):
            if layer > 0 and self.dropout:
                x = nn.functional.dropout(x, self.dropout, self.training)
            outputs: list[Tensor] = []
            for back in range(self.directions):
                index = layer * self.directions + back
                state = tuple(each[index] for each in states)
                source = reversed_steps(x, lengths) if back else x
                found = walk(
                    self.cell, *maps[index], source, state, lengths is not None, self.training
                )
                finals.append(tuple(last_steps(one, lengths) for one in found))
                outputs.append(reversed_steps(found[0], lengths) if back else found[0])
            x = outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=-1)
        return x, tuple(torch.stack(each) for each in zip(*finals, strict=True))

    def checked(self, x: object, states: tuple[Any, ...] | None, count: int) -> Given:
        """Bring inputs to [T, N, I] and states to [layers, N, H]; remember what they were."""
        packed = x if isinstance(x, PackedSequence) else None
        lengths = None
        if packed is not None:
            x, lengths = unpacked(packed)
        check_plain(x)
        assert isinstance(x, Tensor)
        known, batch_first = not records_sizes(x), self.batch_first and packed is None
        if known and (
            x.ndim not in (2, 3) or x.shape[-1] != self.input_size or 0 in x.shape[:-1]
        ):
            wanted = f"[{'N, T' if batch_first else 'T, N'}, {self.input_size}]"
            raise ShapeError(
                f"input must have shape {wanted} or [T, {self.input_size}], none of them 0, not "
                f"{list(x.shape)}"
            )
        batched = x.ndim == 3
        if not batched:
            x = x[:, None]
        elif batch_first:
            x = x.transpose(0, 1)
        size = (self.num_layers * self.directions, x.shape[1], self.hidden_size)
        if states is None:
            return Given(x, (x.new_zeros(size),) * count, lengths, batched, packed)
        states = items("state", states, count)
        expected = size if batched else (size[0], size[2])
        for state in states if known else ():
            if tuple(instance("state", state, Tensor).shape) != expected:
                raise ShapeError(
                    f"the state must have shape {list(expected)}, not {list(state.shape)}"
                )
        order = None if packed is None else packed.sorted_indices
        if order is not None:
            states = tuple(state.index_select(1, order) for state in states)
        if not batched:
            states = tuple(state[:, None] for state in states)
        return Given(x, states, lengths, batched, packed)

    def shaped(self, y: Tensor, given: Given) -> Tensor | PackedSequence:
        """Bring [T, N, K] to the form that the inputs had."""
        if given.packed is not None and given.lengths is not None:
            return packed_like(y, given.lengths, given.packed)
        if not given.batched:
            return y[:, 0]
        return y.transpose(0, 1) if self.batch_first else y

    @torch.no_grad()
    def filled(self, kind: Callable[..., Dense]) -> Dense:
        """Make PyTorch's layer of this kind, with the maps multiplied out."""
        weight = next(self.parameters())
        dense = kind(
            self.input_size,
            self.hidden_size,
            self.num_layers,
            self.bias,
            self.batch_first,
            self.dropout,
            self.bidirectional,
            device=weight.device,
            dtype=weight.dtype,
        )
        for suffix, one in self._maps():
            _parameter(dense, f"weight_{suffix}").copy_(one.to_dense())
            if one.bias is not None:
                _parameter(dense, f"bias_{suffix}").copy_(one.bias)
        return dense

    @classmethod
    @torch.no_grad()
    def fitted(
        cls, dense: nn.RNNBase, reduction: float, sweeps: int, generator: torch.Generator | None
    ) -> Self:
        """Make the layer whose maps are near those of PyTorch's."""
        dense = instance("layer", dense, cls.dense)
        if dense.proj_size:
            raise ShapeError(
                f"layer must have a proj_size of 0, not {dense}: a Clos layer has no projections "
                "of its state"
            )
        weight = _parameter(dense, "weight_ih_l0")
        new = cls(
            dense.input_size,
            dense.hidden_size,
            reduction=reduction,
            num_layers=dense.num_layers,
            bias=dense.bias,
            batch_first=dense.batch_first,
            dropout=dense.dropout,
            bidirectional=dense.bidirectional,
            device=weight.device,
            dtype=weight.dtype,
        )
        for suffix, one in new._maps():
            weight = _parameter(dense, f"weight_{suffix}")
            whole = nn.Linear(weight.shape[1], weight.shape[0], dense.bias).to(weight)
            whole.weight.copy_(weight)
            bias = _parameter(dense, f"bias_{suffix}") if dense.bias else None
            if bias is not None:
                whole.bias.copy_(bias)
            near = ClosLinear.from_dense(whole, one.shape, sweeps=sweeps, generator=generator)
            one.load_state_dict(near.state_dict())
            keep_frozen(one, weight, bias)
        return new

    def _maps(self) -> Iterator[tuple[str, ClosLinear]]:
        """Yield every map, and how PyTorch's names of its parameters end."""
        for name, maps in (("ih", self.input_maps), ("hh", self.state_maps)):
            for index, one in enumerate(maps):
                layer, back = divmod(index, self.directions)
                if isinstance(one, ClosLinear):
                    yield f"{name}_l{layer}{'_reverse' if back else ''}", one

    def extra_repr(self) -> str:
        """Describe the layer as PyTorch's does."""
        both = ", bidirectional=True" if self.bidirectional else ""
        return f"{self.input_size}, {self.hidden_size}, num_layers={self.num_layers}{both}"


def _parameter(module: nn.Module, name: str) -> Tensor:
    return cast(Tensor, getattr(module, name))
