"""Replaces the layers of an existing model by sparse ones."""

import copy
import fnmatch
from collections.abc import Mapping
from typing import Any, cast

from torch import nn

from golden.arguments import shown
from golden.convert.specs import LayerSpec
from golden.errors import GoldenError, ModelError
from golden.tensors.dense import check_replaceable, is_parametrised, owners_of

__all__ = ["convert"]


def convert(model: nn.Module, specs: Mapping[str, LayerSpec]) -> nn.Module:
    """Return a copy of `model` with layers replaced; `model` itself stays as it is.

    A new layer has device, type and mode of the old one, and is trained where that was. What it
    could not have is refused: hooks, and parameters that another module holds too.

    Parameters
    ----------
    model
        Any model.
    specs
        By pattern of names, as `fnmatch` reads it, such as "features.*.conv" (names are those of
        `named_modules`; that of a model which is a layer itself is ""). Of the modules that match,
        those are replaced that the spec has something for: subclasses of PyTorch's layers are not,
        as code may use their weights directly. A layer that the model holds twice stays one.

    Raises
    ------
    ModelError
        If there is no pattern, one matches nothing that its spec can replace, two want the same
        layer, or a layer cannot be replaced as the spec says; the message names pattern and layer.
        Also if the model cannot be copied.
    """
    _check_arguments(model, specs)
    walk = cast(Any, model.named_modules)(remove_duplicate=False)
    named: list[tuple[str, nn.Module]] = list(walk)
    owners = owners_of(model)
    new: dict[int, nn.Module] = {}
    chosen: dict[int, str] = {}
    for pattern, spec in specs.items():
        matched = [(n, m) for n, m in named if fnmatch.fnmatchcase(n, pattern)]
        found = False
        for name, module in matched:
            if chosen.get(id(module)) == pattern:
                continue
            try:
                replacement = spec.replacement(module)
                if replacement is not None or is_parametrised(module):
                    check_replaceable(module, owners)
            except GoldenError as error:
                raise ModelError(f"layer {name!r}, pattern {pattern!r}: {error}") from error
            if replacement is None:
                continue
            if id(module) in chosen:
                raise ModelError(
                    f"layer {name!r} must match one pattern, not both {chosen[id(module)]!r} and "
                    f"{pattern!r}"
                )
            found = True
            new[id(module)], chosen[id(module)] = replacement.train(module.training), pattern
        if not found:
            names = ", ".join(name for name, _ in matched) or "no module at all"
            raise ModelError(
                f"pattern {pattern!r} must match a layer that {type(spec).__name__} can replace, "
                f"but matches {names}"
            )
    try:
        # The copy takes what is in its memo for what has been copied already.
        return copy.deepcopy(model, memo=dict(new))
    except (RuntimeError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise ModelError(f"model must be one that copy.deepcopy can copy: {reason}") from error


def _check_arguments(model: object, specs: object) -> None:
    if not isinstance(model, nn.Module):
        raise ModelError(f"model must be a module, not {shown(model)}")
    by_pattern = cast(Mapping[object, object], specs)
    if not isinstance(specs, Mapping) or not by_pattern:
        raise ModelError(f"specs must map at least one pattern to a spec, not {shown(by_pattern)}")
    for pattern, spec in by_pattern.items():
        if not isinstance(pattern, str):
            raise ModelError(f"a pattern of specs must be a text, not {shown(pattern)}")
        if isinstance(spec, type) or not callable(getattr(spec, "replacement", None)):
            raise ModelError(
                f"pattern {pattern!r}: spec must be a ClosSpec, LowRankSpec, SparseSpec or "
                f"CascadeSpec, not {shown(spec)}"
            )
