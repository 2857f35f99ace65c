"""The memories of a training torus, read out of its model between two clock cycles."""

import numpy as np

from hw.config import TorusConfig
from hw.tops import TOPS
from sw_driver.arrays import IntArray

from ..errors import Unfinished
from ..model.native import NativeModel
from ..model.variables import Variable

__all__ = ["ACCESSIBLE", "TrainingMemories"]

ACCESSIBLE = ("words", "gradients", "bias_memory", "bias_velocity_memory", "lfsr", "fsm_state",
              "items", "o__valid", "read_at")
"""What a model must be built with for `TrainingMemories`."""

# States of a sequencer before it has the next program: see `hw.sequencer`.
_AT_REST = (0, 1)
_POLL_CYCLES = 32


class TrainingMemories:
    """Everything that a training torus keeps; arrays are int64 and begin with [rows, cols].

    Parameters
    ----------
    config
        Of the torus.
    model
        Built with `ACCESSIBLE`; an attribute, too.
    """

    def __init__(self, config: TorusConfig, model: NativeModel) -> None:
        self._config = config
        self.model = model

    def variable(self, pe: tuple[int, int], block: str, name: str) -> Variable:
        """Find a variable in a block of a PE; dots lead further down."""
        row, col = pe
        return self.model.variable(f"{TOPS['torus']}.torus.pe_{row}_{col}.{block}", name)

    def activations(self, *, on_columns: bool) -> IntArray:
        """What the MACs read from their gather buffers, [R, C, buffer_words]."""
        axis = "col" if on_columns else "row"
        words = self._kept(f"router.forward.{axis}.for_mac", "words")
        # A link word may be wider; what is above the activation is not read.
        left = 64 - self._config.act_bits
        return (words << left) >> left

    def gradients(self, *, on_columns: bool) -> IntArray:
        """The gradients of own words, [R, C, buffer_words]."""
        return self._kept(f"{'col' if on_columns else 'row'}_gradients.gradients", "words")

    def host_gradients(self) -> IntArray:
        """The gradients that the host sent, [R, C, result_words]."""
        return self._kept("host_gradients", "gradients")

    def weights(self) -> IntArray:
        """The stored weights, [R, C, weight_words]."""
        training = self._config.training
        assert training is not None, "memories are those of a torus that trains"
        high = self._of_lanes("weight_memory")
        low_bits = training.master_bits - self._config.weight_bits
        if not low_bits:
            return high
        low = self._of_lanes("weight_low_memory") & ((1 << low_bits) - 1)
        return (high << low_bits) | low

    def weight_velocities(self) -> IntArray:
        """Their accumulators; a torus without any has no such memory."""
        return self._of_lanes("velocity_memory")

    def biases(self) -> IntArray:
        """The biases, [R, C, bias_words]."""
        return self._kept("mac", "bias_memory")

    def bias_velocities(self) -> IntArray:
        """Their accumulators; a torus without any has no such memory."""
        return self._kept("mac", "bias_velocity_memory")

    def lfsr(self) -> IntArray:
        """The states of the random generators, [R, C, 1], unsigned."""
        shared = self._config.lanes_out > 1
        return self._read("mac.lfsr" if shared else "mac.weight_update", "lfsr") & 0xFFFFFFFF

    def at_rest(self) -> bool:
        """Whether every PE has come to the end of its program."""
        return bool(np.isin(self._read("sequencer", "fsm_state") & 3, _AT_REST).all())

    def wait(self, max_cycles: int) -> None:
        """Let the clock run until every PE has come to the end of its program.

        Raises
        ------
        Unfinished
            Not within `max_cycles`.
        """
        nothing = np.zeros((0, self.model.beat_words), np.uint32)
        end = self.model.cycles + max_cycles
        while not self.at_rest():
            if self.model.cycles >= end:
                raise Unfinished(f"the torus has not finished its program within {max_cycles} "
                                 f"cycles after the last beat, now is cycle {self.model.cycles}")
            # The host waits for a beat that does not come.
            self.model.advance(nothing, 1, cycles=_POLL_CYCLES)

    def _of_lanes(self, memory: str) -> IntArray:
        """A memory of the MAC, of which each lane has its own: [R, C, weight_words]."""
        lanes = self._config.lanes_out
        # The parity of a stored weight lies above its high bits.
        read = self._read if memory == "weight_low_memory" else self._kept
        if lanes == 1:
            return read(f"mac.{memory}", "words")
        parts = [read(f"mac.{memory}_{lane}", "words") for lane in range(lanes)]
        return np.stack(parts, axis=3).reshape(*parts[0].shape[:2], -1)

    def _kept(self, block: str, name: str) -> IntArray:
        """Words of a memory without what `checks` put above them."""
        words = self._read(block, name)
        if not self._config.checks:
            return words
        left = 65 - self.variable((0, 0), block, name).word_bits
        return (words << left) >> left

    def _read(self, block: str, name: str) -> IntArray:
        config = self._config
        return np.stack([
            np.stack([self.variable((row, col), block, name).read_signed()
                      for col in range(config.cols)])
            for row in range(config.rows)])
