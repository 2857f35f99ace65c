"""What a layer holds, found faster than by the names of its attributes."""

from collections.abc import Sequence
from typing import Any

from torch import nn

__all__ = ["held"]


def held(module: nn.Module, names: Sequence[str]) -> list[Any]:
    """Return parameters of a module by their names; None for one that is registered as None.

    `nn.Module` looks for each attribute in a function of its own, which takes as long as a view.
    What is no parameter any more, such as what is pruned or has a parametrization, is an attribute.
    `torch.fx` follows attributes alone: while a layer is recorded, they are to be taken.
    """
    own: Any = module._parameters  # pyright: ignore[reportPrivateUsage]
    try:
        return [own[name] for name in names]
    except KeyError:
        return [getattr(module, name) for name in names]
