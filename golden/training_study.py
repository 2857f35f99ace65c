"""Accuracy of fixed-point training against its widths: `python -m golden.training_study`.

Trains the default net on scikit-learn's digits from scratch, by float SGD and in fixed point, once
per seed and choice; prints the tables of `docs/arithmetic.md`.
"""

import argparse
import concurrent.futures
import dataclasses
import functools
import statistics
from collections.abc import Iterator

import torch
from torch import Tensor

from golden.datasets import load_digits_split
from golden.fixed_training import FixedTrainingNet
from golden.losses import softmax_cross_entropy
from golden.net import ClosNet
from golden.train import DIGITS_SHAPES, accuracy
from golden.training_format import CLEAR
from golden.training_ranges import Ranges, profile_ranges
from golden.training_scales import Headroom, TrainingWidths, format_for
from golden.training_state import initial_state
from golden.training_twin import FloatTwin

__all__ = ["CHOICES", "RECIPES", "Choice", "Recipe", "main", "train"]


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
        return self.learning_rate * (self.epochs - epoch) / self.epochs


RECIPES = (
    Recipe("batch 1", batch_size=1, learning_rate=0.03, decay=CLEAR, epochs=6),
    Recipe("batch 4, momentum 7/8", batch_size=4, learning_rate=0.02, decay=3, epochs=6),
)


@dataclasses.dataclass(frozen=True)
class Choice:
    """A way to train in fixed point; `rounding` is "lfsr", "ideal" (random bits) or "nearest"."""

    name: str
    widths: TrainingWidths = TrainingWidths(velocity_bits=36)
    rounding: str = "lfsr"
    headroom: Headroom = Headroom()

    @classmethod
    def of(cls, name: str, rounding: str = "lfsr", headroom: Headroom | None = None, **widths: int):
        """Return a choice that differs from the default in the given widths."""
        return cls(
            name,
            dataclasses.replace(TrainingWidths(velocity_bits=36), **widths),
            rounding,
            Headroom() if headroom is None else headroom,
        )


CHOICES = (
    Choice("default"),
    *(Choice.of(f"master {bits} bits", master_bits=bits) for bits in (16, 20, 32)),
    *(
        Choice.of(f"master {bits} bits, nearest rounding", "nearest", master_bits=bits)
        for bits in (16, 20, 24, 32)
    ),
    *(
        Choice.of(f"master {bits} bits, ideal random bits", "ideal", master_bits=bits)
        for bits in (16, 24)
    ),
    *(Choice.of(f"gradients {bits} bits", grad_bits=bits) for bits in (8, 12, 18)),
    *(
        Choice.of(f"gradients' words 2**{-bits} as large", headroom=Headroom(gradients=bits))
        for bits in (-3, 3, 6)
    ),
    *(
        Choice.of(f"weights and activations {bits} bits of headroom", headroom=Headroom(bits, bits))
        for bits in (0, 2)
    ),
    *(
        Choice.of(f"activations and weights {bits} bits", act_bits=bits, weight_bits=bits)
        for bits in (8, 12, 18)
    ),
    *(Choice.of(f"velocity {bits} bits", velocity_bits=bits) for bits in (24, 32)),
    Choice.of(
        "activations, weights, gradients 12 bits, master 20",
        act_bits=12, weight_bits=12, grad_bits=12, master_bits=20,
    ),
)  # fmt: skip


class _NearestNet(FixedTrainingNet):
    """Rounds updates to the nearest word, a tie up: what the hardware does not do."""

    def rounding(self, random_words: Tensor, shift: int) -> Tensor:
        return torch.full_like(random_words, (1 << shift) >> 1)


class _IdealNet(FixedTrainingNet):
    """Rounds updates with independent random bits."""

    def rounding(self, random_words: Tensor, shift: int) -> Tensor:
        return torch.randint(1 << shift, random_words.shape)


_NETS = {"lfsr": FixedTrainingNet, "nearest": _NearestNet, "ideal": _IdealNet}


