"""LSTM and GRU whose maps from inputs and from the state are Clos networks."""

from typing import Any

import torch
from torch import Tensor, fx, nn

from golden.layers.recurrent_base import ClosRecurrent
from golden.tensors.autocast import as_operands
from golden.tensors.nodes import as_node

__all__ = ["ClosGRU", "ClosLSTM"]


class ClosLSTM(ClosRecurrent):
    """A drop-in for `nn.LSTM`, but for projections: NeuroFabric, section VIII.

    The four gates' maps are one Clos network from I to 4 H, and one from H to 4 H.

    Parameters, attributes and errors are those of `ClosRecurrent`.
    """

    cell = "lstm"
    gates = 4
    dense = nn.LSTM

    def forward(self, x: Any, state: Any = None) -> tuple[Any, tuple[Tensor, Tensor]]:
        """Compute inputs, and a state (h, c) before them, as `nn.LSTM` does.

        Parameters
        ----------
        x
            [T, N, I], [N, T, I] if `batch_first`, [T, I] without a batch, or a `PackedSequence`.
        state
            h and c, each [layers, N, H], or [layers, H] without a batch; twice as many layers if
            bidirectional. Zeros by default.

        Returns
        -------
        tuple
            The outputs as `x`, with H numbers each (2 H if bidirectional), and the state after it.
        """
        if isinstance(x, fx.Proxy):
            return as_node(self, x, state)
        given = self.checked(x, state, 2)
        # PyTorch's own takes part in autocast, its state too; a GRU of PyTorch's does not.
        x, *states = as_operands(given.x, *given.states, device=given.x.device)
        y, (h, c) = self.run(x, tuple(states), given.lengths)
        return self.shaped(y, given), (given.state(h), given.state(c))

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
    """A drop-in for `nn.GRU`: NeuroFabric, section VIII.

    The three gates' maps are one Clos network from I to 3 H, and one from H to 3 H.

    Parameters, attributes and errors are those of `ClosRecurrent`.
    """

    cell = "gru"
    gates = 3
    dense = nn.GRU

    def forward(self, x: Any, state: Any = None) -> tuple[Any, Tensor]:
        """Compute inputs, and a state h before them, as `nn.GRU` does; see `ClosLSTM.forward`."""
        if isinstance(x, fx.Proxy):
            return as_node(self, x, state)
        given = self.checked(x, None if state is None else (state,), 1)
        y, (h,) = self.run(given.x, given.states, given.lengths)
        return self.shaped(y, given), given.state(h)

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
