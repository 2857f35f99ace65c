"""Convolutions in one direction that are Clos networks."""

from torch import nn

from golden.layers.conv_base import ClosConvolution

__all__ = ["ClosConv1d"]


class ClosConv1d(ClosConvolution):
    """A drop-in for `nn.Conv1d` whose kernel is a Clos cascade.

    It is `ClosConv2d` in one direction, with the same arguments: f values of each of c channels are
    a patch of c f inputs. Weights: Rm (f c + k + Ri Ro), where f c k would be dense. `forward`
    takes [N, c, L] or [c, L].
    """

    dimensions = 1
    dense_kind = nn.Conv1d

    def multiply_adds(self, length: int) -> int:
        """Products of the stages for one sequence with outputs of this length."""
        return self.products(length)
