"""Accuracy of fixed-point training against its widths, for the tables of `docs/arithmetic.md`.

Trains the default net on scikit-learn's digits from scratch, by float SGD and in fixed point, once
per seed and choice. The program is `python -m sim.measure.training_widths`.
"""

import dataclasses
import re
import statistics
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from golden.clos.net import ClosNet
from golden.data.datasets import load_digits_split
from golden.fixed.format import CLEAR, KEEP
from golden.fixed.state import initial_state
from golden.fixed.training import FixedTrainingNet
from golden.fixed.words import to_words
from golden.studies.population import Population
from golden.system.runner import Runner, in_turn
from golden.training.losses import softmax_cross_entropy
from golden.training.ranges import profile_ranges
from golden.training.scales import Headroom, TrainingWidths, format_for
from golden.training.schedule import epoch_order, falling_rate
from golden.training.trainer import DIGITS_SHAPES, accuracy
from golden.training.twin import FloatTwin

__all__ = ["CHOICES", "RECIPES", "Choice", "Recipe", "tables", "train_fixed", "train_float"]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How the net is trained: samples a step, peak learning rate, momentum 1 - 2**-decay, epochs.

    The learning rate falls linearly, epoch by epoch, towards 0 after the last.
    """

    name: str
    batch_size: int
    learning_rate: float
    decay: int
    epochs: int

    @property
    def momentum(self) -> float:
        """The momentum, 0 without decay."""
        return 0.0 if self.decay == CLEAR else 1.0 - 2.0**-self.decay

    def rate(self, epoch: int) -> float:
        """Learning rate of an epoch, from 0."""
        return falling_rate(self.learning_rate, epoch, self.epochs)


RECIPES = (
    Recipe("batch 1", batch_size=1, learning_rate=0.03, decay=CLEAR, epochs=6),
    Recipe("batch 1, slow", batch_size=1, learning_rate=0.003, decay=CLEAR, epochs=6),
    Recipe("batch 4, momentum 7/8", batch_size=4, learning_rate=0.02, decay=3, epochs=6),
)


@dataclasses.dataclass(frozen=True)
class Choice:
    """A way to train in fixed point; `rounding` is "lfsr", "ideal" (random bits) or "nearest"."""

    name: str
    widths: TrainingWidths = TrainingWidths(velocity_bits=36)
    rounding: str = "lfsr"
    headroom: Headroom = Headroom(activations=1)

    @classmethod
    def of(cls, name: str, rounding: str = "lfsr", headroom: Headroom | None = None, **widths: int):
        """Return a choice that differs from the base in the given widths."""
        return cls(
            name,
            dataclasses.replace(TrainingWidths(velocity_bits=36), **widths),
            rounding,
            cls.headroom if headroom is None else headroom,
        )


CHOICES = (
    Choice("base"),
    *(Choice.of(f"master {bits} bits", master_bits=bits) for bits in (16, 20, 32)),
    *(
        Choice.of(f"master {bits} bits, nearest rounding", "nearest", master_bits=bits)
        for bits in (16, 20, 24)
    ),
    *(
        Choice.of(f"master {bits} bits, ideal random bits", "ideal", master_bits=bits)
        for bits in (16, 24)
    ),
    *(
        Choice.of(f"weights and master {bits} bits{more}", how, weight_bits=bits, master_bits=bits)
        for bits in (12, 10, 8)
        for more, how in (("", "lfsr"), (", nearest rounding", "nearest"))
    ),
    *(Choice.of(f"gradients {bits} bits", grad_bits=bits) for bits in (6, 8, 12, 18)),
    *(
        Choice.of(
            f"gradients' words 2**{-bits} as large",
            headroom=Headroom(activations=1, gradients=bits),
        )
        for bits in (-3, 3)
    ),
    *(
        Choice.of(f"weights and activations {bits} bits of headroom", headroom=Headroom(bits, bits))
        for bits in (0, 2)
    ),
    Choice.of("activations 3 bits of headroom, the default", headroom=Headroom(activations=3)),
    *(
        Choice.of(f"activations and weights {bits} bits, master {master}",
                  act_bits=bits, weight_bits=bits, master_bits=master)
        for bits, master in ((10, 18), (12, 24), (18, 24))
    ),
    *(Choice.of(f"velocity {bits} bits", velocity_bits=bits) for bits in (24, 28, 32)),
    Choice.of(
        "activations, weights, gradients 12 bits, master 20",
        act_bits=12, weight_bits=12, grad_bits=12, master_bits=20,
    ),
)  # fmt: skip


def train_float(recipe: Recipe, seed: int) -> float:
    """Train by float SGD; return the test accuracy after the last epoch."""
    split = load_digits_split()
    x, labels = torch.as_tensor(split.train_x), torch.as_tensor(split.train_y)
    twin = FloatTwin.of_model(_model(seed))
    for epoch in range(recipe.epochs):
        for batch in _batches(recipe, len(x), seed, epoch):
            reals = twin.forward(x[batch])
            loss = softmax_cross_entropy(reals[-1].output, labels[batch])
            gradients = twin.gradients(x[batch], reals, loss.gradient * recipe.rate(epoch))
            twin.update(gradients, recipe.momentum)
    scores = twin.forward(torch.as_tensor(split.test_x))[-1].output
    return accuracy(scores, torch.as_tensor(split.test_y))


def train_fixed(recipe: Recipe, choices: Sequence[Choice], seed: int) -> list[float]:
    """Train in fixed point; return every choice's test accuracy after the last epoch."""
    split = load_digits_split()
    x, labels = torch.as_tensor(split.train_x), torch.as_tensor(split.train_y)
    model = _model(seed)
    ranges = profile_ranges(
        model,
        x,
        labels,
        softmax_cross_entropy,
        recipe.learning_rate,
        batch_size=recipe.batch_size,
        momentum=recipe.momentum,
        seed=seed,
    )
    forms = [
        format_for(model, ranges, widths=choice.widths, headroom=choice.headroom)
        for choice in choices
    ]
    runs = Population(
        forms,
        [initial_state(model, form, seed=seed) for form in forms],
        [choice.rounding for choice in choices],
        seed,
    )
    words = torch.stack([to_words(x, form.input_fraction_bits, form.act_bits) for form in forms])
    last = recipe.batch_size - 1
    for epoch in range(recipe.epochs):
        rate = recipe.rate(epoch) / recipe.batch_size
        for batch in _batches(recipe, len(x), seed, epoch):
            for position in range(recipe.batch_size):
                sample = int(batch[position])
                runs.step(
                    words[:, sample],
                    int(labels[sample]),
                    rate,
                    decay=recipe.decay if position == 0 else KEEP,
                    apply=position == last,
                )
    test_x, test_y = torch.as_tensor(split.test_x), torch.as_tensor(split.test_y)
    return [
        accuracy(FixedTrainingNet(form, runs.state(run)).operands().infer(test_x), test_y)
        for run, form in enumerate(forms)
    ]


