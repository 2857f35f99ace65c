"""How a training goes through its epochs: the learning rate of each, and the order of samples."""

import torch
from torch import Tensor

__all__ = ["epoch_order", "falling_rate"]


def falling_rate(learning_rate: float, epoch: int, epochs: int) -> float:
    """Return the rate of an epoch, from 0: it falls linearly towards 0 after the last one."""
    return learning_rate * (epochs - epoch) / epochs


def epoch_order(samples: int, batch_size: int, seed: int, epoch: int) -> Tensor:
    """Return the samples of an epoch in order, int64 [whole batches * batch_size].

    Seed and epoch decide the order. What is left over after the last whole batch sits this epoch
    out: the mean over fewer samples would have larger gradients.
    """
    generator = torch.Generator().manual_seed((seed * 1000 + epoch) % (1 << 63))
    order = torch.randperm(samples, generator=generator)
    return order[: samples - samples % batch_size]
