"""The running average of a model that grows, as of `torch.optim.swa_utils.AveragedModel`."""

from collections.abc import Iterable

import torch
from torch import nn

from golden.arguments import instance, items
from golden.clos.layer import ClosLinear
from golden.errors import ShapeError
from golden.layers.channel_conv import SparseRandomConv2d
from golden.layers.sparse import SparseStage
from golden.techniques.growth import Growth

__all__ = ["grow_average"]


@torch.no_grad()
def grow_average(averaged: nn.Module, model: nn.Module, growths: Iterable[Growth]) -> None:
    """Make an average of a model as large as the model has grown.

    What was averaged goes on at its places; new connections start as those of the model. Call it
    after `Densification.step`, before the next update of the average.

    Parameters
    ----------
    averaged
        A copy of the model as it was, or a `torch.optim.swa_utils.AveragedModel` of it.
    model
        The model that grew.
    growths
        What `Densification.step` or `grow` returned.

    Raises
    ------
    ShapeError
        If the average has no such parameter, or one of another shape than the model had; nothing
        is changed then.
    """
    averaged = instance("averaged", averaged, nn.Module)
    model = instance("model", model, nn.Module)
    grown = [instance("growths", one, Growth) for one in items("growths", growths)]
    inner = getattr(averaged, "module", None)
    target = inner if isinstance(inner, nn.Module) else averaged
    held = dict(target.named_parameters())
    for growth in grown:
        found = held.get(growth.name)
        if found is None or found.shape != growth.old.shape:
            what = "none" if found is None else list(found.shape)
            raise ShapeError(
                f"averaged must have {growth.name} of shape {list(growth.old.shape)}, as the model "
                f"had before it grew, not {what}"
            )
    for growth in grown:
        old = held[growth.name]
        new = growth.new.detach().to(old).clone()
        new.view(-1)[growth.places.flatten().to(old.device)] = old.flatten()
        path, _, name = growth.name.rpartition(".")
        owner, source = target.get_submodule(path), model.get_submodule(path)
        setattr(owner, name, nn.Parameter(new, requires_grad=old.requires_grad))
        if isinstance(owner, ClosLinear) and isinstance(source, ClosLinear):
            owner.shape = source.shape
        elif isinstance(owner, SparseStage) and isinstance(source, SparseStage):
            owner.connect(source.edges.to(owner.edges.device).clone())
        elif isinstance(owner, SparseRandomConv2d) and isinstance(source, SparseRandomConv2d):
            owner.channels = source.channels.to(owner.channels.device).clone()
