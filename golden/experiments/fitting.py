"""Training of a classifier for a number of steps, and its score."""

import torch
from torch import Tensor, nn

from golden.training.trainer import accuracy, one_thread

__all__ = ["fit", "score"]


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
    order = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, total_iters=steps)
    losses: list[float] = []
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
            losses.append(loss.item())
    last = losses[-max(steps // 10, 1) :]
    return sum(last) / len(last)


@torch.no_grad()
def score(model: nn.Module, x: Tensor, labels: Tensor) -> float:
    """Return the part of the samples [N, features] that the model puts into the right class."""
    with one_thread():
        return accuracy(model(x), labels)
