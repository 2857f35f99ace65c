"""The graph of a model, traced by torch.fx, with our layers and PyTorch's as its leaves."""

import copy
import re
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, fx, nn
from torch.nn.parallel import DataParallel, DistributedDataParallel

import golden
from golden.clos.net import ClosNet
from golden.errors import ModelError
from golden.models.chain import ChainNet
from golden.models.flow import Place
from golden.models.layers import computes_weights, hooks

__all__ = ["check_as_it_stands", "evaluation_copy", "place_of", "trace", "unwrapped"]

_TRACED = (nn.Sequential, ClosNet, ChainNet)
_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_BACKWARD_HOOKS = ("_backward_hooks", "_backward_pre_hooks")
_QUANTISATION = ("torch.ao.", "torch.quantization", "torchao.")
_NORMS = nn.modules.batchnorm._BatchNorm  # pyright: ignore[reportPrivateUsage]

_ROOT = "model"
_GOLDEN = "golden."
_LIBRARIES = tuple(str(Path(module.__file__ or "").parent) for module in (torch, golden))
_FRAME = re.compile(r'File "(.*)", line (\d+), in (\S+)')


class _Root(nn.Module):
    """Calls the model, so that one that is a leaf is in the graph, too."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class _Tracer(fx.Tracer):
    """Keeps layers whole, and each node the line that made it."""

    record_stack_traces = True

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether a module computes what its kind does, so that its name says it."""
        kind = _kind(m)
        return kind is not None and not _forward_of_its_own(m, kind) and not isinstance(m, _TRACED)

    def call_module(
        self,
        m: nn.Module,
        forward: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """Record a module, or trace what it does."""
        inner = unwrapped(m)
        if inner is not m:
            return inner(*args, **kwargs)
        if m not in (self.submodule_paths or {}):  # Made in a forward, such as nn.ReLU()(x).
            return forward(*args, **kwargs)
        kind = _kind(m)
        if (
            kind is not None
            and kind.__module__.startswith(_GOLDEN)
            and _forward_of_its_own(m, kind)
            and not isinstance(m, _TRACED)
        ):
            position = self.path_of_module(m).removeprefix(_ROOT).removeprefix(".") or "0"
            raise ModelError(
                f"layer {position} is a {type(m).__name__}, a {kind.__name__} with a forward of "
                f"its own, which is not supported: make it a module that holds a {kind.__name__}"
            )
        return super().call_module(m, forward, args, kwargs)


def _kind(module: nn.Module) -> type[nn.Module] | None:
    """The class of PyTorch's or ours that a module is of."""
    for kind in type(module).__mro__:
        if kind.__module__.startswith(("torch.nn.modules", _GOLDEN)):
            return kind
    return None


def _forward_of_its_own(module: nn.Module, kind: type[nn.Module]) -> bool:
    forwards = tuple(getattr(one, "forward", None) for one in (type(module), kind))
    return forwards[0] is not forwards[1] or "forward" in vars(module)


def unwrapped(model: nn.Module) -> nn.Module:
    """Return what `torch.compile` or a data-parallel wrapper holds; any other module as it is."""
    while True:
        if isinstance(model, DataParallel | DistributedDataParallel):
            model = cast(nn.Module, model.module)
        elif isinstance(inner := vars(model).get("_modules", {}).get("_orig_mod"), nn.Module):
            model = inner
        else:
            return model


def check_as_it_stands(model: nn.Module, *, training: bool) -> None:
    """Refuse what no graph shows: hooks, observers, and statistics that are still being taken.

    Raises
    ------
    ModelError
        If a module has such; the message names it.
    """
    if isinstance(model, torch.jit.ScriptModule):
        raise ModelError(
            "model must be a module of Python, not a ScriptModule, which cannot be traced: pass "
            "the module that it was made of"
        )
    modules = cast(Iterable[tuple[str, nn.Module]], model.named_modules())
    for position, module in modules:
        where = f"layer {position or '0'}"
        kind = type(module)
        if kind.__module__.startswith(_QUANTISATION):
            raise ModelError(
                f"{where} is a {kind.__name__} of PyTorch's quantisation, so the model is prepared "
                "for other words than the torus has: pass the float model that it was made of"
            )
        for name in _HOOKS + (_BACKWARD_HOOKS if training else ()):
            for hook in hooks(module, name):
                if not computes_weights(hook):
                    raise ModelError(
                        f"{where} has a hook of its own ({name.strip('_')}: "
                        f"{getattr(hook, '__qualname__', type(hook).__name__)}), which no torus "
                        "runs: remove it with the handle that register_*_hook returned"
                    )
        if isinstance(module, _NORMS) and not training and module.training:
            raise ModelError(
                f"{where} is a {kind.__name__} in train mode, which normalises with the mean of "
                "the batch: call model.eval() first, and test the model so"
            )


def evaluation_copy(model: nn.Module) -> nn.Module:
    """Copy a model to the CPU in evaluation mode; computed weights are copied as they stand.

    Raises
    ------
    ModelError
        If it cannot be copied.
    """
    computed: dict[int, object] = {
        id(value): value.detach().clone()
        for module in model.modules()
        for value in vars(module).values()
        if isinstance(value, Tensor) and not value.is_leaf
    }
    try:
        return copy.deepcopy(model, computed).eval().to("cpu")
    except (RuntimeError, TypeError, AttributeError, NotImplementedError, ValueError) as error:
        raise ModelError(
            "the model must be such that copy.deepcopy can copy it, to be compared with its "
            f"layers: {str(error).partition(chr(10))[0]}"
        ) from error


def trace(model: nn.Module) -> tuple[nn.Module, fx.Graph]:
    """Trace a model that is in evaluation mode.

    Returns
    -------
    tuple
        The module that the graph's targets are in, and the graph.

    Raises
    ------
    ModelError
        If its forward does what no graph holds; the message has its line.
    """
    root = _Root(model)
    tracer = _Tracer()
    try:
        return root, tracer.trace(root)
    except ModelError:
        raise
    except Exception as error:  # Of the user's forward, which may fail in any way.
        reason = str(error).partition("\n")[0] or type(error).__name__
        frames = [
            (frame.filename, frame.lineno)
            for frame in traceback.extract_tb(error.__traceback__)
            if not frame.filename.startswith(_LIBRARIES)
        ]
        line = f" ({_line(*frames[-1])})" if frames else ""
        raise ModelError(
            f"the model's forward{line} must be a chain of operations that are the same for every "
            f"input, without conditions or loops over tensors, but tracing it fails: {reason}"
        ) from error


def place_of(node: fx.Node) -> Place:
    """Where a node comes from."""
    if node.op == "call_module":
        name = str(node.target).removeprefix(_ROOT).removeprefix(".")
        return Place(name or "0", _source(node), "layer")
    return Place(node.name, _source(node), "node")


def _source(node: fx.Node) -> str | None:
    """The innermost line of the user's that made a node."""
    found = None
    inside = False
    for file, line, name in _FRAME.findall(node.stack_trace or ""):
        if inside and not file.startswith(_LIBRARIES):
            found = _line(file, int(line))
        inside = inside or (file == __file__ and name == "forward")
    return found


def _line(file: str, line: int | None) -> str:
    return f"{Path(file).name}, line {line}"
