"""From a graph to a chain: every node is either a value of Python's or a flow of samples."""

import math
import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.node import map_arg

from golden.clos.layer import ClosLinear
from golden.errors import ModelError
from golden.layers.conv import ClosConv2d
from golden.layers.low_rank import LowRankLinear
from golden.models.elementwise import ElementWise
from golden.models.flow import SAMPLES, Flow, Place
from golden.models.layers import (
    ActivatedLayer,
    AnyLayer,
    plain_clos,
    plain_dense,
    plain_low_rank,
)
from golden.models.nearest import nearest
from golden.models.trace import place_of
from golden.models.vocabulary import (
    FUNCTIONS,
    METHODS,
    REVERSED,
    batch_norm,
    hardtanh,
    leaky,
    relu,
    reshaped,
)

__all__ = ["read_graph"]

_SAME = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.AlphaDropout)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
_ASKED = ("size", "dim", "ndimension", "numel", "nelement")
_ATTRIBUTES = ("shape", "ndim", "device", "dtype", "is_cuda")
_IMAGE = (3, 5)
_INPLACE = ("iadd", "isub", "imul", "itruediv")


def read_graph(
    root: nn.Module, graph: fx.Graph, sample_shape: tuple[int, ...] | None
) -> tuple[ActivatedLayer[AnyLayer], ...]:
    """Return the layers that a graph chains; see `golden.models.read.read_chain`."""
    return _Reader(root, graph).read(sample_shape)


