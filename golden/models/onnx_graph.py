"""An ONNX graph that is a chain, as a `Sequential` of PyTorch's modules."""

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from golden.errors import ModelError
from golden.models.flow import SAMPLES, sizes_named
from golden.models.onnx_constants import Constants, place_of, type_name
from golden.models.onnx_layers import LAYERS
from golden.models.onnx_step import Step, unsupported

__all__ = ["sequential_of"]

_REALS = {onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16}
_OWN_DOMAINS = ("", "ai.onnx")
_ATTRIBUTES = frozenset(vars(nn.Sequential()))


def sequential_of(
    graph: onnx.GraphProto, folder: Path, opset: int
) -> tuple[nn.Sequential, tuple[int, ...] | None]:
    """Make the module of a graph.

    Parameters
    ----------
    graph
        Of a model.
    folder
        That of its file, where external data lie.
    opset
        Version of ONNX's own operators.

    Returns
    -------
    tuple
        The module in evaluation mode, and the shape of a sample where the graph says it.

    Raises
    ------
    ModelError, CheckpointError
        If the graph is no chain of what is supported, or its weights cannot be read.
    """
    if graph.sparse_initializer:
        raise ModelError(
            f"initializer {graph.sparse_initializer[0].values.name} is sparse, which is not "
            "supported: export it dense, with zeros"
        )
    constants = Constants(graph.initializer, folder, opset)
    source = _one("input", [one for one in graph.input if one.name not in constants])
    result = _one("output", graph.output)
    walk = _Walk(graph, constants, source, opset)
    modules = walk.modules(result.name)
    net = nn.Sequential(collections.OrderedDict(modules)).eval()
    example = walk.first_example
    return net, None if example is None else tuple(example.shape[1:])


def _one(kind: str, values: Sequence[onnx.ValueInfoProto]) -> onnx.ValueInfoProto:
    if len(values) != 1:
        names = ", ".join(value.name for value in values) or "none"
        raise ModelError(
            f"the graph must have one {kind}, not {len(values)} ({names}): a torus computes a "
            f"chain; extract the part between two names with onnx.utils.extract_model"
        )
    return values[0]


