"""What a model file says of its training in fixed point."""

import dataclasses
import json
from pathlib import Path
from typing import Any, cast

from golden import (
    CheckpointError,
    ClosShape,
    GoldenError,
    LayerFormat,
    TrainingFormat,
    TrainingState,
    load_checkpoint,
)
from golden.data.preparation import Preparation
from golden.fixed.layer_format import AnyLayerFormat, DenseFormat
from golden.layers.dense import DenseShape
from hw.config import TorusConfig
from sw_driver.compiled import Compiled
from sw_driver.device.state_device import CHECKPOINT_FORMAT
from sw_driver.errors import DriverError
from sw_driver.train.loop import Position
from sw_driver.train.prepared import compile_recipe
from sw_driver.train.recipe import Recipe

__all__ = [
    "FIXED_POINT",
    "VERSION",
    "Saved",
    "load_trained",
    "read_format",
    "read_saved",
    "trained_config",
]

FIXED_POINT = "fixed_point"
"""The key in a model file's training state that says that it was trained in fixed point."""

# What values of other kinds raise where they are read, tensors and deep nesting among them.
_DAMAGE = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)

VERSION = 1
"""What stands under that key: the version of all else there."""


def trained_config(path: Path) -> TorusConfig:
    """Return the torus that a training in fixed point went on, as a board must be built for it.

    Parameters
    ----------
    path
        A model file that `train_fixed` wrote.

    Raises
    ------
    CheckpointError, DriverError
        If it is anything else.
    """
    saved = read_saved(path)
    return compile_recipe(saved.form, saved.torus, saved.recipe).config


def load_trained(path: Path) -> tuple[Compiled, TrainingState, Recipe]:
    """Return the net of a training in fixed point, where its words stand, and how it trains.

    Parameters
    ----------
    path
        A model file that `train_fixed` wrote.

    Raises
    ------
    CheckpointError, DriverError, ModelError
        If it is anything else, or its words are not those of its net on its torus.
    """
    saved = read_saved(path)
    compiled = compile_recipe(saved.form, saved.torus, saved.recipe)
    state = TrainingState.from_state_dict(saved.state, len(saved.form.layers))
    state.check(compiled.format, compiled.placement.pes)
    return compiled, state, saved.recipe


@dataclasses.dataclass(frozen=True, eq=False)
class Saved:
    """A training in fixed point that can go on.

    Parameters
    ----------
    recipe, position
        How it trains, and how far it has come.
    form
        Of the net's words.
    rows, cols
        Of the torus.
    dataset
        Name of the dataset, where it is known.
    preparation
        How its samples became inputs, where that is known.
    state
        The words, as `TrainingState.from_state_dict` takes them.
    """

    recipe: Recipe
    position: Position
    form: TrainingFormat
    rows: int
    cols: int
    dataset: str | None
    preparation: Preparation | None
    state: Any

    @property
    def torus(self) -> str:
        """The size of the torus, as in "4x4"."""
        return f"{self.rows}x{self.cols}"


def read_saved(path: Path) -> Saved:
    """Read what `train_fixed` wrote.

    Raises
    ------
    CheckpointError, DriverError
        If it is anything else, of another version, or damaged.
    """
    checkpoint = load_checkpoint(path)
    saved = checkpoint.training
    if saved is None or FIXED_POINT not in saved:
        raise DriverError(
            f"{path} must hold a training in fixed point to go on from: it holds none, or one of "
            "--device torch"
        )
    if not _is_number(saved[FIXED_POINT], VERSION):
        raise DriverError(
            f"{path}: the version of its training must be {VERSION}, the one that this program "
            f"reads, not {saved[FIXED_POINT]!r}"
        )
    held = saved.get("words")
    words = cast(dict[str, Any], held if isinstance(held, dict) else {})
    version = words.get("format")
    if not _is_number(version, CHECKPOINT_FORMAT):
        raise DriverError(
            f"{path}: the format of its words must be {CHECKPOINT_FORMAT}, the one that this "
            f"program reads, not {version!r}"
        )
    try:
        recipe = Recipe.from_dict(saved["recipe"])
        position = Position.from_dict(saved["position"])
        form = read_format(words["net"])
        rows, cols = (int(count) for count in words["torus"])
    except (DriverError, GoldenError) as error:
        raise CheckpointError(f"{path}: its training state is damaged: {error}") from error
    except _DAMAGE as error:
        raise CheckpointError(f"{path}: its training state is damaged: {error!r}") from error
    dataset, preparation = checkpoint.data, checkpoint.preparation
    return Saved(recipe, position, form, rows, cols, dataset, preparation, words.get("state"))


def _is_number(found: object, wanted: int) -> bool:
    """Whether a damaged file's value is that number; a tensor may be neither equal nor unequal."""
    return isinstance(found, int) and found == wanted


def read_format(text: str) -> TrainingFormat:
    """Read the widths and fraction bits of a net as JSON has them."""

    def layer(values: dict[str, Any]) -> AnyLayerFormat:
        shape, others = values["shape"], {k: v for k, v in values.items() if k != "shape"}
        # Only the sums of a dense layer have cuts.
        if "cuts" in shape:
            return DenseFormat(DenseShape(**shape), **others)
        return LayerFormat(ClosShape(**shape), **others)

    found: dict[str, Any] = json.loads(text)
    widths = {name: value for name, value in found.items() if name != "layers"}
    return TrainingFormat(tuple(layer(values) for values in found["layers"]), **widths)
