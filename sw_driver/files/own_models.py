"""Models of a user's own Python file, which is executed to make them: `net.py:make_net`."""

import contextlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from sw_driver.errors import DriverError
from sw_driver.files.kinds import OwnModel

__all__ = ["load_own_model"]

_MODULE = "clostorus_own_model"
_SHOWN = 4


def load_own_model(model: OwnModel, weights: Path | None) -> nn.Module:
    """Execute the file, make the model, and give it the weights; it is in evaluation mode then.

    Parameters
    ----------
    model
        Where it is made. Its folder is where its imports are looked for first, as for a script.
    weights
        What `torch.save(model.state_dict(), path)` wrote; None for those that it is made with.

    Raises
    ------
    DriverError
        If the file fails, makes no module, or the weights are not those of the module.
    """
    with _as_a_script(model.path):
        module = _called(model, "when it is executed", lambda: _executed(model.path))
        found = getattr(module, model.name, None)
        if found is None:
            raise DriverError(
                f"{model} must name a function of the file, which defines no such one"
            )
        if not isinstance(found, nn.Module) and callable(found):
            found = _called(model, "when the function is called", found)
    if not isinstance(found, nn.Module):
        raise DriverError(
            f"{model} must be a torch module or a function that returns one, "
            f"not a {type(found).__name__}"
        )
    if weights is not None:
        _load_weights(found, weights)
    return found.eval()


@contextlib.contextmanager
def _as_a_script(path: Path) -> Generator[None]:
    """Find imports beside the file, leave no bytecode there, and print to standard error."""
    folder, before = str(path.resolve().parent), sys.dont_write_bytecode
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        sys.dont_write_bytecode = before
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)


def _executed(path: Path) -> object:
    spec = importlib.util.spec_from_file_location(_MODULE, path)
    if spec is None or spec.loader is None:
        raise ImportError("it is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MODULE] = module  # Dataclasses look their module up.
    spec.loader.exec_module(module)
    return module


def _called(model: OwnModel, when: str, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except (Exception, SystemExit) as error:
        lines = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if Path(frame.filename).resolve() == model.path.resolve()
        ]
        if isinstance(error, SyntaxError):
            lines.append(error.lineno)
        where = f" in line {lines[-1]}" if lines else ""
        reason = str(error).partition("\n")[0]
        raise DriverError(
            f"{model} fails {when}{where}: {type(error).__name__}: {reason}"
        ) from error


def _load_weights(model: nn.Module, path: Path) -> None:
    try:
        with path.open("rb") as file:
            content: object = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise DriverError(f"weights {path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # PyTorch's reader raises whatever a damaged file leads it to.
        raise DriverError(
            f"weights {path} must be what torch.save(model.state_dict(), path) writes, but is "
            "truncated or something else"
        ) from error
    state = cast(dict[object, object], content) if isinstance(content, dict) else {}
    if not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise DriverError(
            f"weights {path} must hold the tensors of model.state_dict() by name, and nothing else"
        )
    tensors = cast(dict[str, Tensor], state)
    wanted = model.state_dict()
    odd = [
        f"{name} {'is missing' if name in wanted else 'is none of them'}"
        for name in sorted(map(str, wanted.keys() ^ tensors.keys()))
    ] or [
        f"{name} must have shape {list(tensor.shape)}, not {list(tensors[name].shape)}"
        for name, tensor in wanted.items()
        if tensors[name].shape != tensor.shape
    ]
    if odd:
        more = ", ..." if len(odd) > _SHOWN else ""
        raise DriverError(
            f"weights {path} must be those of the model: {', '.join(odd[:_SHOWN])}{more}"
        )
    model.load_state_dict(tensors)
