"""The study of widths, on few samples: that it trains what it says and prints its tables."""

import dataclasses
import sys

import pytest
import torch

from golden import training_study
from golden.datasets import load_digits_split
from golden.losses import softmax_cross_entropy
from golden.training_ranges import profile_ranges
from golden.training_scales import format_for


def small_split():
    split = load_digits_split()
    return dataclasses.replace(
        split, train_x=split.train_x[:16], train_y=split.train_y[:16],
        test_x=split.test_x[:10], test_y=split.test_y[:10],
    )  # fmt: skip


def test_tables_name_every_choice(monkeypatch, capsys):
    monkeypatch.setattr(training_study, "load_digits_split", small_split)
    arguments = ["training_study", "--seeds", "1", "--jobs", "1", "--only", "base|velocity 28"]
    monkeypatch.setattr(sys, "argv", arguments)
    training_study.main()
    lines = [line for line in capsys.readouterr().out.splitlines() if line]
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
    for recipe in training_study.RECIPES:
        model = training_study.ClosNet(training_study.DIGITS_SHAPES)
        ranges = profile_ranges(
            model, x, labels, softmax_cross_entropy, recipe.learning_rate,
            batch_size=recipe.batch_size, momentum=recipe.momentum,
        )  # fmt: skip
        for choice in training_study.CHOICES:
            form = format_for(model, ranges, widths=choice.widths, headroom=choice.headroom)
            assert form.master_bits == choice.widths.master_bits


def test_rates_fall_to_nothing():
    recipe = training_study.RECIPES[0]
    rates = [recipe.rate(epoch) for epoch in range(recipe.epochs)]
    assert rates[0] == recipe.learning_rate
    assert rates == sorted(rates, reverse=True) and recipe.rate(recipe.epochs) == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [training_study.RECIPES[0], training_study.RECIPES[2]])
def test_fixed_point_reaches_float(recipe):
    """Within 1 percentage point of float SGD, mean of three seeds, from scratch."""
    seeds = range(3)
    default = [choice for choice in training_study.CHOICES if choice.name.endswith("the default")]
    fixed = [training_study.train_fixed(recipe, default, seed)[0] for seed in seeds]
    reference = [training_study.train_float(recipe, seed) for seed in seeds]
    assert sum(reference) / 3 > 0.95
    assert sum(fixed) / 3 > sum(reference) / 3 - 0.01
