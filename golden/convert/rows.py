"""The report of a conversion, from the models before and after it."""

from collections.abc import Mapping
from typing import Any, cast

from torch import nn

from golden.convert.choose import Choice, Choices
from golden.convert.dense_forms import weight_count
from golden.convert.report import ConversionReport, LayerReport

__all__ = ["reported"]


def reported(
    model: nn.Module,
    new: nn.Module,
    choices: Choices,
    errors: Mapping[int, tuple[float | None, float | None]],
    record: dict[str, Any],
) -> ConversionReport:
    """Return what became of each layer of `model` with a matrix of weights; see the report."""
    rows: list[LayerReport] = []
    parts: set[int] = set()
    named: list[tuple[str, nn.Module]] = list(cast(Any, model.named_modules)())
    for name, module in named:
        if id(module) in parts:
            continue
        choice = choices.chosen.get(id(module))
        if choice is not None:
            parts.update(id(part) for part in module.modules())
            rows.append(_replaced(choice, *errors[id(module)]))
        elif any(one.ndim > 1 for one in module.parameters(recurse=False)):
            weights = weight_count(module)
            reason = choices.reasons.get(id(module), "no pattern has something for it")
            kind = type(module).__name__
            rows.append(LayerReport(name, kind, "", weights, weights, None, None, reason))
    return ConversionReport(tuple(rows), weight_count(model), weight_count(new), record)


def _replaced(choice: Choice, error: float | None, output: float | None) -> LayerReport:
    plan = choice.plan
    sizes: list[str] = []
    for name, value in plan.arguments.items():
        if name == "routers":
            sizes.append("-".join(str(one) for one in cast(list[int], value)))
        elif name in ("rank", "reduction"):
            sizes.append(f"{name} {value:g}")
        elif name == "out_proj":
            sizes.append(f"of {cast(dict[str, Any], value)['kind']}")
    before = weight_count(choice.dense)
    kind, becomes = type(choice.module).__name__, ", ".join([plan.kind, *sizes])
    return LayerReport(choice.name, kind, becomes, before, plan.weights, error, output, "")
