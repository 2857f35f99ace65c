"""Print how far a step of the default net on digits is from float64, tensor by tensor."""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("golden.studies.step_errors_digits")  # Before anything slow is imported.

import torch

from golden.clos.net import ClosNet
from golden.data.datasets import load_digits_split
from golden.fixed.state import initial_state
from golden.fixed.training import FixedTrainingNet
from golden.studies.step_errors import TensorError, error_table, step_errors
from golden.system.ending import run_program
from golden.training.losses import softmax_cross_entropy
from golden.training.scales import propose_format
from golden.training.trainer import DIGITS_SHAPES

__all__ = ["errors_on_digits", "main"]

_LEARNING_RATE = 0.03


def errors_on_digits(steps: int, samples: int | None = None) -> list[TensorError]:
    """Train the default net, of seed 0, in fixed point; return the errors of the last step.

    Parameters
    ----------
    steps
        Steps of one sample each, in the order of the training split.
    samples
        How many of the samples the words are laid out for; by default all.
    """
    split = load_digits_split()
    x, labels = torch.as_tensor(split.train_x), torch.as_tensor(split.train_y)
    model = ClosNet(DIGITS_SHAPES, generator=torch.Generator().manual_seed(0))
    form = propose_format(
        model, x[:samples], labels[:samples], softmax_cross_entropy, _LEARNING_RATE
    )
    net = FixedTrainingNet(form, initial_state(model, form))
    lines: list[TensorError] = []
    for n in range(steps):
        one = slice(n, n + 1)
        lines = step_errors(net, x[one], labels[one], softmax_cross_entropy, _LEARNING_RATE)
    return lines


def main() -> None:
    """Print a Markdown table of the hundredth step."""
    print(error_table(errors_on_digits(100)))


if __name__ == "__main__":
    run_program("golden.studies.step_errors_digits", main)
