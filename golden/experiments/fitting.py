"""Training of a classifier for a number of steps, and its score."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from golden.training.trainer import accuracy, one_thread

__all__ = ["fit", "last_tenth", "score", "training_steps"]


def fit(
    model: nn.Module,
    x: Tensor,
    labels: Tensor,
    *,
    rate: float,
    steps: int,
    batch: int,
    seed: int,
) -> float:
    """Train `model` in place by Adam on cross-entropy; return the mean loss of the last tenth.

    The learning rate falls linearly to 0, so that what is compared after a fixed number of steps
    has settled. It computes on one thread: sums then have one order.

    Parameters
    ----------
    model
        Maps [N, features] to scores [N, classes].
    x, labels
        float32 [N, features] and int64 [N].
    rate
        The first learning rate.
    steps, batch
        Number of updates, and samples each; samples come in a new order in every round.
    seed
        Of the order of the samples.

    Returns
    -------
    In nats.
    """
    optimiser = torch.optim.Adam(model.parameters(), lr=rate)
    return last_tenth(list(training_steps(
        model, optimiser, x, labels, steps=steps, batch=batch, seed=seed)))  # fmt: skip


def training_steps(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    x: Tensor,
    labels: Tensor,
    *,
    steps: int,
    batch: int,
    seed: int,
) -> Iterator[float]:
    """Train as `fit` does by an optimiser, and yield the loss in nats after each step."""
    order = torch.Generator().manual_seed(seed)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, total_iters=steps)
    queue = torch.empty(0, dtype=torch.long)
    with one_thread():
        for _ in range(steps):
            while len(queue) < batch:
                queue = torch.cat([queue, torch.randperm(len(x), generator=order)])
            chosen, queue = queue[:batch], queue[batch:]
            optimiser.zero_grad()
            loss = nn.functional.cross_entropy(model(x[chosen]), labels[chosen])
            loss.backward()  # pyright: ignore[reportUnknownMemberType]
            optimiser.step()  # pyright: ignore[reportUnknownMemberType]
            schedule.step()
            yield loss.item()


def last_tenth(losses: list[float]) -> float:
    """Return the mean of the last tenth, of at least one."""
    last = losses[-max(len(losses) // 10, 1) :]
    return sum(last) / len(last)


@torch.no_grad()
def score(model: nn.Module, x: Tensor, labels: Tensor) -> float:
    """Return the part of the samples [N, features] that the model puts into the right class."""
    with one_thread():
        return accuracy(model(x), labels)
