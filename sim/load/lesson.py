"""The training that is stopped: its data, its command line, and what two of them differ in."""

import dataclasses
from pathlib import Path
from random import Random

from golden import TrainingState
from sw_driver.errors import DriverError
from sw_driver.system.files import write_text
from sw_driver.train.saved import Saved, read_saved

__all__ = ["Lesson", "differences", "steps_done"]

_FEATURES, _CLASSES = 8, 4
_LAYERS = ("8,8,4,4,4", "8,4,4,4,4")
_NOISE = 0.2  # Of the labels: so gradients do not vanish, however long it trains.
_TEST_SAMPLES = 40


@dataclasses.dataclass(frozen=True)
class Lesson:
    """A training with momentum of a small net on a small torus, a step for each sample.

    Parameters
    ----------
    steps
        In all: a multiple of `epoch_steps`.
    seed
        Of the data, the first weights, the order of the samples and the random generators.
    device
        What trains, as `clostorus train --device` takes it.
    engine
        Of the simulator: "auto", "verilator" or "vector".
    torus
        "RxC".
    """

    steps: int
    seed: int = 1
    device: str = "sim"
    engine: str = "auto"
    torus: str = "1x2"

    def __post_init__(self) -> None:
        """Refuse a training that does not end with an epoch."""
        if self.steps < 1 or self.steps % self.epoch_steps:
            raise DriverError(
                f"--steps must be a multiple of 100, or of 1000 from 1000 on, not {self.steps}")

    @property
    def epoch_steps(self) -> int:
        """Samples of an epoch, each a step."""
        return 1000 if self.steps >= 1000 else 100

    @property
    def save_steps(self) -> int:
        """Steps between two checkpoints."""
        return self.epoch_steps // 10

    def write_data(self, folder: Path) -> None:
        """Write the tables that the command line names."""
        for name, count in (("train", self.epoch_steps), ("test", _TEST_SAMPLES)):
            random = Random(f"{name}/{self.seed}")
            lines = [",".join([*(f"x{number}" for number in range(_FEATURES)), "label"])]
            for _ in range(count):
                kind = random.randrange(_CLASSES)
                label = random.randrange(_CLASSES) if random.random() < _NOISE else kind
                values = [(kind >> number % 2 & 1) * 0.3 + random.random() * 0.7
                          for number in range(_FEATURES)]
                lines.append(",".join([*(f"{value:.4f}" for value in values), str(label)]))
            write_text(folder / f"{name}.csv", "\n".join(lines) + "\n")

    def command(self, model: str, *, resume: bool) -> list[str]:
        """Return the arguments of `clostorus`, for the folder of the data."""
        words = ["train", "--device", self.device, "--quiet", "-o", model,
                 "--data", "train.csv", "--test-data", "test.csv",
                 "--save-every", str(self.save_steps)]
        words += ["--engine", self.engine] if self.device == "sim" else []
        if resume:
            return [*words, "--resume"]
        words += ["--label", "label", "--torus", self.torus, "--seed", str(self.seed),
                  "--momentum", "3", "--lr", "0.02",
                  "--epochs", str(self.steps // self.epoch_steps)]
        return [*words, *(word for layer in _LAYERS for word in ("--layer", layer))]


def steps_done(path: Path, lesson: Lesson) -> int:
    """Steps that a model file has behind it; 0 if there is none yet.

    Raises
    ------
    CheckpointError, DriverError
        The file is damaged.
    """
    if not path.exists():
        return 0
    position = read_saved(path).position
    return position.epoch * lesson.epoch_steps + position.samples


def differences(whole: Path, stopped: Path) -> list[str]:
    """Name what differs between two trainings, bit for bit; none if nothing does.

    That is every weight, bias, velocity and random generator; the net, its torus and its recipe;
    how far it has come; and the loss of every epoch, a sum over its samples in their order.

    Raises
    ------
    CheckpointError, DriverError
        A file is damaged.
    """
    one, other = read_saved(whole), read_saved(stopped)
    found = [name for name in ("recipe", "position", "form", "torus", "dataset", "preparation")
             if getattr(one, name) != getattr(other, name)]
    return found + _state(one).differences(_state(other))


def _state(saved: Saved) -> TrainingState:
    return TrainingState.from_state_dict(saved.state, len(saved.form.layers))
