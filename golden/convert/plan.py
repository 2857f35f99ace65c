"""What a layer is to be replaced by, before any weights are found."""

import dataclasses
from collections.abc import Callable
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from golden.arguments import shown
from golden.convert.build import built
from golden.errors import ModelError
from golden.tensors.dense import keep_frozen

__all__ = [
    "Initialise",
    "LayerSpec",
    "PassedOver",
    "Plan",
    "check_initialise",
    "new_plan",
    "planned",
]

Initialise = Literal["fit", "new"]


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """The layer that replaces another one, and how its weights are found.

    Parameters
    ----------
    kind, arguments
        Its class and what it is made with, such as "ClosLinear" and numbers, lists and texts: what
        `golden.convert.rebuild` makes it of.
    weights
        That it will have; biases are not counted.
    make
        Makes the layer, given inputs [N, I] by which the fit is weighted, or None.
    fitted
        Whether that is a fit, whose error means something.
    """

    kind: str
    arguments: dict[str, object]
    weights: int
    make: Callable[[Tensor | None], nn.Module]
    fitted: bool


class PassedOver(Exception):
    """A layer of the right class that there is nothing to save in: it stays, and no error is."""


class LayerSpec(Protocol):
    """What a layer is to be replaced by."""

    def plan(self, layer: nn.Module) -> Plan | None:
        """Return what replaces `layer`, of `golden.convert.dense_forms.DENSE_KINDS`.

        None where nothing here can. `layer` stays as it is.

        Raises
        ------
        GoldenError
            If it cannot be replaced as this says.
        PassedOver
            If it would be in vain.
        """
        ...


def check_initialise(value: object) -> None:
    """Refuse what is neither "fit" nor "new", as a `ModelError`."""
    if not isinstance(value, str) or value not in ("fit", "new"):
        raise ModelError(f"initialise must be 'fit' or 'new', not {shown(value)}")


def planned(
    kind: str,
    arguments: dict[str, object],
    weights: int,
    layer: nn.Module,
    fit: Callable[[Tensor | None], nn.Module],
    initialise: Initialise,
) -> Plan:
    """Return a plan by which `layer` is replaced by a fit, or by new weights.

    Raises
    ------
    GoldenError
        If there is to be a fit, and the weights of `layer` are no finite numbers.
    """
    if initialise == "new":
        return new_plan(kind, arguments, weights, layer)
    for name, held in layer.named_parameters():
        parameter = held.detach()  # Which weights made in inference mode have to be.
        if parameter.is_meta:
            raise ModelError(
                f"the layer's {name} must hold numbers for a fit, but is on the meta device: give "
                "initialise='new'"
            )
        if not parameter.is_floating_point():
            raise ModelError(f"the layer's {name} must be of real numbers, not {parameter.dtype}")
        if not bool(torch.isfinite(parameter).all()):
            raise ModelError(f"the layer's {name} must be finite, but holds NaN or infinity")
    return Plan(kind, arguments, weights, fit, True)


def new_plan(
    kind: str, arguments: dict[str, object], weights: int, layer: nn.Module
) -> Plan:
    """Return a plan by which `layer` is replaced by one with new weights, and its bias."""
    return Plan(kind, arguments, weights, lambda _: _new_layer(kind, arguments, layer), False)


@torch.no_grad()
def _new_layer(kind: str, arguments: dict[str, object], dense: nn.Module) -> nn.Module:
    """Make a layer with new weights where `dense` is, of its type, with its bias if it has one.

    Raises
    ------
    ModelError
        If a part of `dense` is frozen, and what of the new layer that is cannot be said.
    """
    parameters = dict(dense.named_parameters())
    first = next(iter(parameters.values()))
    new = built(kind, arguments, first.device, first.dtype)
    weight, bias = parameters.get("weight"), parameters.get("bias")
    if weight is not None:
        held = [one for name, one in new.named_parameters() if name.rpartition(".")[2] == "bias"]
        if bias is not None:  # A convolution has a part of it in each group.
            for one, part in zip(held, bias.chunk(len(held)), strict=True):
                one.copy_(part)
        keep_frozen(new, weight, bias)
        return new
    trained = {parameter.requires_grad for parameter in parameters.values()}
    if len(trained) > 1:
        raise ModelError(
            "initialise must be 'fit' for a layer of which a part is frozen, not 'new': freeze "
            "all of it, or none"
        )
    return new.requires_grad_(trained.pop())
