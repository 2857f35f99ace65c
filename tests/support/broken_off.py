"""Runs of a device that are broken off: what breaks them off, and what then wants a net."""

import numpy as np

from golden import ClosShape
from golden.vectors.nets import random_words
from hw.config import TorusConfig

SHAPES = (ClosShape(20, 12, 5, 3, 4), ClosShape(12, 7, 3, 4, 2))
CONFIG = TorusConfig(rows=2, cols=2)
AGAIN = r"must be loaded again, .* broken off .*: call load\(\)"
WAIT_S = 60


class Stop(Exception):
    """Raised by a progress function."""


class Progress:
    """A progress function that raises an error at one of its calls, once."""

    def __init__(self):
        self.error, self.work, self.left = None, "", 0

    def arm(self, error, work, calls=1):
        self.error, self.work, self.left = error, work, calls

    def __call__(self, work, done, total):
        if self.error is not None and work == self.work:
            self.left -= 1
            if self.left == 0:
                error, self.error = self.error, None
                raise error


def words(compiled, samples, seed):
    return random_words(compiled.net, samples, seed=seed).numpy()


def check(device, compiled, golden, seed):
    x = words(compiled, 6, seed)
    np.testing.assert_array_equal(device.infer_words(x), golden.infer_words(x))


def use(device, compiled):
    """Everything that wants a net that is loaded."""
    x = words(compiled, 3, seed=9)
    return [lambda: device.infer_words(x), lambda: device.infer(x / 1000.0), device.steady_cycles,
            lambda: device.compiled]