def train(recipe: Recipe, choice: Choice | None, seed: int) -> list[float]:
    """Train once, in float if there is no `choice`; return the test accuracy of every epoch."""
    torch.manual_seed(seed)  # pyright: ignore[reportUnknownMemberType]
    split = load_digits_split()
    x, labels = torch.as_tensor(split.train_x), torch.as_tensor(split.train_y)
    test_x, test_labels = torch.as_tensor(split.test_x), torch.as_tensor(split.test_y)
    found: list[float] = []
    if choice is None:
        twin = FloatTwin.of_model(_model(seed))
        for epoch in range(recipe.epochs):
            for batch in _batches(recipe, len(x), seed, epoch):
                reals = twin.forward(x[batch])
                loss = softmax_cross_entropy(reals[-1].output, labels[batch])
                gradient = loss.gradient * recipe.rate(epoch)
                twin.update(twin.gradients(x[batch], reals, gradient), recipe.momentum)
            found.append(accuracy(twin.forward(test_x)[-1].output, test_labels))
        return found
    model = _model(seed)
    form = format_for(model, _ranges(recipe, seed), widths=choice.widths, headroom=choice.headroom)
    if recipe.batch_size == 1 and recipe.decay == CLEAR:
        form = dataclasses.replace(form, velocity_bits=0)
    net = _NETS[choice.rounding](form, initial_state(model, form, seed=seed))
    words = net.operands().quantise_input(x)
    for epoch in range(recipe.epochs):
        for batch in _batches(recipe, len(x), seed, epoch):
            results = net.forward(words[batch])
            loss = softmax_cross_entropy(net.outputs(results), labels[batch])
            gradient = net.quantise_gradient(loss.gradient * recipe.rate(epoch))
            net.backward_batch(words[batch], results, gradient, decay=recipe.decay)
        found.append(accuracy(net.operands().infer(test_x), test_labels))
    return found


def main() -> None:
    """Print a Markdown table for each recipe: last epoch's accuracy over the seeds."""
    parser = argparse.ArgumentParser(prog="python -m golden.training_study", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="how many nets to train")
    parser.add_argument("--jobs", type=int, default=2, help="how many processes to train in")
    parser.add_argument("--only", default="", help="train the choices with this in their name")
    options = parser.parse_args()
    seeds = range(options.seeds)
    choices = [choice for choice in CHOICES if options.only in choice.name]
    with concurrent.futures.ProcessPoolExecutor(
        options.jobs, initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        for recipe in RECIPES:
            runs = {
                choice: [pool.submit(train, recipe, choice, seed) for seed in seeds]
                for choice in (None, *choices)
                if choice is None or recipe.decay != CLEAR or "velocity" not in choice.name
            }
            print(f"\n| {recipe.name} | mean % | lowest % | highest % | less than float |")
            print("|---|---|---|---|---|")
            reference = 0.0
            for choice, futures in runs.items():
                scores = [future.result()[-1] for future in futures]
                mean = statistics.mean(scores)
                if choice is None:
                    reference = mean
                figures = " | ".join(
                    f"{100 * score:.1f}" for score in (mean, min(scores), max(scores))
                )
                name = "float" if choice is None else choice.name
                print(f"| {name} | {figures} | {100 * (reference - mean):+.1f} |", flush=True)


def _model(seed: int) -> ClosNet:
    return ClosNet(DIGITS_SHAPES, generator=torch.Generator().manual_seed(seed))


@functools.cache
def _ranges(recipe: Recipe, seed: int) -> Ranges:
    split = load_digits_split()
    return profile_ranges(
        _model(seed),
        torch.as_tensor(split.train_x),
        torch.as_tensor(split.train_y),
        softmax_cross_entropy,
        recipe.learning_rate,
        batch_size=recipe.batch_size,
        momentum=recipe.momentum,
        seed=seed,
    )


def _batches(recipe: Recipe, samples: int, seed: int, epoch: int) -> Iterator[Tensor]:
    """Yield whole batches of the samples, in an order of seed and epoch."""
    order = torch.randperm(samples, generator=torch.Generator().manual_seed(1000 * seed + epoch))
    for start in range(0, samples - recipe.batch_size + 1, recipe.batch_size):
        yield order[start : start + recipe.batch_size]


if __name__ == "__main__":
    main()