def tables(
    seeds: int, recipe: str = "", only: str = "", runner: Runner = in_turn
) -> Iterator[str]:
    """Yield a Markdown table for each recipe: last epoch's accuracy over the seeds.

    Parameters
    ----------
    seeds
        How many nets to train.
    recipe, only
        Patterns in the names of the recipes and of the choices that are used.
    runner
        Trains the nets.
    """
    choices = [choice for choice in CHOICES if re.search(only, choice.name)]
    for used in (one for one in RECIPES if re.search(recipe, one.name)):
        tried = tuple(
            choice for choice in choices if used.decay != CLEAR or "velocity" not in choice.name
        )
        works = [_Work(used, some, seed) for some in (tried, ()) for seed in range(seeds)]
        found = dict(runner(_train, works))
        rows = zip(*(found[work] for work in works[:seeds]), strict=True)
        reference = [score for work in works[seeds:] for score in found[work]]
        lines = [
            f"| {used.name} | mean % | lowest % | highest % | less than float |",
            "|---|---|---|---|---|",
        ]
        for name, scores in (
            ("float", reference),
            *((choice.name, row) for choice, row in zip(tried, rows, strict=True)),
        ):
            mean = statistics.mean(scores)
            figures = " | ".join(
                f"{100 * score:.1f}" for score in (mean, min(scores), max(scores))
            )
            lines.append(
                f"| {name} | {figures} | {100 * (statistics.mean(reference) - mean):+.1f} |"
            )
        yield "\n".join(lines)


@dataclasses.dataclass(frozen=True)
class _Work:
    """What one process trains at a time; by float SGD without choices."""

    recipe: Recipe
    choices: tuple[Choice, ...]
    seed: int


def _train(work: _Work) -> list[float]:
    if not work.choices:
        return [train_float(work.recipe, work.seed)]
    return train_fixed(work.recipe, work.choices, work.seed)


def _model(seed: int) -> ClosNet:
    return ClosNet(DIGITS_SHAPES, generator=torch.Generator().manual_seed(seed))


def _batches(recipe: Recipe, samples: int, seed: int, epoch: int) -> Iterator[Tensor]:
    """Yield whole batches of the samples, in an order of seed and epoch."""
    order = epoch_order(samples, recipe.batch_size, seed, epoch)
    for start in range(0, len(order), recipe.batch_size):
        yield order[start : start + recipe.batch_size]
