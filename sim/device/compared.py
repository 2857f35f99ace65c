"""`ComparedTrainingDevice`: the RTL, held against the golden model after every training step."""

import torch

from golden import TrainingState
from golden.system.progress import Progress
from sw_driver.arrays import IntArray
from sw_driver.device.training_device import TrainingDevice
from sw_driver.program.events import GradientOf, RunResult
from sw_driver.training_compiler import CompiledTraining

from ..errors import SimError
from .compare import ComparedTraining

__all__ = ["ComparedTrainingDevice"]


class ComparedTrainingDevice(TrainingDevice):
    """A torus whose memories are compared with the golden model's words after every step.

    A difference is raised as `sim.device.compare.Difference`; it names the first word.

    Parameters
    ----------
    progress
        Told of long work.
    """

    def __init__(self, *, progress: Progress | None = None) -> None:
        super().__init__()
        self._progress = progress
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
            raise SimError("the device is closed")
        return self._compared

    def _load(self, compiled: CompiledTraining, state: TrainingState) -> None:
        self._free()
        self._compared = ComparedTraining(compiled, state, progress=self._progress)

    def _forward_words(self, x: IntArray) -> IntArray:
        # Not a step, so nothing to compare: as long as no word differs, the outputs are golden's.
        return self.compared.golden.operands().forward_words(torch.as_tensor(x)).numpy()

    def _train(
        self, compiled: CompiledTraining, x: IntArray, gradient_of: GradientOf
    ) -> tuple[RunResult, int | None]:
        return self.compared.train(x, gradient_of), None

    def _read_state(self, compiled: CompiledTraining) -> TrainingState:
        return self._loaded.run(lambda compiled: self.compared.read_state())

    def _write_state(self, compiled: CompiledTraining, state: TrainingState) -> None:
        self._loaded.run(lambda compiled: self.compared.load(state))
