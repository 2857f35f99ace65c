"""The study of widths, on few samples: that it trains what it says and prints its tables."""

import dataclasses

import pytest
import torch

from golden.data.datasets import load_digits_split
from golden.studies import training_widths
from golden.training.losses import softmax_cross_entropy
from golden.training.ranges import profile_ranges
from golden.training.scales import format_for


def small_split():
    split = load_digits_split()
    return dataclasses.replace(
        split, train_x=split.train_x[:16], train_y=split.train_y[:16],
        test_x=split.test_x[:10], test_y=split.test_y[:10],
    )  # fmt: skip


def test_tables_name_every_choice(monkeypatch):
    monkeypatch.setattr(training_widths, "load_digits_split", small_split)
    lines = [line for table in training_widths.tables(1, only="base|velocity 28")
             for line in table.splitlines()]
    tables = "\n".join(lines).split("less than float |\n|---|---|---|---|---|\n")
    names = [
        [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines()]
        for table in tables[1:]
    ]
    assert [name[:2] for name in names] == [["float", "base"]] * 3
    assert "velocity 28 bits" in names[2] and "velocity 28 bits" not in names[0] + names[1]
    assert "| +0.0 |" in lines[2]


def test_every_choice_can_be_laid_out():
    split = small_split()
    x, labels = torch.as_tensor(split.train_x), torch.as_tensor(split.train_y)
    for recipe in training_widths.RECIPES:
        model = training_widths.ClosNet(training_widths.DIGITS_SHAPES)
        ranges = profile_ranges(
            model, x, labels, softmax_cross_entropy, recipe.learning_rate,
            batch_size=recipe.batch_size, momentum=recipe.momentum,
        )  # fmt: skip
        for choice in training_widths.CHOICES:
            form = format_for(model, ranges, widths=choice.widths, headroom=choice.headroom)
            assert form.master_bits == choice.widths.master_bits


def test_rates_fall_to_nothing():
    recipe = training_widths.RECIPES[0]
    rates = [recipe.rate(epoch) for epoch in range(recipe.epochs)]
    assert rates[0] == recipe.learning_rate
    assert rates == sorted(rates, reverse=True) and recipe.rate(recipe.epochs) == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [training_widths.RECIPES[0], training_widths.RECIPES[2]])
def test_fixed_point_reaches_float(recipe):
    """Within 1 percentage point of float SGD, mean of three seeds, from scratch."""
    seeds = range(3)
    default = [choice for choice in training_widths.CHOICES if choice.name.endswith("the default")]
    fixed = [training_widths.train_fixed(recipe, default, seed)[0] for seed in seeds]
    reference = [training_widths.train_float(recipe, seed) for seed in seeds]
    assert sum(reference) / 3 > 0.95
    assert sum(fixed) / 3 > sum(reference) / 3 - 0.01
