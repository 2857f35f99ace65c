"""`ComparedDevice`: the RTL, held against the golden model at every use."""

import torch

from golden import TrainingState
from golden.system.progress import Progress
from sw_driver.arrays import IntArray
from sw_driver.compiled import Compiled
from sw_driver.device.device import Device
from sw_driver.device.loaded import NOTHING_LOADED
from sw_driver.errors import DriverError, MissingError
from sw_driver.program.events import GradientOf, RunResult

from .compare import ComparedTraining
from .engines import check_engine

__all__ = ["ComparedDevice"]


class ComparedDevice(Device):
    """A torus that trains, whose memories are compared with the golden model after every step.

    A difference is raised as `sim.device.compare.WordDiffers`; it names the first word.

    Parameters
    ----------
    progress
        Told of long work.
    engine
        What simulates: one of `sim.device.engines.ENGINES`.
    """

    def __init__(self, *, progress: Progress | None = None, engine: str = "auto") -> None:
        super().__init__()
        check_engine(engine)
        self._progress, self._engine = progress, engine
        self._compared: ComparedTraining | None = None

    def _free(self) -> None:
        """Free the model."""
        if self._compared is not None:
            self._compared.close()
            self._compared = None

    @property
    def compared(self) -> ComparedTraining:
        """The torus and the golden model beside it."""
        if self._compared is None:
            raise MissingError(NOTHING_LOADED)
        return self._compared

    def _load(self, compiled: Compiled, state: TrainingState | None) -> None:
        self._free()
        if state is None:
            raise DriverError(
                "compiled must be a net that trains: sim.device.verify compares one for inference"
            )
        if compiled.format.error_shift is not None:
            raise DriverError(
                "compare must be left out for a net that trains on targets (squared-error): only "
                "gradients that the host sends are compared"
            )
        self._compared = ComparedTraining(
            compiled, state, progress=self._progress, engine=self._engine)

    def _infer_words(self, x: IntArray) -> IntArray:
        # Not a step, so nothing to compare: as long as no word differs, the outputs are golden's.
        return self.compared.golden.operands().forward_words(torch.as_tensor(x)).numpy()

    def _train(
        self, compiled: Compiled, x: IntArray, gradient_of: GradientOf
    ) -> tuple[RunResult, int | None]:
        return self.compared.train(x, gradient_of), None

    def _read_state(self, compiled: Compiled) -> TrainingState:
        return self._loaded.run(lambda compiled: self.compared.read_state())

    def _write_state(self, compiled: Compiled, state: TrainingState) -> None:
        self._loaded.run(lambda compiled: self.compared.load(state))
