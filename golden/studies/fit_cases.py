"""Matrices to fit: of a net trained on digits, of falling singular values, and random."""

import functools

import torch
from torch import Tensor, nn

from golden.data.datasets import Split, load_mnist10k
from golden.experiments.fitting import fit
from golden.layers.algebra import svd

__all__ = ["MATRICES", "activations", "digits", "digits_net", "matrix_of"]

MATRICES = ("trained", "k^-0.5", "k^-1", "Gaussian")
"""The middle layer of `digits_net`; random singular vectors with these values; random numbers."""

_INPUTS, _OUTPUTS = 768, 3072
_STEPS, _BATCH, _RATE = 750, 64, 1e-3
_SAMPLES = 2000  # That stand for the inputs of a layer.


@functools.cache
def digits() -> Split:
    """Return 8,000 digits of MNIST to train with, and 2,000 others."""
    return load_mnist10k()


@functools.cache
def digits_net() -> nn.Sequential:
    """Train the net 784-768-3072-10 on 8,000 digits of MNIST, for 6 epochs."""
    torch.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
    net = nn.Sequential(
        nn.Linear(784, _INPUTS),
        nn.ReLU(),
        nn.Linear(_INPUTS, _OUTPUTS),
        nn.ReLU(),
        nn.Linear(_OUTPUTS, 10),
    )
    split = digits()
    x, labels = torch.as_tensor(split.train_x), torch.as_tensor(split.train_y)
    fit(net, x, labels, rate=_RATE, steps=_STEPS, batch=_BATCH, seed=0)
    return net


def activations(part: str) -> Tensor:
    """Return what 2,000 digits of "train" or "test" give to the net's middle layer, [2000, 768]."""
    pixels = digits().train_x[:_SAMPLES] if part == "train" else digits().test_x
    return digits_net()[:2](torch.as_tensor(pixels)).detach()


def matrix_of(name: str) -> Tensor:
    """Return a matrix [3072, 768] of `MATRICES` in float32."""
    if name == "trained":
        return digits_net()[2].get_parameter("weight").detach()
    random = torch.randn(
        _OUTPUTS, _INPUTS, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    if name != "Gaussian":
        u, _, v = svd(random)
        sizes = torch.arange(1, _INPUTS + 1, dtype=torch.float64) ** float(name.removeprefix("k^"))
        random = u @ (sizes[:, None] * v)
    return random.float()
