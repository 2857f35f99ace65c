"""Which layers of a model are replaced, and by what; nothing is computed yet."""

import dataclasses
import fnmatch
from collections.abc import Mapping
from typing import Any, cast

from torch import nn

from golden.convert.dense_forms import Kinds, dense_form, weight_count
from golden.convert.plan import LayerSpec, PassedOver, Plan
from golden.errors import GoldenError, ModelError
from golden.tensors.dense import check_replaceable, is_parametrised, owners_of

__all__ = ["Choice", "Choices", "Rules", "choose"]

_MOST_NAMES = 8


@dataclasses.dataclass(frozen=True)
class Rules:
    """What holds for all patterns; see `golden.convert.convert`."""

    kinds: Kinds
    skip: bool
    min_weights: int
    only_smaller: bool


@dataclasses.dataclass(frozen=True, eq=False)
class Choice:
    """A layer that is replaced: its names, itself, the equal one of PyTorch's, and the plan."""

    name: str
    module: nn.Module
    dense: nn.Module
    pattern: str
    plan: Plan


@dataclasses.dataclass(frozen=True, eq=False)
class Choices:
    """The choices, why other layers stay, and which of these stay as the rules ask for.

    All by the identity of the layer.
    """

    chosen: dict[int, Choice]
    reasons: dict[int, str]
    asked: set[int]


def choose(model: nn.Module, specs: Mapping[str, LayerSpec], rules: Rules) -> Choices:
    """Choose the layers of `model` that the patterns name and the specs can replace.

    Raises
    ------
    ModelError
        As `golden.convert.convert` says.
    """
    walk = cast(Any, model.named_modules)(remove_duplicate=False)
    named: list[tuple[str, nn.Module]] = list(walk)
    found = Choices({}, {}, set())
    owners = owners_of(model)
    for pattern, spec in specs.items():
        matched = [(n, m) for n, m in named if fnmatch.fnmatchcase(n, pattern)]
        count = 0
        for name, module in matched:
            earlier = found.chosen.get(id(module))
            if earlier is not None and earlier.pattern == pattern:
                continue
            try:
                choice = _choice(name, module, pattern, spec, rules, found)
                if choice is not None or is_parametrised(module):
                    check_replaceable(module, owners)
            except GoldenError as error:
                if not rules.skip:
                    raise ModelError(f"layer {name!r}, pattern {pattern!r}: {error}") from error
                found.reasons[id(module)] = str(error)
                continue
            if choice is None:
                count += id(module) in found.asked
                continue
            if earlier is not None:
                raise ModelError(
                    f"layer {name!r} must match one pattern, not both {earlier.pattern!r} and "
                    f"{pattern!r}"
                )
            found.chosen[id(module)] = choice
            count += 1
        if not matched or not (count or rules.skip):
            raise ModelError(_why_none(pattern, spec, matched, found.reasons))
    _leave_parts(found)
    return found


def _choice(
    name: str,
    module: nn.Module,
    pattern: str,
    spec: LayerSpec,
    rules: Rules,
    found: Choices,
) -> Choice | None:
    """Return how a layer is replaced, or None, the reason being noted if it is a dense one."""
    dense = dense_form(module, rules.kinds)
    if dense is None:
        return None
    reasons = found.reasons
    weights = weight_count(dense)
    if weights < rules.min_weights:
        found.asked.add(id(module))
        reasons[id(module)] = f"it has fewer weights than {rules.min_weights}"
        return None
    try:
        plan = spec.plan(dense)
    except PassedOver as why:
        reasons[id(module)] = str(why)
        return None
    if plan is None:
        reasons[id(module)] = f"{type(spec).__name__} has nothing for it"
        return None
    if rules.only_smaller and plan.weights >= weights:
        found.asked.add(id(module))
        reasons[id(module)] = f"nothing is saved: it would have {plan.weights} weights"
        return None
    return Choice(name, module, dense, pattern, plan)


def _leave_parts(found: Choices) -> None:
    """Take away what lies in a layer that is replaced as a whole."""
    for key, choice in list(found.chosen.items()):
        for whole in list(found.chosen.values()):
            if whole is not choice and any(choice.module is one for one in whole.module.modules()):
                found.reasons[key] = f"it is a part of {whole.name!r}, which is replaced"
                del found.chosen[key]
                break


def _why_none(
    pattern: str, spec: LayerSpec, matched: list[tuple[str, nn.Module]], reasons: dict[int, str]
) -> str:
    def written(name: str, module: nn.Module) -> str:
        reason = reasons.get(id(module))
        shown_name = name or "the model itself"
        return f"{shown_name} ({reason})" if reason else shown_name

    names = [written(name, module) for name, module in matched[:_MOST_NAMES]]
    more = ", ..." if len(matched) > _MOST_NAMES else ""
    return (
        f"pattern {pattern!r} must match a layer that {type(spec).__name__} can replace, "
        f"but matches {', '.join(names) + more or 'no module at all'}"
    )
