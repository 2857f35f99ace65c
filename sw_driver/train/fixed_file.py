"""Training a model file in fixed point: from layers and a dataset, or on from where it stopped.

The file holds the float model that the words stand for, so that it compiles and runs as any other,
and in its training state the words themselves, the recipe and how far it has come.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from golden import ClosNet, TrainingState, save_model
from golden.data.source import Source
from golden.layers.dense import LayerShape
from golden.models.chain import ChainNet
from golden.system.progress import Progress
from sw_driver.compiler import parse_torus
from sw_driver.device.device import Device
from sw_driver.errors import DriverError, FaultError
from sw_driver.system.files import check_target, is_replaced
from sw_driver.train.loop import EpochFigures, TrainingLoop
from sw_driver.train.model_file import data_to_train_on, load_again, names
from sw_driver.train.prepared import Prepared, compile_recipe, prepare
from sw_driver.train.recipe import Recipe
from sw_driver.train.rollback import Rollback
from sw_driver.train.saved import FIXED_POINT, VERSION, read_saved
from sw_driver.train.start import Start
from sw_driver.train.weights import float_model

__all__ = ["DEFAULT_TORUS", "FixedTrained", "train_fixed"]

DEFAULT_TORUS = "4x4"
_PART = 500  # Samples between two looks whether it is time to save.


@dataclasses.dataclass(frozen=True, eq=False)
class FixedTrained:
    """What a training ended with.

    Parameters
    ----------
    prepared
        What it began with; its position is that of the end.
    state
        The words at the end.
    model
        The float model of them, as it was saved.
    samples, cycles
        Samples that were trained on in this call, and the clock cycles that they took; None on a
        device without a clock.
    """

    prepared: Prepared
    state: TrainingState
    model: ClosNet | ChainNet
    samples: int
    cycles: int | None


def train_fixed(
    path: Path,
    data: Source | None,
    shapes: Sequence[LayerShape],
    device: Device,
    *,
    start: Start | None = None,
    torus: str | None = None,
    options: Mapping[str, Any] | None = None,
    resume: bool = False,
    save_every: int | None = None,
    checks: int = 0,
    progress: Progress = lambda work, done, total: None,
    note: Callable[[str], object] = lambda text: None,
) -> FixedTrained:
    """Train a net on a device; save it after every epoch; to a pipe, after the last one.

    Parameters
    ----------
    path
        Of the model file.
    data, shapes
        As `prepare`; when it goes on, the layers are those of the file, and None stands for its
        data; else None stands for `DEFAULT_DATA`.
    device
        What trains. It is loaded here.
    start
        The net to begin with, in the place of `shapes` and of first weights; by default none.
    torus
        "RxC", by default `DEFAULT_TORUS`. The weights depend on it, on every device.
    options
        Fields of the `Recipe` that are not to be its defaults; when it goes on, those of the file.
    resume
        Whether to go on from `path`.
    save_every
        Steps after which the file is saved, beside every epoch; by default none.
    checks
        Whether the torus finds flipped bits. After one the training goes back to the state of the
        latest `save_every` steps, or of 500 samples, and ends as it would have ended without it.
    progress
        Told of what is done, how much of it, and of how much.
    note
        Told in a line of each fault, and from where the training goes on.

    Raises
    ------
    FaultError
        The torus finds `rollback.MOST_FAULTS` faults in a row, and comes no further in between.
    DriverError
        If options are out of range, the net does not fit the torus, `path` cannot be written, or
        what it holds is another net, torus, format or recipe than asked for.
    GoldenError
        If the dataset, the layers or the file are not what they must be, or the learning rate
        cannot be represented.
    """
    check_target(path)
    options = {} if options is None else options
    progress("lay out the words", 0, 1)
    if resume:
        prepared = _read(path, data, shapes, torus, options, checks)
    else:
        recipe = Recipe(**options)
        data = data_to_train_on(data, start)
        prepared = prepare(data, shapes, torus or DEFAULT_TORUS, recipe, start=start,
                           checks=checks)  # fmt: skip
    progress("lay out the words", 1, 1)
    device.load(prepared.compiled, prepared.state)
    loop, state = _train(path, prepared, device, save_every, progress, note)
    model = float_model(prepared.compiled.format, state)
    return FixedTrained(prepared, state, model, len(loop.losses), loop.cycles)


def _train(
    path: Path,
    prepared: Prepared,
    device: Device,
    save_every: int | None,
    progress: Progress,
    note: Callable[[str], object],
) -> tuple[TrainingLoop, TrainingState]:
    """Train to the last epoch on a loaded device, saving as `train_fixed` says."""
    recipe, at = prepared.recipe, prepared.position
    every = None if save_every is None else save_every * recipe.batch_size
    always = is_replaced(path)
    loss = ""

    def watch(done: int, total: int) -> None:
        progress(
            f"train: epoch {at.epoch + 1} of {recipe.epochs}{loss}",
            at.epoch * total + done,
            recipe.epochs * total,
        )

    def save() -> None:
        kept = None if rollback is None else rollback.keep()
        whole = at.samples == 0 or every is not None
        if whole and (always or at.epoch == recipe.epochs):
            _save(path, prepared, device.checkpoint() if kept is None else kept)

    loop = TrainingLoop(
        device,
        recipe,
        prepared.split,
        position=at,
        part=_PART if every is None else every,
        watch=watch,
    )
    compiled, rollback = prepared.compiled, None
    if compiled.config.checks:
        rollback = Rollback(device, compiled, prepared.state, loop, note)
    while True:
        try:
            for figures in loop.run(save):
                loss = f", {_line(figures)}"
            return loop, device.read_state()
        except FaultError as fault:
            if rollback is None:
                raise
            _go_back(rollback, fault)


def _go_back(rollback: Rollback, fault: FaultError | None) -> None:
    """Bring loop and torus back to what was kept; a fault while it is loaded counts, too."""
    while fault is not None:
        rollback.go_back(fault)
        try:
            rollback.load()
            fault = None
        except FaultError as another:
            fault = another


def _line(figures: EpochFigures) -> str:
    return f"loss {figures.loss:.3f}, test accuracy {100 * figures.test_accuracy:.1f} %"


def _save(path: Path, prepared: Prepared, checkpoint: dict[str, Any]) -> None:
    form = prepared.compiled.format
    state = TrainingState.from_state_dict(checkpoint["state"], len(form.layers))
    training = {
        FIXED_POINT: VERSION,
        "recipe": prepared.recipe.as_dict(),
        "position": prepared.position.as_dict(),
        "words": checkpoint,
    }
    split = prepared.split
    model = float_model(form, state)
    save_model(path, model, training, data=split.name, preparation=split.preparation)


def _read(
    path: Path,
    data: Source | None,
    shapes: Sequence[LayerShape],
    torus: str | None,
    options: Mapping[str, Any],
    checks: int,
) -> Prepared:
    """Go on from what `_save` wrote; whatever is asked for must be what it holds."""
    saved = read_saved(path)
    form = saved.form
    split = load_again(data, saved.dataset, saved.preparation, path)
    has: list[tuple[str, Any, Any]] = []
    has += [("layers", names(form.shapes), names(shapes))] if shapes else []
    has += [("torus", saved.torus, _normal(torus))] if torus is not None else []
    has += [(name, getattr(saved.recipe, name), wanted) for name, wanted in options.items()]
    for name, found, wanted in has:
        if found != wanted:
            raise DriverError(
                f"{name} must be {_said(found)}, as {path} was trained with, not {_said(wanted)}"
            )
    state = TrainingState.from_state_dict(saved.state, len(form.layers))
    compiled = compile_recipe(form, saved.torus, saved.recipe, checks)
    state.check(compiled.format, saved.rows * saved.cols)
    return Prepared(split, saved.recipe, compiled, state, saved.position)


def _said(value: Any) -> str:
    """A field of a recipe, in words."""
    if isinstance(value, tuple):
        return ", ".join(map(str, cast(tuple[Any, ...], value))) or "none"
    return "none" if value is None else str(value)


def _normal(torus: str) -> str:
    rows, cols = parse_torus(torus)
    return f"{rows}x{cols}"
