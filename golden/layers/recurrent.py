"""LSTM and GRU whose maps from inputs and from the state are Clos networks."""

import torch
from torch import Tensor, fx, nn

from golden.layers.recurrent_base import ClosRecurrent
from golden.tensors.autocast import as_operands

__all__ = ["ClosGRU", "ClosLSTM"]


class ClosLSTM(ClosRecurrent):
    """A drop-in for `nn.LSTM`, in one direction and without projections: NeuroFabric, section VIII.

    The four gates' maps are one Clos network from I to 4 H, and one from H to 4 H.

    Parameters, attributes and errors are those of `ClosRecurrent`.
    """

    gates = 4
    dense = nn.LSTM

    def forward(
        self, x: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Compute [T, N, I], and a state (h, c) of [layers, N, H], as `nn.LSTM` does."""
        if isinstance(x, fx.Proxy):
            return self.as_node(x, state)
        x, states, batched = self.checked(x, state, 2)
        # PyTorch's own takes part in autocast, its state too; a GRU of PyTorch's does not.
        x, *states = as_operands(x, *states, device=x.device)
        y, (h, c) = self.run(x, tuple(states))
        if not batched:
            h, c = h[:, 0], c[:, 0]
        return self.shaped(y, batched), (h, c)

    def step(self, given: Tensor, held: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Compute the next (h, c)."""
        keep_in, keep, new, out = (given + held).chunk(4, dim=-1)
        c = torch.sigmoid(keep) * state[1] + torch.sigmoid(keep_in) * torch.tanh(new)
        return torch.sigmoid(out) * torch.tanh(c), c

    @classmethod
    def from_dense(
        cls,
        layer: nn.LSTM,
        *,
        reduction: float,
        sweeps: int = 200,
        generator: torch.Generator | None = None,
    ) -> "ClosLSTM":
        """Make a layer whose maps are near those of `layer`; see `golden.clos.fit.fit_clos`."""
        return cls.fitted(layer, reduction, sweeps, generator)

    def to_dense(self) -> nn.LSTM:
        """Multiply the maps out to the equal `nn.LSTM`."""
        return self.filled(nn.LSTM)


class ClosGRU(ClosRecurrent):
    """A drop-in for `nn.GRU`, in one direction: NeuroFabric, section VIII.

    The three gates' maps are one Clos network from I to 3 H, and one from H to 3 H.

    Parameters, attributes and errors are those of `ClosRecurrent`.
    """

    gates = 3
    dense = nn.GRU

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Compute [T, N, I], and a state h of [layers, N, H], as `nn.GRU` does."""
        if isinstance(x, fx.Proxy):
            return self.as_node(x, state)
        x, states, batched = self.checked(x, None if state is None else (state,), 1)
        y, (h,) = self.run(x, states)
        return self.shaped(y, batched), h if batched else h[:, 0]

    def step(self, given: Tensor, held: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Compute the next h; the reset gate acts behind the state's map, as in PyTorch."""
        reset_x, keep_x, new_x = given.chunk(3, dim=-1)
        reset_h, keep_h, new_h = held.chunk(3, dim=-1)
        keep = torch.sigmoid(keep_x + keep_h)
        new = torch.tanh(new_x + torch.sigmoid(reset_x + reset_h) * new_h)
        return (keep * state[0] + (1 - keep) * new,)

    @classmethod
    def from_dense(
        cls,
        layer: nn.GRU,
        *,
        reduction: float,
        sweeps: int = 200,
        generator: torch.Generator | None = None,
    ) -> "ClosGRU":
        """Make a layer whose maps are near those of `layer`; see `golden.clos.fit.fit_clos`."""
        return cls.fitted(layer, reduction, sweeps, generator)

    def to_dense(self) -> nn.GRU:
        """Multiply the maps out to the equal `nn.GRU`."""
        return self.filled(nn.GRU)
