"""A ClosNet is trained from scratch on the RTL: `python -m sw_driver.cli.train_demo`, or `make
train-sim`.

The default net learns scikit-learn's digits on a 4x4 training torus, simulated from its Verilog;
the golden model and float SGD go through the same samples in the same order beside it. After every
epoch all that the torus holds is read back and compared with the golden model. The vector engine
trains the first epoch, too. The exit status is 1 if a word differs. The model and a picture of the
curves stay in `build/train-sim`.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("sw_driver.cli.train_demo")  # Before anything slow is imported.

import dataclasses
import io
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from golden import (
    DIGITS_SHAPES,
    ChainNet,
    ClosNet,
    ClosShape,
    FloatTwin,
    Split,
    TrainingState,
    accuracy,
    save_model,
)
from golden.data.source import Source
from golden.models.net import new_net
from golden.system.ending import run_program
from golden.system.progress import Progress
from golden.system.status import DIFFERENT
from sim.device.device import SimDevice
from sw_driver.cli.beside import Timed, run_beside
from sw_driver.device.golden import GoldenDevice
from sw_driver.files.report import percent
from sw_driver.system.console import Output
from sw_driver.system.files import make_folder, write_bytes
from sw_driver.train.loop import EpochFigures, TrainingLoop
from sw_driver.train.prepared import Prepared, prepare
from sw_driver.train.recipe import Recipe
from sw_driver.train.weights import float_model, stored_words

__all__ = ["Curves", "float_epochs", "main", "run_train_demo"]

_FOLDER = Path("build") / "train-sim"
_TORUS = "4x4"
_RECIPE = Recipe()
_SMOOTHED = 200  # Samples that each point of the loss curves is the mean of.


@dataclasses.dataclass(frozen=True)
class Curves:
    """How one training went: the loss of every sample, and the figures of every epoch."""

    name: str
    losses: list[float]
    epochs: list[EpochFigures]


def float_epochs(
    recipe: Recipe, model: ClosNet | ChainNet, split: Split, losses: list[float]
) -> Iterator[EpochFigures]:
    """Train the float twin of `model` by plain SGD, as `recipe` says, in float64.

    The loss of every batch is appended to `losses`; the figures are as those of a `TrainingLoop`.
    """
    twin = FloatTwin.of_model(model)
    x, labels = torch.as_tensor(split.train_x), torch.as_tensor(split.train_y)
    targets = recipe.targets(labels, model.shapes[-1].out_features)
    test_x, test_y = torch.as_tensor(split.test_x), torch.as_tensor(split.test_y)
    for epoch in range(recipe.epochs):
        order = recipe.order(len(x), epoch)
        total, hits = 0.0, 0
        for batch in order.reshape(-1, recipe.batch_size):
            reals = twin.forward(x[batch])
            value = recipe.loss_function(reals[-1].output, targets[batch])
            gradients = twin.gradients(x[batch], reals, value.gradient * recipe.rate(epoch))
            twin.update(gradients, recipe.decay, recipe.frozen)
            losses.append(value.loss)
            total += value.loss * len(batch)
            hits += int((reals[-1].output.argmax(dim=1) == labels[batch]).sum())
        scores = twin.forward(test_x)[-1].output
        yield EpochFigures(
            epoch + 1, total / len(order), hits / len(order), accuracy(scores, test_y))


def run_train_demo(
    folder: Path,
    output: Output,
    *,
    shapes: Sequence[ClosShape] = DIGITS_SHAPES,
    torus: str = _TORUS,
    recipe: Recipe = _RECIPE,
    samples: int | None = None,
) -> int:
    """Train three times over, compare, write `model.pt` and `curves.png`; return the exit status.

    Parameters
    ----------
    folder
        For the files.
    output
        Where the tables go.
    shapes, torus, recipe
        What is trained on what, and how.
    samples
        Only so many of the training samples; by default all.
    """
    make_folder(folder)
    torch.set_num_threads(1)
    with output.progress() as tell:
        tell("lay out the words", 0, 1)
        prepared = prepare(Source("digits"), shapes, torus, recipe, samples=samples)
        tell("lay out the words", 1, 1)
        with GoldenDevice() as golden, SimDevice(progress=tell, engine="verilator") as sim:
            found = _train(prepared, golden, sim, tell)
    save_model(folder / "model.pt", float_model(prepared.compiled.format, found.state))
    _draw(folder / "curves.png", found.curves)
    output.table(
        f"ClosNet {', '.join(map(str, shapes))}, trained from scratch on the {torus} RTL torus",
        ("epoch", "learning rate", *(f"loss, {curves.name}" for curves in found.curves),
         *(f"test accuracy, {curves.name}" for curves in found.curves)),
        [
            (str(row[0].epoch), f"{recipe.rate(row[0].epoch - 1):.3f}",
             *(f"{one.loss:.4f}" for one in row), *(percent(one.test_accuracy) for one in row))
            for row in zip(*(curves.epochs for curves in found.curves), strict=True)
        ],
    )
    trained = len(found.curves[2].losses)
    output.facts(
        "The RTL held against the golden model",
        [
            ("samples trained on", str(trained)),
            ("losses equal", str(found.equal_losses)),
            ("words read back from the torus", str(found.words)),
            ("words equal", str(found.equal_words)),
            ("cycles per sample", f"{found.cycles / trained:.4g}"),
            ("curves", str(folder / "curves.png")),
        ],
    )
    difference = found.difference
    if difference is None:
        with output.progress() as tell:
            difference = run_beside(
                f"epoch 1 on {torus}", found.first_epoch,
                lambda device: _first_epoch(prepared, device, tell), output, tell)
    if difference is not None:
        print(difference, file=sys.stderr)
        return DIFFERENT
    return 0


@dataclasses.dataclass(frozen=True, eq=False)
class _Found:
    """What came of the trainings: float, golden and RTL in this order."""

    curves: tuple[Curves, Curves, Curves]
    state: TrainingState
    words: int
    equal_words: int
    cycles: int
    first_epoch: Timed
    difference: str | None

    @property
    def equal_losses(self) -> int:
        """Samples whose losses were the same, golden and RTL."""
        return sum(map(float.__eq__, self.curves[1].losses, self.curves[2].losses))


def _train(prepared: Prepared, golden: GoldenDevice, sim: SimDevice,
           tell: Progress) -> _Found:
    """Train epoch by epoch, until a word differs."""
    recipe, split, compiled = prepared.recipe, prepared.split, prepared.compiled
    for device in (golden, sim):
        device.load(compiled, prepared.state)
    model = new_net(compiled.format.shapes, torch.Generator().manual_seed(recipe.seed))
    losses: list[float] = []
    loops = [TrainingLoop(golden, recipe, split, watch=_watch(tell, "train the golden model")),
             TrainingLoop(sim, recipe, split, watch=_watch(tell, "train the RTL"))]
    curves = (Curves("float", losses, []), Curves("golden", loops[0].losses, []),
              Curves("RTL", loops[1].losses, []))
    runs = [float_epochs(recipe, model, split, losses), *(loop.run() for loop in loops)]
    seconds, first_epoch = 0.0, Timed({}, 0.0)
    for epoch in range(recipe.epochs):
        for curve, run in zip(curves, runs, strict=True):
            start = time.process_time()
            curve.epochs.append(next(run))
            seconds = time.process_time() - start
        state = sim.read_state()
        if epoch == 0:
            first_epoch = _epoch_results(prepared, loops[1], state, seconds)
        wanted = stored_words(compiled.format, golden.read_state())
        found = stored_words(compiled.format, state)
        words = sum(tensor.numel() for tensor in wanted.values())
        equal = sum(int((wanted[name] == found[name]).sum()) for name in wanted)
        difference = None
        if equal < words:
            name = next(name for name in wanted if not wanted[name].equal(found[name]))
            difference = (f"words differ after epoch {epoch + 1}: {words - equal} of {words}; "
                          f"the first in {name}")
        elif curves[1].losses != curves[2].losses or curves[1].epochs != curves[2].epochs:
            difference = f"losses or accuracies differ in epoch {epoch + 1}, but no word after it"
        if difference is not None or epoch + 1 == recipe.epochs:
            return _Found(curves, state, words, equal, loops[1].cycles or 0,
                          first_epoch, difference)
    raise AssertionError("a recipe has an epoch at least")


def _first_epoch(prepared: Prepared, device: SimDevice, tell: Progress) -> Timed:
    """Train the first epoch once more, on a device that is not loaded."""
    device.load(prepared.compiled, prepared.state)
    loop = TrainingLoop(device, prepared.recipe, prepared.split,
                        watch=_watch(tell, "train on the vector engine"))
    start = time.process_time()
    next(loop.run())
    seconds = time.process_time() - start
    return _epoch_results(prepared, loop, device.read_state(), seconds)


def _epoch_results(prepared: Prepared, loop: TrainingLoop, state: TrainingState,
                   seconds: float) -> Timed:
    """What any two engines must agree on."""
    words = stored_words(prepared.compiled.format, state)
    return Timed({
        "losses": np.asarray(loop.losses),
        "stored words": np.concatenate([words[name].numpy().ravel() for name in sorted(words)]),
        "cycles": np.asarray([loop.cycles]),
    }, seconds)


def _watch(tell: Progress, work: str) -> Callable[[int, int], object]:
    """Tell of an epoch's samples, seldom enough to cost nothing."""
    def watch(done: int, total: int) -> None:
        if done % 20 == 0 or done == total:
            tell(work, done, total)
    return watch


