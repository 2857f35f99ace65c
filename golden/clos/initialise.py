"""Initial weights that keep the variance of signals in sparse layers."""

import math

import torch
from torch import Tensor

from golden.arguments import check_generator, instance, real_number, shown, tensor
from golden.clos.shape import ClosShape
from golden.errors import ShapeError

__all__ = ["INITIALISATIONS", "clos_gain", "initial_scale", "per_neuron_fan_", "sparse_xavier_"]

INITIALISATIONS = ("sparse-xavier", "per-neuron-fan")
"""What a sparse layer's `initialisation` may be."""


@torch.no_grad()
def sparse_xavier_(
    weight: Tensor, mean_fans: float, generator: torch.Generator | None = None
) -> Tensor:
    """Draw `weight` from U(-r, r), r = sqrt(6 / mean_fans): NeuroFabric, eq. 2.

    It is Xavier's range with the fans that a neuron really has. The variance r^2 / 3 keeps that of
    signals and of errors where fan-in and fan-out are equal: NeuroFabric, eq. 1 and appendix A.

    Parameters
    ----------
    weight
        Of any shape; changed in place and returned.
    mean_fans
        Mean fan-in plus mean fan-out, (n_in + n_out) times the density.
    generator
        PyTorch's global one by default.

    Raises
    ------
    ShapeError
        If `weight` is not of real numbers, or `mean_fans` is not above 0 and finite.
    """
    check_generator(generator)
    fans = real_number("mean_fans", mean_fans)
    if not instance("weight", weight, Tensor).is_floating_point():
        raise ShapeError(f"weight must be of real numbers, not {weight.dtype}")
    if not 0 < fans < math.inf:
        raise ShapeError(f"mean_fans must be above 0 and finite, not {mean_fans}")
    bound = math.sqrt(6 / fans)
    return weight.uniform_(-bound, bound, generator=generator)


@torch.no_grad()
def per_neuron_fan_(
    weight: Tensor, outputs: Tensor, generator: torch.Generator | None = None
) -> Tensor:
    """Draw each weight from U(-r, r), r = sqrt(3 / fan-in of the neuron that it leads to).

    The variance is 1 / fan-in, neuron by neuron: Evci, Ioannou, Keskin and Dauphin, "Gradient Flow
    in Sparse Neural Networks and How Lottery Tickets Win", section 3.1, with the gain of linear
    neurons. Where fan-ins differ it keeps each neuron's variance, `sparse_xavier_` only their mean.

    Parameters
    ----------
    weight
        [edges]; changed in place and returned.
    outputs
        Whole numbers [edges]: the neuron that each edge leads to.
    generator
        PyTorch's global one by default.

    Raises
    ------
    ShapeError
        If the two sizes differ, `weight` is not of real numbers, or `outputs` of whole ones.
    """
    check_generator(generator)
    outputs = tensor("outputs", outputs)
    if not instance("weight", weight, Tensor).is_floating_point():
        raise ShapeError(f"weight must be of real numbers, not {weight.dtype}")
    if weight.ndim != 1 or outputs.shape != weight.shape:
        raise ShapeError(
            f"outputs must have the shape of weight, {list(weight.shape)}, and one dimension, "
            f"not {list(outputs.shape)}"
        )
    if weight.numel() == 0:
        return weight
    if outputs.dtype != torch.int64 or int(outputs.min()) < 0:
        raise ShapeError(
            f"outputs must be int64 of at least 0, not {outputs.dtype} from {outputs.min()}"
        )
    fan_ins = torch.bincount(outputs)[outputs].to(weight.dtype)
    return weight.uniform_(-1, 1, generator=generator).mul_((3 / fan_ins).sqrt())


def initial_scale(shape: ClosShape) -> float:
    """Return the standard deviation of the first outputs of a `ClosLinear` of gain 1.

    The inputs are independent, of mean 0 and variance 1. Each stage multiplies the variance by
    2 fan-in / (fan-in + fan-out), NeuroFabric, appendix A: with even routers it becomes

        2 i / (i + Rm) * 2 Ri / (Ri + Ro) * 2 Rm / (Rm + o), i = I / Ri, o = O / Ro.

    That of an `nn.Linear` is the root of 1/3, 0.58.
    """
    ri, rm, ro = shape.input_routers, shape.middle_routers, shape.output_routers
    first = sum(2 * size / (size + rm) * count for count, size in shape.input_groups)
    middle = first * 2 / (ri + ro)
    last = sum(2 * rm / (rm + size) * count * size for count, size in shape.output_groups)
    return math.sqrt(middle * last / shape.out_features)


def clos_gain(shape: ClosShape, gain: object) -> float:
    """Return the gain of a layer as a number; "linear" gives outputs the scale of `nn.Linear`.

    Raises
    ------
    ShapeError
        If it is another text, or no number above 0.
    """
    if isinstance(gain, str):
        if gain != "linear":
            raise ShapeError(f'gain must be a number above 0 or "linear", not {shown(gain)}')
        return 1 / (math.sqrt(3) * initial_scale(shape))
    number = real_number("gain", gain)
    if not 0 < number < math.inf:
        raise ShapeError(f'gain must be a number above 0 or "linear", not {shown(gain)}')
    return number
