"""`GoldenDevice`: the bit-exact integer model, which every other device is held against."""

import numpy as np
import torch

from golden.fixed.format import CLEAR
from golden.fixed.state import TrainingState
from golden.fixed.training import FixedTrainingNet
from sw_driver.arrays import IntArray
from sw_driver.compiled import Compiled
from sw_driver.device.device import Device
from sw_driver.errors import MissingError
from sw_driver.program.events import GradientOf, RunResult

__all__ = ["GoldenDevice"]


class GoldenDevice(Device):
    """Computes from the net's own tensors, never from memory images, so that errors there show.

    Of a compiled net that trains it takes the widths, the options, and where weights are visited.
    """

    def __init__(self) -> None:
        super().__init__()
        self._net: FixedTrainingNet | None = None

    @property
    def net(self) -> FixedTrainingNet:
        """The golden model of a net that trains, with its state, for comparisons."""
        if self._net is None:
            raise MissingError("a net that trains must be loaded before its state is there")
        return self._net

    def _free(self) -> None:
        """Forget the net."""
        self._net = None

    def _load(self, compiled: Compiled, state: TrainingState | None) -> None:
        self._net = None
        if state is not None:
            self._net = FixedTrainingNet(compiled.format, state.clone(), compiled.placement)

    def _infer_words(self, x: IntArray) -> IntArray:
        words = torch.as_tensor(x)
        if self._net is None:
            return self.compiled.net.forward_words(words).numpy()
        return self._net.forward(words)[-1].output.words.numpy()

    def _train(
        self, compiled: Compiled, x: IntArray, gradient_of: GradientOf
    ) -> tuple[RunResult, int | None]:
        outputs: list[IntArray] = []
        sums: list[IntArray] = []
        size = len(x) if compiled.batches else 1
        for start in range(0, len(x), size):
            words = torch.as_tensor(x[start : start + size])
            seen = self.net.forward(words)
            y = seen[-1].output.words.numpy()
            gradients = [gradient_of(start + index, one) for index, one in enumerate(y)]
            passes = self.net.backward_batch(
                words,
                seen,
                torch.as_tensor(np.stack(gradients)),
                decay=CLEAR if compiled.momentum is None else compiled.momentum,
                frozen=compiled.frozen,
                input_gradient=compiled.input_gradient,
            )
            outputs.append(y)
            sums += [one.input_gradient.numpy() for one in passes if one.input_gradient is not None]
        return RunResult(np.concatenate(outputs), np.stack(sums) if sums else None), None

    def _read_state(self, compiled: Compiled) -> TrainingState:
        return self.net.state.clone()

    def _write_state(self, compiled: Compiled, state: TrainingState) -> None:
        self._load(compiled, state)
