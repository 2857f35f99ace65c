"""Models of everyday kinds, converted and fine-tuned: `python -m golden.studies.conversions bert`.

Trains a small model of transformers on digits, replaces its layers by Clos layers fitted by the
training inputs, and trains on. Prints what became of each layer, and three scores; with `--page`,
puts both between the marks of that name in a page. docs/layers.md has them.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("golden.studies.conversions")  # Before anything slow is imported.

import argparse
import dataclasses
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from golden.convert import ConversionReport, convert_report
from golden.errors import GoldenError
from golden.studies.conversion_models import MODELS, Digits, Example, digits
from golden.system.ending import run_program
from golden.system.files import write_bytes

__all__ = ["Outcome", "main", "study"]

_BATCH = 32
_MIN_WEIGHTS = 1000


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a conversion gave.

    Parameters
    ----------
    name
        Of the model, as on the command line.
    report
        What became of each layer.
    measure
        What the scores are: "accuracy" or "right next words", as part of the test samples.
    dense, converted, tuned, dense_longer
        The scores of the trained model, of it as it was converted, after fine-tuning, and of the
        dense model when it has been trained as long as that.
    """

    name: str
    report: ConversionReport
    measure: str
    dense: float
    converted: float
    tuned: float
    dense_longer: float

    def __str__(self) -> str:
        """Write both tables in Markdown."""
        found = (self.dense, self.converted, self.tuned, self.dense_longer)
        scores = " | ".join(f"{100 * one:.1f}" for one in found)
        return (
            f"{self.report}\n\n| {self.measure} % of the trained model | converted | fine-tuned | "
            f"dense, trained as long |\n|---|---|---|---|\n| {scores} |"
        )


def study(
    name: str, *, epochs: int | None = None, samples: int | None = None, seed: int = 0
) -> Outcome:
    """Train, convert and fine-tune the model of this name, of `MODELS`.

    Parameters
    ----------
    name
        Of the model.
    epochs
        Before the conversion and behind it, instead of the model's own.
    samples
        Most samples of each part of the digits; all by default.
    seed
        Of weights and batches.

    Raises
    ------
    GoldenError
        If transformers is not installed.
    """
    example = MODELS[name]
    epochs = example.epochs if epochs is None else epochs
    cast(Any, torch).manual_seed(seed)
    model, held = example.make(), digits(example, samples)
    _train(example, model, held, epochs)
    dense = _score(example, model, held)
    new, report = convert_report(
        model,
        example.specs,
        unsupported="skip",
        min_weights=_MIN_WEIGHTS,
        only_smaller=True,
        calibration={example.argument: held.train_x},
    )
    converted = _score(example, new, held)
    scores: list[float] = []
    for one in (new, model):
        cast(Any, torch).manual_seed(seed + 1)
        _train(example, one, held, epochs)
        scores.append(_score(example, one, held))
    measure = "right next words" if example.next_word else "accuracy"
    return Outcome(name, report, measure, dense, converted, *scores)


def _train(example: Example, model: nn.Module, held: Digits, epochs: int) -> None:
    optimiser: Any = torch.optim.Adam(model.parameters(), lr=example.rate)
    model.train()
    for _ in range(epochs):
        order = torch.randperm(len(held.train_x))
        for batch in order[: len(order) // _BATCH * _BATCH].reshape(-1, _BATCH):
            optimiser.zero_grad()
            logits = example.logits(model, held.train_x[batch])
            loss: Any = nn.functional.cross_entropy(
                logits.flatten(0, -2), held.train_y[batch].flatten()
            )
            loss.backward()
            optimiser.step()


@torch.no_grad()
def _score(example: Example, model: nn.Module, held: Digits) -> float:
    found = example.logits(model.eval(), held.test_x).argmax(dim=-1)
    return float((found == held.test_y).double().mean())


def main() -> None:
    """Print the tables of a model, and put them into a page."""
    parser = argparse.ArgumentParser(
        prog="python -m golden.studies.conversions", description=__doc__
    )
    parser.add_argument("model", choices=MODELS, help="which model")
    parser.add_argument("--epochs", type=int, help="of training, before and behind")
    parser.add_argument("--samples", type=int, help="how many samples, rather than all")
    parser.add_argument("--page", type=Path, help="a page with marks of the model's name")
    options = parser.parse_args()
    for name in ("epochs", "samples"):
        if getattr(options, name) is not None and getattr(options, name) < 1:
            parser.error(f"--{name} must be at least 1, not {getattr(options, name)}")
    if options.page is not None:
        _parts(options.page, options.model)
    torch.set_num_threads(1)
    text = str(study(options.model, epochs=options.epochs, samples=options.samples))
    print(text)
    if options.page is not None:
        before, after = _parts(options.page, options.model)
        write_bytes(options.page, f"{before}{text}\n{after}".encode(), GoldenError)


def _parts(page: Path, name: str) -> tuple[str, str]:
    """Return what a page holds before and behind the place between the marks of this name."""
    begins, ends = f"<!-- begin conversion {name} -->\n", f"<!-- end conversion {name} -->\n"
    try:
        text = page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise GoldenError(f"--page {page} cannot be read: {error}") from error
    if text.count(begins) != 1 or text.count(ends) != 1 or text.index(begins) > text.index(ends):
        raise GoldenError(f"--page {page} must have the lines {begins.strip()} and {ends.strip()}")
    start = text.index(begins) + len(begins)
    return text[:start], text[text.index(ends) :]


if __name__ == "__main__":
    run_program("golden.studies.conversions", main)
