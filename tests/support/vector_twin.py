"""A torus in the vector engine and in Verilator at once: what both give must be the same."""

from typing import Any

import numpy as np

from hw.config import TorusConfig
from hw.tops import TOPS
from sim.model.emitted import emitted_torus
from sim.model.native import NativeModel
from sim.model.transfers import Transfer
from sim.vector.model import VectorModel


class Twin:
    """What a `NativeModel` is to whoever moves beats; `beats` counts those that were compared."""

    def __init__(self, config: TorusConfig, **options: Any) -> None:
        verilog = emitted_torus(config)
        self.vector = VectorModel(verilog, TOPS["torus"], **options)
        self.verilated = NativeModel(verilog, TOPS["torus"], **options)
        self.beat_words = self.vector.beat_words
        self.beats = 0
        assert self.beat_words == self.verilated.beat_words
        self.reset()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        self.vector.close()
        self.verilated.close()

    @property
    def cycles(self) -> int:
        assert self.vector.cycles == self.verilated.cycles
        return self.vector.cycles

    def reset(self, cycles: int = 2) -> None:
        self.vector.reset(cycles)
        self.verilated.reset(cycles)

    def run(self, beats: np.ndarray, out_count: int, **options) -> Transfer:
        return self._same(self.vector.run(beats, out_count, **options),
                          self.verilated.run(beats, out_count, **options))

    def advance(self, beats: np.ndarray, out_count: int, **options) -> Transfer:
        return self._same(self.vector.advance(beats, out_count, **options),
                          self.verilated.advance(beats, out_count, **options))

    def spans(self) -> list[list[tuple[int, int]]]:
        found = self.vector.spans()
        assert found == self.verilated.spans()
        return found

    def _same(self, found: Transfer, expected: Transfer) -> Transfer:
        """Every beat of the host, and the cycle in which it moves."""
        np.testing.assert_array_equal(found.beats, expected.beats)
        np.testing.assert_array_equal(found.in_cycles, expected.in_cycles)
        np.testing.assert_array_equal(found.out_cycles, expected.out_cycles)
        assert self.cycles
        self.beats += len(expected.in_cycles) + len(expected.out_cycles)
        return found
