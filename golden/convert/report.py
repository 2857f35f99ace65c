"""What a conversion did to each layer, as data and as a table."""

import dataclasses
import re
from typing import Any

__all__ = ["ConversionReport", "LayerReport"]

_TITLES = ("layer", "kind", "becomes", "weights before", "weights after", "error", "note")
_NUMBER = re.compile(r"\d+")


@dataclasses.dataclass(frozen=True)
class LayerReport:
    """What became of one layer.

    Parameters
    ----------
    name
        As `named_modules` gives it; of a layer that the model holds twice the first one.
    kind
        Class of the layer, such as "Linear".
    becomes
        Class and sizes of its replacement, such as "ClosLinear 24-118-48"; "" where it stays.
    weights_before, weights_after
        Biases are not counted. Both are the same where it stays.
    error
        Distance of the weights from the dense ones, relative to these: a ratio of Frobenius norms.
        None where it stays, or where the weights are new.
    output_error
        Distance of what the layer computes from its calibration inputs, relative to what the dense
        weights compute from them without a bias. None without such inputs.
    reason
        Why it stays; "" where it is replaced.
    """

    name: str
    kind: str
    becomes: str
    weights_before: int
    weights_after: int
    error: float | None
    output_error: float | None
    reason: str


@dataclasses.dataclass(frozen=True)
class ConversionReport:
    """What became of all layers of a model that have a matrix of weights.

    Parameters
    ----------
    layers
        In the order of `named_modules`.
    weights_before, weights_after
        Of the whole model, every parameter once; biases are not counted.
    record
        What `golden.convert.rebuild` takes: the replaced layers, as values that JSON has. Keep it
        with the weights of the new model.
    """

    layers: tuple[LayerReport, ...]
    weights_before: int
    weights_after: int
    record: dict[str, Any]

    @property
    def replaced(self) -> tuple[LayerReport, ...]:
        """The layers that were replaced."""
        return tuple(layer for layer in self.layers if not layer.reason)

    @property
    def reduction(self) -> float:
        """Weights of the model before for each one after."""
        return self.weights_before / max(self.weights_after, 1)

    def __str__(self) -> str:
        """Write a table in Markdown: layers whose names differ in a number alone in one row."""
        groups: dict[tuple[object, ...], list[LayerReport]] = {}
        for layer in self.layers:
            common = _NUMBER.sub("*", layer.name)
            same = (layer.kind, layer.becomes, layer.weights_before, layer.weights_after)
            groups.setdefault((common, *same, layer.reason), []).append(layer)
        rows = [_TITLES, *(_row(layers) for layers in groups.values())]
        rows.append(
            ("whole model", "", "", str(self.weights_before), str(self.weights_after), "",
             f"{self.reduction:.2f} times fewer")
        )  # fmt: skip
        widths = [max(len(row[column]) for row in rows) for column in range(len(_TITLES))]
        lines = [
            "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            + " |"
            for row in rows
        ]  # fmt: skip
        lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
        return "\n".join(lines)


def _row(layers: list[LayerReport]) -> tuple[str, ...]:
    first = layers[0]
    times = f" ({len(layers)} times)" if len(layers) > 1 else ""
    weights = (sum(one.weights_before for one in layers), sum(one.weights_after for one in layers))
    errors = [one.error if one.output_error is None else one.output_error for one in layers]
    found = [error for error in errors if error is not None]
    error = ""
    if found:
        low, high = f"{min(found):.3f}", f"{max(found):.3f}"
        error = low if low == high else f"{low} to {high}"
    return (
        _name(layers) + times, first.kind, first.becomes, *map(str, weights), error, first.reason
    )  # fmt: skip


def _name(layers: list[LayerReport]) -> str:
    """Write the names of some layers as one, with a * for each number that differs."""
    numbers = [_NUMBER.findall(layer.name) for layer in layers]
    differ = iter([len(set(each)) > 1 for each in zip(*numbers, strict=True)])
    name = _NUMBER.sub(lambda found: "*" if next(differ) else found[0], layers[0].name)
    return name or "(the model)"
