"""What the Clos LSTM and the Clos GRU share."""

from collections.abc import Callable, Iterator
from typing import Any, Self, TypeVar, cast

import torch
from torch import Tensor, fx, nn

from golden.arguments import instance, items, real_number, whole_number
from golden.clos.layer import ClosLinear
from golden.clos.shape import ClosShape
from golden.errors import ModelError, ShapeError
from golden.tensors.dense import keep_frozen
from golden.tensors.inputs import check_plain
from golden.tensors.tracing import records_sizes

__all__ = ["ClosRecurrent"]

Dense = TypeVar("Dense", bound=nn.RNNBase)

_MOST_LAYERS = 1 << 16


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
    device, dtype
        Of the parameters.

    Attributes
    ----------
    input_maps, state_maps : ModuleList
        The `ClosLinear` of every layer, with the gates in PyTorch's order.
    gates, dense
        Of a subclass: its gates, and PyTorch's layer.

    Raises
    ------
    ShapeError
        If a size makes no layer, `reduction` is too large, or inputs or state do not fit.
    """

    gates: int
    dense: type[nn.RNNBase]
    bidirectional = False
    proj_size = 0

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
        self.bias = bias

        def maps(sizes: list[int]) -> nn.ModuleList:
            shapes = [
                ClosShape.from_budget(size, self.gates * hidden_size, reduction=reduction)
                for size in sizes
            ]
            return nn.ModuleList(ClosLinear.of_shape(s, bias, device, dtype) for s in shapes)

        self.input_maps = maps([input_size] + [hidden_size] * (num_layers - 1))
        self.state_maps = maps([hidden_size] * num_layers)
        self.reset_parameters()

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights anew, and set the biases to 0."""
        for _, one in self._maps():
            one.reset_parameters(generator)

    def flatten_parameters(self) -> None:
        """Do nothing: code for PyTorch's layers calls it, whose weights then lie side by side."""

    def run(self, x: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Compute [T, N, I] and states of [layers, N, H] to [T, N, H] and the states after it."""
        finals: list[tuple[Tensor, ...]] = []
        for index, (input_map, state_map) in enumerate(
            zip(self.input_maps, self.state_maps, strict=True)
        ):
            if index > 0 and self.dropout:
                x = nn.functional.dropout(x, self.dropout, self.training)
            given = input_map(x)  # Of all times at once: these do not wait for the state.
            state = tuple(each[index] for each in states)
            outputs: list[Tensor] = []
            for step in given.unbind():
                state = self.step(step, state_map(state[0]), state)
                outputs.append(state[0])
            x = torch.stack(outputs)
            finals.append(state)
        return x, tuple(torch.stack(each) for each in zip(*finals, strict=True))

    def step(self, given: Tensor, held: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Compute the next state, each [N, H], from the maps of input and state [N, gates H]."""
        raise NotImplementedError

    def as_node(self, x: fx.Proxy, state: object) -> Any:
        """Become a node of the graph that `torch.fx` traces, as PyTorch's recurrent layers do.

        Raises
        ------
        ModelError
            If this layer is itself the root of what is traced, which has no node to become.
        """
        tracer = cast(fx.Tracer, x.tracer)
        path = tracer.path_of_module(self)
        if not path:
            raise ModelError(
                f"{type(self).__name__} must be a layer of the model that torch.fx traces, not the "
                "whole of it: it is a node of the graph, for its steps depend on the length"
            )
        return tracer.create_proxy("call_module", path, (x, state), {})

    def checked(
        self, x: Tensor, states: tuple[Tensor, ...] | None, count: int
    ) -> tuple[Tensor, tuple[Tensor, ...], bool]:
        """Bring inputs to [T, N, I] and states to [layers, N, H]; say whether there was a batch."""
        if isinstance(cast(object, x), nn.utils.rnn.PackedSequence):
            raise ShapeError("input must be a tensor: packed sequences are not taken")
        check_plain(x)
        wanted = "[N, T, {}]" if self.batch_first else "[T, N, {}]"
        known = not records_sizes(x)
        if known and (
            x.ndim not in (2, 3) or x.shape[-1] != self.input_size or 0 in x.shape[:-1]
        ):
            raise ShapeError(
                f"input must have shape {wanted.format(self.input_size)} or [T, "
                f"{self.input_size}], none of them 0, not {list(x.shape)}"
            )
        batched = x.ndim == 3
        if not batched:
            x = x[:, None]
        elif self.batch_first:
            x = x.transpose(0, 1)
        size = (self.num_layers, x.shape[1], self.hidden_size)
        if states is None:
            return x, (x.new_zeros(size),) * count, batched
        states = items("state", states, count)
        expected = size if batched else (size[0], size[2])
        for state in states if known else ():
            if tuple(instance("state", state, Tensor).shape) != expected:
                raise ShapeError(
                    f"the state must have shape {list(expected)}, not {list(state.shape)}"
                )
        return x, states if batched else tuple(state[:, None] for state in states), batched

    def shaped(self, y: Tensor, batched: bool) -> Tensor:
        """Bring [T, N, H] to the form that the inputs had."""
        if not batched:
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
        if dense.bidirectional or dense.proj_size:
            raise ShapeError(
                f"layer must have one direction and no projection, not {dense}: those have no Clos "
                "form here"
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
                if isinstance(one, ClosLinear):
                    yield f"{name}_l{index}", one

    def extra_repr(self) -> str:
        """Describe the layer as PyTorch's does."""
        return f"{self.input_size}, {self.hidden_size}, num_layers={self.num_layers}"


def _parameter(module: nn.Module, name: str) -> Tensor:
    return cast(Tensor, getattr(module, name))
