"""The main job, end to end: `python -m sw_driver.cli.demo`, the second half of `make sim`.

Trains the default ClosNet on scikit-learn's digits, compiles it for a 4x4 torus, runs the whole
test split through the RTL and compares every output word with the golden model. The exit status is
1 if one differs. The model and the artifact stay in `build/demo`.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("sw_driver.cli.demo")  # Before anything slow is imported.

import sys
from pathlib import Path

import torch

from golden import DIGITS_SHAPES, accuracy
from golden.data import datasets
from golden.system.ending import run_program
from golden.system.status import DIFFERENT
from sim.device.device import SimDevice
from sim.device.verify import verify
from sw_driver.compiler import compile
from sw_driver.device.golden import GoldenDevice
from sw_driver.files.artifact import load_artifact, save_artifact
from sw_driver.files.report import percent
from sw_driver.system.console import Output
from sw_driver.system.files import make_folder
from sw_driver.train.model_file import train_model

__all__ = ["main", "run_demo"]

_FOLDER = Path("build") / "demo"
_TORUS = "4x4"


def run_demo(folder: Path, output: Output) -> int:
    """Do it all, write `model.pt` and `model.ctz` into `folder`; return the exit status."""
    make_folder(folder)
    torch.set_num_threads(1)
    split = datasets.load("digits")
    test_x, test_y = torch.as_tensor(split.test_x), torch.as_tensor(split.test_y)
    with output.progress() as tell:
        trained = train_model(
            folder / "model.pt", None, DIGITS_SHAPES,
            progress=lambda stats, total: tell("train", stats.epoch, total))
        tell("compile", 0, 1)
        compiled = compile(trained.model, _TORUS, torch.as_tensor(split.train_x))
        save_artifact(folder / "model.ctz", compiled)
        tell("compile", 1, 1)
        artifact = load_artifact(folder / "model.ctz")
        golden = GoldenDevice()
        golden.load(artifact)
        words = golden.to_words(split.test_x)
        expected = golden.infer_words(words)
        with SimDevice(progress=tell) as device:
            device.load(artifact)
            verdict = verify(device, words, expected)
    with torch.no_grad():
        scores = trained.model(test_x)
    accuracies = [
        ("float accuracy", accuracy(scores, test_y)),
        ("fixed-point accuracy", accuracy(torch.as_tensor(expected), test_y)),
        ("RTL accuracy", accuracy(torch.as_tensor(verdict.outputs), test_y)),
    ]
    layers = ", ".join(map(str, artifact.net.shapes))
    output.facts(
        f"ClosNet {layers}, {len(words)} digits on the {_TORUS} RTL torus",
        [(name, percent(value)) for name, value in accuracies] + verdict.rows())
    if verdict.comparison.first is not None:
        print(f"words differ; the first at {verdict.comparison.first}", file=sys.stderr)
        return DIFFERENT
    return 0


def main() -> int:
    """Run the demo from the command line."""
    return run_demo(_FOLDER, Output(as_json=False, quiet=False))


if __name__ == "__main__":
    run_program("sw_driver.cli.demo", main)
