"""Layers that `torch.fx` holds as one node, as it holds PyTorch's own."""

from typing import Any, cast

from torch import fx, nn

from golden.errors import ModelError

__all__ = ["as_node"]


def as_node(layer: nn.Module, first: fx.Proxy, *arguments: object) -> Any:
    """Return the node of the graph that stands for a call of the layer.

    Raises
    ------
    ModelError
        If the layer is itself the root of what is traced, which has no node to become.
    """
    tracer = cast(fx.Tracer, first.tracer)
    path = tracer.path_of_module(layer)
    if not path:
        raise ModelError(
            f"{type(layer).__name__} must be a layer of the model that torch.fx traces, not the "
            "whole of it: it is a node of the graph, for its steps depend on its inputs"
        )
    return tracer.create_proxy("call_module", path, (first, *arguments), {})
