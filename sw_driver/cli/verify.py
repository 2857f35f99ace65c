"""`clostorus verify`: whether a compiled model is whole, and what the compiler makes of its net."""

from typing import TYPE_CHECKING

import typer

from golden.system.status import DIFFERENT
from sw_driver.cli.options import CompiledModel, Json, Quiet, failed, make_output

if TYPE_CHECKING:
    from sw_driver.files.artifact import Artifact

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "clostorus verify model.ctz",
    "clostorus verify model.ctz --json",
)


def command(
    ctx: typer.Context,
    artifact: CompiledModel,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compile the net of a compiled model again, and compare all that follows from it.

    Other commands only compare the file's digest, which finds what was altered by accident, but not
    what somebody wrote there with a digest of its own. If an image or an op is not that of the net,
    the exit status is 1; if the file is damaged, or a run of it could lock up, the exit status is
    2.
    """
    from sw_driver.files.archive import check_archive

    out = make_output(ctx, json, quiet)
    check_archive(artifact)  # Before it takes PyTorch.
    from sw_driver.files.artifact import load_artifact

    compiled = load_artifact(artifact, check=True)
    differences = {
        "images": compiled.image_difference,
        "ops": compiled.ops_difference,
    }
    found = [f"{name}: {text}" for name, text in differences.items() if text is not None]
    if not found:
        out.facts(f"{artifact} is what the compiler makes of its net", _rows(compiled))
    out.result(
        {
            "artifact": str(artifact),
            "digest": compiled.digest,
            "hardware_id": f"{compiled.config.hardware_id:016x}",
            "image_difference": compiled.image_difference,
            "ops_difference": compiled.ops_difference,
        }
    )
    if found:
        raise failed(f"{artifact} is not that of its net: {'; '.join(found)}", DIFFERENT)


def _rows(compiled: "Artifact") -> list[tuple[str, str]]:
    """What was checked, and how much of it."""
    images, loops = compiled.executable.images, compiled.executable.loop.loops
    runs = [queues for loop in loops for queues in (*loop.flat, loop.body)]
    host_words = images.input_map.size + images.output_map.size
    ops = sum(len(queue) for queues in runs for queue in queues)
    return [
        ("digest of the file", compiled.digest or "none: the file is of an earlier version"),
        ("torus", f"{compiled.config.rows}x{compiled.config.cols}, its id, the net fits it"),
        ("memory images", f"{images.weights.size} weights, {images.biases.size} biases, padding"),
        ("host words of a sample", str(host_words)),
        ("ops", f"{ops}, in {len(runs) - len(loops)} runs and {_loops(len(loops))}"),
        ("runs", "no field too small, no lock-up, no result that depends on timing"),
    ]


def _loops(count: int) -> str:
    return "a loop" if count == 1 else f"{count} loops"
