"""What `clostorus run` is asked for, and what it says of the samples that it ran."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sw_driver.cli.written import WAVES, say_written

if TYPE_CHECKING:
    from golden.data.loading import Part
    from golden.data.source import Source
    from sim.device.verify import Verdict
    from sw_driver.arrays import IntArray
    from sw_driver.files.artifact import Artifact
    from sw_driver.files.class_counts import ClassCount
    from sw_driver.files.output_error import OutputErrors
    from sw_driver.serial.verify import BoardVerdict
    from sw_driver.system.console import Output

__all__ = ["Ran", "Wanted", "report"]

_LABELS = {
    "fixed_point_accuracy": "fixed-point accuracy",
    "rtl_accuracy": "RTL accuracy",
    "board_accuracy": "accuracy of the board",
}


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What the command line asks for."""

    artifact: Path
    device: str
    data: "Source | None"
    model: Path | None
    samples: int | None
    trace: Path | None
    timeline: Path | None
    port: tuple[str, int] | None
    output: Path | None
    engine: str
    workers: int


@dataclasses.dataclass(frozen=True, eq=False)
class Ran:
    """What came of the samples; `counts` are of classes that have names."""

    inputs: "Part"
    clipped: int
    words: "IntArray"
    accuracy: dict[str, float | None]
    verdict: "Verdict | BoardVerdict | None"
    counts: "list[ClassCount]"
    errors: "OutputErrors | None"


def report(out: "Output", wanted: Wanted, compiled: "Artifact", ran: Ran) -> None:
    """Say what came of the samples."""
    from sw_driver.files.report import mac_line, percent

    verdict, name = ran.verdict, ran.inputs.name
    known = {label: value for label, value in ran.accuracy.items() if value is not None}
    rows = [(_LABELS[label], percent(value)) for label, value in known.items()]
    rows.append(("input values clipped", f"{ran.clipped} of {ran.words.size}"))
    compared: dict[str, Any] = {}
    if verdict is not None:
        rows += [*verdict.rows(), ("MACs, predicted", mac_line(compiled))]
        compared = {**verdict.as_dict(), "engines": compiled.prediction.breakdown.engines}
    out.facts(
        f"{wanted.artifact} on the {wanted.device} device, {len(ran.words)} samples of {name}", rows
    )
    if ran.counts:
        header = ("class", "predicted", "samples", "right")
        lines = [count.row() for count in ran.counts]
        out.table("samples of each class", header[: len(lines[0])], lines)
    if ran.errors is not None:
        header = ("output", "largest error", "mean error", "rms error")
        out.table(f"outputs against those of {wanted.model}", header, ran.errors.rows())
    if wanted.trace is not None:
        say_written(out, wanted.trace, WAVES)
    if wanted.timeline is not None:
        opener = "https://ui.perfetto.dev, where a microsecond is a cycle"
        say_written(out, wanted.timeline, opener)
    if wanted.output is not None:
        say_written(out, wanted.output, "numpy.load")
    out.result(
        {
            "artifact": str(wanted.artifact),
            "device": wanted.device,
            "data": name,
            "samples": len(ran.words),
            "saturated_inputs": ran.clipped,
            **ran.accuracy,
            "classes": [dataclasses.asdict(count) for count in ran.counts],
            "output_errors": None if ran.errors is None else ran.errors.as_dict(),
            "image_difference": compiled.image_difference,
            **compared,
        }
    )
