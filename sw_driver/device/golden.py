"""`GoldenDevice`: the bit-exact integer model, which every other device is held against."""

import torch

from golden.fixed.state import TrainingState
from golden.fixed.training import FixedTrainingNet
from sw_driver.arrays import IntArray
from sw_driver.compiled import Compiled
from sw_driver.device.device import Device
from sw_driver.device.golden_engines import ENGINES, GoldenEngine, make_engine
from sw_driver.errors import DriverError, MissingError
from sw_driver.program.events import GradientOf, RunResult

__all__ = ["GoldenDevice"]


class GoldenDevice(Device):
    """Computes from the net's own tensors, never from memory images, so that errors there show.

    Of a compiled net that trains it takes the widths, the options, and where weights are visited.

    Parameters
    ----------
    engine
        What trains: "torch" is the definition in PyTorch, "compiled" the same words from compiled
        code, and "auto" compiled code where g++ builds it, else PyTorch with a `GoldenWarning`.

    Raises
    ------
    DriverError
        If there is no such engine.
    """

    def __init__(self, *, engine: str = "auto") -> None:
        super().__init__()
        if engine not in ENGINES:
            raise DriverError(f"engine must be one of {', '.join(ENGINES)}, not {engine!r}")
        self._choice = engine
        self._engine: GoldenEngine | None = None

    @property
    def net(self) -> FixedTrainingNet:
        """The golden model of a net that trains, in the state of now, for comparisons: a copy."""
        compiled, engine = self.compiled, self._trainer
        return FixedTrainingNet(compiled.format, engine.state, compiled.placement)

    @property
    def _trainer(self) -> GoldenEngine:
        if self._engine is None:
            raise MissingError("a net that trains must be loaded before its state is there")
        return self._engine

    def _free(self) -> None:
        """Forget the net."""
        self._engine = None

    def _load(self, compiled: Compiled, state: TrainingState | None) -> None:
        self._engine = None
        if state is not None:
            self._engine = make_engine(compiled, state, self._choice)

    def _infer_words(self, x: IntArray) -> IntArray:
        if self._engine is None:
            return self.compiled.net.forward_words(torch.as_tensor(x)).numpy()
        return self._engine.infer(x)

    def _train(
        self, compiled: Compiled, x: IntArray, gradient_of: GradientOf
    ) -> tuple[RunResult, int | None]:
        return self._trainer.train(x, gradient_of), None

    def _read_state(self, compiled: Compiled) -> TrainingState:
        return self._trainer.state

    def _write_state(self, compiled: Compiled, state: TrainingState) -> None:
        self._trainer.write(state)