def _draw(path: Path, curves: Sequence[Curves]) -> None:
    """Draw the losses of all samples, smoothed, and the test accuracies of all epochs."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    loss, score = figure.subplots(1, 2)
    # The RTL's curve is the golden one: what is drawn last must leave it to be seen.
    styles = ("C7", 1.5, "-"), ("C0", 4.0, "-"), ("C1", 1.5, "--")
    size = max(min(_SMOOTHED, len(curves[0].losses) // 4), 1)
    for curve, (colour, width, line) in zip(curves, styles, strict=True):
        style: dict[str, Any] = {"color": colour, "linewidth": width, "linestyle": line}
        mean = np.convolve(curve.losses, np.full(size, 1 / size), mode="valid")
        steps = np.linspace(0, len(curve.epochs), len(mean))
        loss.plot(steps, mean, label=curve.name, **style)
        score.plot([one.epoch for one in curve.epochs],
                   [100 * one.test_accuracy for one in curve.epochs], label=curve.name, **style)
    loss.set(xlabel="epoch", yscale="log",
             ylabel=f"training loss (nats), mean of {size} samples")
    score.set(xlabel="epoch", ylabel="test accuracy (%), end of epoch")
    for axes in (loss, score):
        axes.grid(alpha=0.3)
        axes.legend()
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=120)
    write_bytes(path, file.getvalue())


def main() -> int:
    """Run the demo from the command line."""
    return run_train_demo(_FOLDER, Output(as_json=False, quiet=False))


if __name__ == "__main__":
    run_program("sw_driver.cli.train_demo", main)