class _Reader:
    """Goes through a graph, node by node."""

    def __init__(self, root: nn.Module, graph: fx.Graph) -> None:
        self._root = root
        self._graph = graph
        self._values: dict[fx.Node, Any] = {}

    @torch.no_grad()
    def read(self, sample_shape: tuple[int, ...] | None) -> tuple[ActivatedLayer[AnyLayer], ...]:
        """Return the layers of the result."""
        first, pixels = self._first()
        shape = (first, *_IMAGE) if pixels else (first,)
        if sample_shape is not None and len(sample_shape) == 3 and pixels:
            shape = sample_shape if sample_shape[0] == first else shape
        elif sample_shape is not None and math.prod(sample_shape) == first and not pixels:
            shape = sample_shape
        for node in self._graph.nodes:
            if node.op == "placeholder":
                self._values[node] = Flow(torch.empty(SAMPLES, *shape, device="meta"), pixels)
            elif node.op == "get_attr":
                self._values[node] = operator.attrgetter(node.target)(self._root)
            elif node.op == "output":
                return self._result(self._given(node.args[0]))
            else:
                self._values[node] = self._computed(node)
        raise AssertionError("a graph without an output")

    def _first(self) -> tuple[int, bool]:
        """How many features the first layer takes, and whether of pixels."""
        for node in self._graph.nodes:
            if node.op != "call_module":
                continue
            module = self._root.get_submodule(str(node.target))
            if isinstance(module, ClosConv2d | nn.Conv2d):
                return module.in_channels, True
            if isinstance(module, ClosLinear | nn.Linear | LowRankLinear):
                return module.in_features, False
        for node in self._graph.nodes:
            if node.op == "get_attr":
                weight = operator.attrgetter(str(node.target))(self._root)
                if isinstance(weight, Tensor) and weight.ndim == 2:
                    transposed = FUNCTIONS[torch.nn.functional.linear]
                    linear = any(FUNCTIONS.get(user.target) is transposed for user in node.users)
                    turned = any(user.target in ("t", torch.t) for user in node.users)
                    return weight.shape[1 if linear or turned else 0], False
        return 1, False

    def _result(self, value: object) -> tuple[ActivatedLayer[AnyLayer], ...]:
        if isinstance(value, Flow):
            return value.finished()
        raise ModelError(f"the model must return one tensor, not a {type(value).__name__}")

    def _given(self, argument: Any) -> Any:
        return map_arg(argument, self._values.__getitem__)

    def _computed(self, node: fx.Node) -> Any:
        args: list[Any] = list(self._given(node.args))
        kwargs: dict[str, Any] = dict(self._given(node.kwargs))
        if "input" in kwargs:
            args.insert(0, kwargs.pop("input"))
        place = place_of(node)
        if not any(isinstance(self._values[one], Flow) for one in node.all_input_nodes):
            return self._constant(node, args, kwargs)
        if node.op == "call_module":
            module = self._root.get_submodule(str(node.target))
            value = self._module(module, place, *args)
            inplace = bool(getattr(module, "inplace", False))
        else:
            value = self._function(node, place, args, kwargs)
            name = str(getattr(node.target, "__name__", node.target))
            inplace = name.endswith("_") or bool(kwargs.get("inplace"))
            inplace = inplace or name in _INPLACE
        if inplace and isinstance(value, Flow) and isinstance(node.args[0], fx.Node):
            self._values[node.args[0]] = value
        return value

    def _constant(self, node: fx.Node, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Compute what depends on no sample, such as the transpose of a weight."""
        if node.op == "call_method":
            return getattr(args[0], str(node.target))(*args[1:], **kwargs)
        if callable(node.target):
            return node.target(*args, **kwargs)
        return self._root.get_submodule(str(node.target))(*args, **kwargs)

    def _function(
        self, node: fx.Node, place: Place, args: list[Any], kwargs: dict[str, Any]
    ) -> Any:
        target: Any = node.target
        flow = args[0]
        if node.op == "call_method" and isinstance(flow, Flow) and target in _ASKED:
            return getattr(flow.example, target)(*args[1:], **kwargs)
        if target is getattr and isinstance(flow, Flow) and args[1] in _ATTRIBUTES:
            return getattr(flow.example, args[1])
        table: Any = METHODS if node.op == "call_method" else FUNCTIONS
        handler = table.get(target)
        name = str(getattr(target, "__name__", target))
        if handler is None:
            raise ModelError(f"{place} calls {name}, which is not supported: {nearest(name)}")
        others = [value for value in (*args[1:], *kwargs.values()) if isinstance(value, Flow)]
        if not isinstance(flow, Flow) and len(others) == 1 and handler in REVERSED:
            handler, args = REVERSED[handler], [others[0], flow]
        elif others or not isinstance(flow, Flow):
            raise ModelError(
                f"{place} calls {name} of two results of the model, which is not supported: a "
                "torus computes a chain, one layer behind the other, without residual connections "
                "or branches; leave the second path out"
            )
        return self._called(handler, place, name, args, kwargs)

    def _called(
        self,
        handler: Callable[..., Flow],
        place: Place,
        name: str,
        args: list[Any],
        kwargs: dict[str, Any],
    ) -> Flow:
        try:
            return handler(args[0], place, *args[1:], **kwargs)
        except TypeError as error:
            raise ModelError(
                f"{place} calls {name} with arguments that are not supported: {error}"
            ) from error

    def _module(self, module: nn.Module, place: Place, flow: Flow, *others: object) -> Flow:
        if isinstance(module, ClosLinear):
            return flow.affine(place, plain_clos(module, str(place)))
        if isinstance(module, ClosConv2d):
            window = module.window
            if window.taps > 1 or not window.moves_by_one or module.groups > 1:
                raise ModelError(
                    f"{place} is a ClosConv2d with kernel_size {module.kernel_size}, stride "
                    f"{module.stride}, padding {module.padding} and groups {module.groups}, which "
                    "is not supported; only pointwise ones are, with 1, 1, 0 and 1"
                )
            return flow.affine(place, plain_clos(module.layers[0], str(place)), pixels=True)
        if isinstance(module, nn.Linear):
            return flow.affine(place, plain_dense(module, str(place)))
        if isinstance(module, LowRankLinear):
            first, second = plain_low_rank(module, str(place))
            return flow.affine(place, first).affine(place, second)
        if isinstance(module, nn.Conv2d):
            _check_pointwise(module, place)
            return flow.affine(place, plain_dense(module, str(place)), pixels=True)
        if isinstance(module, _NORMS):
            return batch_norm(
                flow,
                place,
                module.running_mean,
                module.running_var,
                module.weight,
                module.bias,
                eps=module.eps,
            )
        if isinstance(module, ElementWise):
            return flow.elementwise(place, module.scale, module.shift)
        if isinstance(module, nn.ReLU):
            return relu(flow, place)
        if isinstance(module, nn.Hardtanh):  # ReLU6 is one.
            return hardtanh(flow, place, module.min_val, module.max_val)
        if isinstance(module, nn.LeakyReLU):
            return leaky(flow, place, module.negative_slope)
        if isinstance(module, nn.Flatten | nn.Unflatten):
            return reshaped(flow, place, module, type(module).__name__)
        if isinstance(module, _SAME):
            return flow
        kind = type(module).__name__
        raise ModelError(f"{place} is a {kind}, which is not supported: {nearest(kind)}")


def _check_pointwise(module: nn.Conv2d, place: Place) -> None:
    wanted = {
        "kernel_size": (1, 1), "stride": (1, 1), "padding": (0, 0), "groups": 1,
    }  # fmt: skip
    for name, value in wanted.items():
        found = getattr(module, name)
        if found != value and not (name == "padding" and found in ("same", "valid")):
            raise ModelError(
                f"{place} is a Conv2d with {name} {found}, which is not supported; only pointwise "
                f"ones are, with {value}"
            )
