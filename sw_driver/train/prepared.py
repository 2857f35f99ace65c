"""What a training in fixed point begins with: data, words, a compiled net, its first weights."""

import dataclasses
from collections.abc import Sequence

import torch

from golden import (
    ModelError,
    Split,
    TrainingFormat,
    TrainingState,
    initial_state,
    propose_format,
)
from golden.data.loading import load_split
from golden.data.source import Source
from golden.layers.dense import LayerShape
from golden.models.net import new_net
from golden.models.read import read_chain
from golden.training.trainer import check_data
from sw_driver.compiled import Compiled
from sw_driver.compiler import compile, parse_torus
from sw_driver.device.targets import error_shift
from sw_driver.plan.placement import dense_cuts
from sw_driver.plan.plan import check_frozen
from sw_driver.train.loop import Position, check_batch
from sw_driver.train.model_file import default_shapes
from sw_driver.train.recipe import Recipe
from sw_driver.train.size import check_size
from sw_driver.train.start import Start

__all__ = ["Prepared", "compile_recipe", "prepare"]


@dataclasses.dataclass(frozen=True, eq=False)
class Prepared:
    """A training that can begin.

    Parameters
    ----------
    split
        The data.
    recipe
        How the net is trained.
    compiled
        The net on its torus.
    state
        Where its words stand.
    position
        How far it has come.
    """

    split: Split
    recipe: Recipe
    compiled: Compiled
    state: TrainingState
    position: Position


def prepare(
    data: Source,
    shapes: Sequence[LayerShape],
    torus: str,
    recipe: Recipe,
    *,
    samples: int | None = None,
    start: Start | None = None,
    checks: int = 0,
) -> Prepared:
    """Lay out a net's words by training it for an epoch in float, and compile it.

    Parameters
    ----------
    data
        The data.
    shapes
        The layers; if empty, the default ones of digits.
    torus
        "RxC".
    recipe
        How it is trained.
    samples
        Only so many of the training samples; by default all.
    start
        The net to begin with, in the place of `shapes` and of first weights; by default none.
    checks
        Whether the torus finds flipped bits.

    Raises
    ------
    DriverError, GoldenError
        If data, layers, torus and recipe do not go together, or no words hold such training.
    """
    rows, cols = parse_torus(torus)
    first = None if start is None else start.model
    shapes = shapes if first is None else first.shapes
    check_size(shapes)
    split = load_split(data, None if start is None else start.preparation)
    if samples is not None:
        split = dataclasses.replace(
            split, train_x=split.train_x[:samples], train_y=split.train_y[:samples]
        )
    shapes = shapes or default_shapes(data.data)
    model = first or new_net(shapes, torch.Generator().manual_seed(recipe.seed))
    outputs = shapes[-1].out_features
    check_data(split, shapes)
    check_batch(split, recipe.batch_size)
    check_frozen(recipe.frozen, len(shapes))
    if start is not None:
        _check_trainable(start)
    form = propose_format(
        model,
        torch.as_tensor(split.train_x),
        recipe.targets(torch.as_tensor(split.train_y), outputs),
        recipe.loss_function,
        recipe.learning_rate,
        batch_size=recipe.batch_size,
        momentum=recipe.decay,
        widths=recipe.widths,
        seed=recipe.seed,
        dense_cuts=dense_cuts(shapes, rows, cols, training=True),
    )
    if recipe.on_targets:
        rate = recipe.rate(0) / recipe.batch_size
        form = dataclasses.replace(form, error_shift=error_shift(form, rate))
    compiled = compile_recipe(form, torus, recipe, checks)
    state = initial_state(model, compiled.format, seed=recipe.seed, rows=rows, cols=cols)
    return Prepared(split, recipe, compiled, state, Position())


def _check_trainable(start: Start) -> None:
    """Refuse a net that no torus trains, by the name of its file."""
    try:
        read_chain(start.model, training=True)
    except ModelError as error:
        raise ModelError(f"{start.path}: {error}") from error


def compile_recipe(
    form: TrainingFormat, torus: str, recipe: Recipe, checks: int = 0
) -> Compiled:
    """Compile a net of these words for a torus "RxC", with what a recipe asks for."""
    return compile(
        form,
        torus,
        batches=recipe.batches,
        stale=recipe.stale,
        momentum=recipe.momentum,
        frozen=recipe.frozen,
        lanes_out=recipe.lanes_out,
        checks=checks,
    )
