"""The main job, end to end: `python -m sw_driver.cli.demo`, the second half of `make sim`.

Trains two nets on scikit-learn's digits, one with a dense head and the default ClosNet, compiles
each for a torus, the second also for one whose PEs have four multipliers, runs the whole test split
through the RTL and compares every output word with the golden model. The vector engine computes the
same beside it. The exit status is 1 if a word differs.
Models and artifacts stay in `build/demo`.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("sw_driver.cli.demo")  # Before anything slow is imported.

import dataclasses
import sys
from pathlib import Path

import torch

from golden import DIGITS_SHAPES, accuracy
from golden.data import datasets
from golden.layers.dense import DenseShape, LayerShape
from golden.system.ending import run_program
from golden.system.status import DIFFERENT
from sim.device.device import SimDevice
from sim.device.verify import verify
from sw_driver.cli.beside import Timed, run_beside, timed_inference
from sw_driver.compiler import compile
from sw_driver.device.golden import GoldenDevice
from sw_driver.files.artifact import load_artifact, save_artifact
from sw_driver.files.report import percent
from sw_driver.system.console import Output
from sw_driver.system.files import make_folder
from sw_driver.train.model_file import train_model

__all__ = ["main", "run_demo"]

_FOLDER = Path("build") / "demo"


@dataclasses.dataclass(frozen=True)
class _Run:
    """A net of the digits, its torus, and the name of its files in the folder."""

    name: str
    title: str
    shapes: tuple[LayerShape, ...]
    torus: str
    lanes_in: int = 1
    lanes_out: int = 1


# README.md shows the table of the last one.
_RUNS = (
    _Run("dense-head", "Clos body and dense head", (DIGITS_SHAPES[0], DenseShape(64, 10)), "2x2"),
    _Run("lanes", "ClosNet on 4 multipliers a PE", DIGITS_SHAPES, "4x4", lanes_in=2, lanes_out=2),
    _Run("model", "ClosNet", DIGITS_SHAPES, "4x4"),
)


def run_demo(folder: Path, output: Output) -> int:
    """Do it all, and write a model and an artifact of each net; return the exit status."""
    make_folder(folder)
    torch.set_num_threads(1)
    return max(_run(one, folder, output) for one in _RUNS)


def _run(run: _Run, folder: Path, output: Output) -> int:
    """Train one net, compile it and compare every word of it; return the exit status."""
    split = datasets.load("digits")
    test_x, test_y = torch.as_tensor(split.test_x), torch.as_tensor(split.test_y)
    model, artifact_file = folder / f"{run.name}.pt", folder / f"{run.name}.ctz"
    with output.progress() as tell:
        trained = train_model(
            model, None, run.shapes,
            progress=lambda stats, total: tell("train", stats.epoch, total))
        tell("compile", 0, 1)
        compiled = compile(trained.model, run.torus, torch.as_tensor(split.train_x),
                           lanes_in=run.lanes_in, lanes_out=run.lanes_out)
        save_artifact(artifact_file, compiled)
        tell("compile", 1, 1)
        artifact = load_artifact(artifact_file)
        golden = GoldenDevice()
        golden.load(artifact)
        words = golden.to_words(split.test_x)
        expected = golden.infer_words(words)
        with SimDevice(progress=tell, engine="verilator") as device:
            device.load(artifact)
            verdict = verify(device, words, expected)
            verilator = timed_inference(device, words)
    with torch.no_grad():
        scores = trained.model(test_x)
    accuracies = [
        ("float accuracy", accuracy(scores, test_y)),
        ("fixed-point accuracy", accuracy(torch.as_tensor(expected), test_y)),
        ("RTL accuracy", accuracy(torch.as_tensor(verdict.outputs), test_y)),
    ]
    layers = ", ".join(map(str, artifact.net.shapes))
    output.facts(
        f"{run.title} {layers}, {len(words)} digits on the {run.torus} RTL torus",
        [(name, percent(value)) for name, value in accuracies] + verdict.rows())
    if verdict.comparison.first is not None:
        print(f"words differ; the first at {verdict.comparison.first}", file=sys.stderr)
        return DIFFERENT

    def infer(device: SimDevice) -> Timed:
        device.load(artifact)
        return timed_inference(device, words)

    with output.progress() as tell:
        difference = run_beside(
            f"{len(words)} digits on {run.torus}", verilator, infer, output, tell)
    if difference is not None:
        print(difference, file=sys.stderr)
        return DIFFERENT
    return 0


def main() -> int:
    """Run the demo from the command line."""
    return run_demo(_FOLDER, Output(as_json=False, quiet=False))


if __name__ == "__main__":
    run_program("sw_driver.cli.demo", main)