@dataclasses.dataclass
class _Walk:
    """The way of the samples through a graph, node by node."""

    graph: onnx.GraphProto
    constants: Constants
    source: onnx.ValueInfoProto
    opset: int

    def __post_init__(self) -> None:
        self.batch, self.first_example = _example(self.source)
        self._example = self.first_example
        self._last: nn.Module | None = None

    def modules(self, result: str) -> dict[str, nn.Module]:
        """Follow the samples from the graph's input to its result."""
        live = self._live(result)
        readers = self._readers(live)
        found: dict[str, nn.Module] = {}
        at = self.source.name
        while at != result:
            nodes = readers.get(at, [])
            for node in nodes:
                if node.op_type == "Shape":
                    self._shape(node)
            nodes = [node for node in nodes if node.op_type != "Shape"]
            if len(nodes) != 1:
                raise ModelError(self._branching(at, nodes, result))
            for module in self._of(nodes[0], at):
                self._pass(nodes[0], module)
                found[_name(nodes[0], found)] = module
            at = nodes[0].output[0]
        if not found:
            raise ModelError("the graph must hold at least one Gemm or MatMul, but holds none")
        return found

    def _live(self, result: str) -> list[onnx.NodeProto]:
        """The nodes that the result depends on, in order."""
        needed, found = {result}, list[onnx.NodeProto]()
        for node in reversed(self.graph.node):
            if needed & set(node.output):
                found.append(node)
                needed.update(node.input)
        return found[::-1]

    def _readers(self, live: Sequence[onnx.NodeProto]) -> dict[str, list[onnx.NodeProto]]:
        """The nodes that read each value of samples; the others become constants."""
        flows, found = {self.source.name}, collections.defaultdict[str, list[onnx.NodeProto]](list)
        for node in live:
            _check(node, self.opset)
            read = dict.fromkeys(name for name in node.input if name in flows)
            unknown = [
                name
                for name in node.input
                if name and name not in flows and name not in self.constants
            ]
            if unknown:
                raise ModelError(
                    f"{place_of(node)} reads {unknown[0]}, which nothing before it makes"
                )
            again = [name for name in node.output if name in flows or name in self.constants]
            if again:
                raise ModelError(f"{place_of(node)} makes {again[0]}, which is there already")
            for name in read:
                found[name].append(node)
            if read and node.op_type != "Shape":
                flows.update(node.output)
            else:
                self.constants.add_node(node)
        return found

    def _branching(self, at: str, nodes: Sequence[onnx.NodeProto], result: str) -> str:
        if not nodes:
            return f"output {result} must depend on input {self.source.name}, but does not"
        places = " and ".join(place_of(node) for node in nodes[:2])
        return (
            f"{places} both read {at}, which is not supported: a torus computes a chain, one layer "
            "behind the other, without residual connections or branches; leave the second path out"
        )

    def _of(self, node: onnx.NodeProto, at: str) -> list[nn.Module]:
        make = LAYERS.get(node.op_type)
        if make is None:
            raise ModelError(unsupported(node))
        others = [name for name in node.input if name and name != at and name not in self.constants]
        if others or list(node.input).count(at) != 1:
            raise ModelError(
                f"{place_of(node)} is of two results of the net, which is not supported: a torus "
                "computes a chain, one layer behind the other, without residual connections or "
                "branches; leave the second path out"
            )
        step = Step(node, at, self.constants, self._example, self.batch, self.opset, self._last)
        return make(step)

    @torch.no_grad()
    def _pass(self, node: onnx.NodeProto, module: nn.Module) -> None:
        """Find out the shape behind a module."""
        self._last = module
        if self._example is None:
            return
        state = {name: value.to("meta") for name, value in module.state_dict().items()}
        try:
            given = self._example.to(next(module.parameters(), self._example).dtype)
            self._example = torch.func.functional_call(module.eval(), state, (given,))
        except (RuntimeError, ValueError, IndexError) as error:
            shape = sizes_named(str(list(self._example.shape)))
            reason = sizes_named(str(error).partition("\n")[0])
            raise ModelError(f"{place_of(node)} must take {shape}, but fails: {reason}") from error

    def _shape(self, node: onnx.NodeProto) -> None:
        """Compute what an exporter asks the shape of samples for: that of a reshape."""
        if self._example is None or node.attribute:
            raise ModelError(
                f"{place_of(node)} reads a shape that the graph's input does not fix: export the "
                "net with a dynamic batch alone"
            )
        self.constants.set(node.output[0], np.array(self._example.shape, np.int64))


def _example(source: onnx.ValueInfoProto) -> tuple[int | None, Tensor | None]:
    """The fixed number of samples, if there is one, and an example of `SAMPLES` of them."""
    kind = source.type.tensor_type
    if kind.elem_type not in _REALS:
        raise ModelError(
            f"input {source.name} must be of real numbers, not {type_name(kind.elem_type)}: scale "
            "the data to floats before the net, and leave the cast out"
        )
    if not kind.HasField("shape"):
        return None, None
    sizes = [size.dim_value for size in kind.shape.dim]  # 0 of a size that is not fixed.
    if len(sizes) < 2:
        raise ModelError(
            f"input {source.name} must have the dimensions [samples, features], not {len(sizes)} "
            "in all"
        )
    if min(sizes[1:]) <= 0:
        return sizes[0] or None, None
    try:
        return sizes[0] or None, torch.empty(SAMPLES, *sizes[1:], device="meta")
    except RuntimeError as error:
        raise ModelError(
            f"input {source.name} must have sizes that a tensor can have, not {sizes[1:]}"
        ) from error


def _check(node: onnx.NodeProto, opset: int) -> None:
    """Refuse what is no node of ONNX, or none of ONNX's own."""
    if node.domain not in _OWN_DOMAINS:
        raise ModelError(unsupported(node))
    context: Any = onnx.checker.C.CheckerContext()
    context.ir_version, context.opset_imports = onnx.IR_VERSION, {"": opset}
    try:
        onnx.checker.check_node(node, context)
    except onnx.checker.ValidationError as error:
        reason = str(error).partition("\n")[0]
        raise ModelError(f"{place_of(node)} is none of opset {opset}: {reason}") from error


def _name(node: onnx.NodeProto, taken: Mapping[str, nn.Module]) -> str:
    """A module's name: the node's, which may hold anything but a dot, or stand there twice."""
    name = (node.name or node.op_type).replace(".", "_")
    if name in taken or hasattr(nn.Sequential, name) or name in _ATTRIBUTES:
        name = f"{name}_{len(taken)}"
    while name in taken:
        name += "_"
    return name
