"""Training a model file: from layers and a dataset, or on from where it stopped."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from golden import (
    DIGITS_SHAPES,
    ChainNet,
    Checkpoint,
    ClosNet,
    EpochStats,
    Split,
    Trainer,
    accuracy,
    load_checkpoint,
    save_model,
)
from golden.data.loading import load_split
from golden.data.preparation import Preparation
from golden.data.source import Source
from golden.layers.dense import LayerShape
from golden.models.net import new_net
from golden.training.trainer import DEFAULT_EPOCHS
from sw_driver.errors import DriverError
from sw_driver.files.samples import data_of
from sw_driver.system.files import check_target, is_replaced
from sw_driver.train.size import check_size
from sw_driver.train.start import Start

__all__ = ["DEFAULT_DATA", "Trained", "data_to_train_on", "default_shapes", "load_again",
    "names", "train_model"]

_SEED = "seed"  # In the training state, beside the trainer's own.
DEFAULT_DATA = "digits"


@dataclasses.dataclass(frozen=True, eq=False)
class Trained:
    """What a training ended with.

    Parameters
    ----------
    model
        The model, as it was saved.
    data
        What the dataset is called.
    epochs
        Epochs done in all.
    stats
        Of the last epoch; None if there was none to do.
    before
        Test accuracies, 0 to 1, of the net that it began with: as given, and as it was trained on.
    """

    model: ClosNet | ChainNet
    data: str
    epochs: int
    stats: EpochStats | None
    before: tuple[tuple[str, float], ...] = ()


def train_model(
    path: Path,
    data: Source | None,
    shapes: Sequence[LayerShape],
    *,
    start: Start | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    resume: bool = False,
    progress: Callable[[EpochStats, int], object] = lambda stats, epochs: None,
) -> Trained:
    """Train a net and save it after every epoch; to a pipe, after the last one.

    Parameters
    ----------
    path
        Of the model file.
    data
        The data; None for those of the file when it goes on, else `DEFAULT_DATA`.
    shapes
        The layers; if empty, those of the file when it goes on, else the default ones of digits.
    start
        The net to begin with, in the place of `shapes` and of first weights; by default none.
    epochs
        In all, those done before included; by default `DEFAULT_EPOCHS`.
    seed
        Of the first weights and the order of the samples, by default 0; when it goes on, that of
        the file.
    resume
        Whether to go on from `path`.
    progress
        Told the figures of every epoch, and how many there will be.

    Raises
    ------
    DriverError
        If there are no layers, or `path` cannot be written or gone on from.
    GoldenError
        If the dataset, the layers or the file are not what they must be.
    """
    check_target(path)
    check_size(shapes)
    epochs = epochs or DEFAULT_EPOCHS
    before: tuple[tuple[str, float], ...] = ()
    if resume:
        checkpoint, model = _read(path, shapes, seed)
        state = checkpoint.training or {}
        split = load_again(data, checkpoint.data, checkpoint.preparation, path)
        seed = state.pop(_SEED, None)
    else:
        data, seed, state = data_to_train_on(data, start), seed or 0, None
        split = load_split(data, None if start is None else start.preparation)
        if start is None:
            model = new_net(
                shapes or default_shapes(data.data), torch.Generator().manual_seed(seed)
            )
        else:
            model = start.model
    trainer = Trainer(model, split, seed=seed or 0)
    if start is not None:
        before = _accuracies(start, split)
    if state is not None:
        trainer.load_state_dict(state)
    stats: EpochStats | None = None
    always = is_replaced(path)
    for stats in trainer.run(epochs):
        if always or stats.epoch == epochs:
            state = trainer.state_dict() | {_SEED: seed}
            save_model(path, model, state, data=split.name, preparation=split.preparation)
        progress(stats, epochs)
    return Trained(model, split.name, trainer.epoch, stats, before)


def data_to_train_on(data: Source | None, start: Start | None) -> Source:
    """Return the data given, those of the net that a training begins with, or `DEFAULT_DATA`."""
    if start is None:
        return data or Source(DEFAULT_DATA)
    return data_of(data, start.data, start.path, "to train on")


@torch.no_grad()
def _accuracies(start: Start, split: Split) -> tuple[tuple[str, float], ...]:
    """Test accuracies of a net before it is trained."""
    x, labels = torch.as_tensor(split.test_x), torch.as_tensor(split.test_y)
    found = [(f"of {start.path}", accuracy(start.given.float()(x), labels))]
    if start.reduced:
        found.append(("with Clos layers", accuracy(start.model(x), labels)))
    return tuple(found)


def default_shapes(data: str) -> Sequence[LayerShape]:
    """Return the layers of a net for a dataset, or refuse to choose them."""
    if data != "digits":
        raise DriverError(f"layers must be given for {data}: only digits have default layers")
    return DIGITS_SHAPES


def load_again(
    data: Source | None, known: str | None, preparation: Preparation | None, path: Path
) -> Split:
    """Load the data that a training goes on with, prepared as before.

    Parameters
    ----------
    data
        Those given, or None.
    known, preparation
        What the file says of those that it was trained on.
    path
        Of the file.

    Raises
    ------
    DriverError, GoldenError
        If they are other data, or not what they must be.
    """
    split = load_split(data_of(data, known, path, "to go on with"), preparation)
    if known not in (None, split.name):
        raise DriverError(f"data must be {known}, as {path} was trained with, not {split.name}")
    return split


def _read(
    path: Path, shapes: Sequence[LayerShape], seed: int | None
) -> tuple[Checkpoint, ClosNet | ChainNet]:
    """The file and its net, with a training state; layers and seed must be those, if given."""
    checkpoint = load_checkpoint(path)
    model, state = checkpoint.model, checkpoint.training
    if shapes and model.shapes != tuple(shapes):
        raise DriverError(
            f"{path}: layers must be {names(shapes)} to go on with them, "
            f"not {names(model.shapes)}"
        )
    if state is None:
        raise DriverError(f"{path} must hold a training state to go on from, but has none")
    if "optimiser" not in state:
        raise DriverError(
            f"{path} must hold a training in floating point to go on with --device torch, "
            "not one in fixed point"
        )
    if seed is not None and seed != state.get(_SEED):
        known = state.get(_SEED, "one that the file does not name")
        raise DriverError(
            f"seed must be {known}, as {path} was trained with, not {seed}: leave it out to go on"
        )
    return checkpoint, model


def names(shapes: Sequence[LayerShape]) -> str:
    """Write layers one after the other."""
    return ", ".join(map(str, shapes))
