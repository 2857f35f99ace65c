"""`FaultBench`: a small net on a small torus, in which one bit flips while it runs."""

import dataclasses
import functools
from collections.abc import Callable
from random import Random
from typing import NamedTuple

import numpy as np

from golden import ClosShape
from golden.vectors.nets import random_net, random_words
from hw.config import TorusConfig
from hw.tops import TOPS
from sw_driver.arrays import Beats
from sw_driver.compiled import Compiled
from sw_driver.compiler import compile
from sw_driver.device.faults import read_faults

from ..model.checked import CheckedModel
from ..model.emitted import emitted_torus
from ..model.native import NativeModel
from ..model.transfers import Transfer
from ..model.variables import Variable
from .sites import MEMORIES, Sites, draw

__all__ = ["OUTCOMES", "FaultBench", "Flip", "Stream", "the_bench"]

OUTCOMES = ("masked", "flagged", "detected", "silent", "hang")
"""What comes of a flip.

The outputs are right and no flag is set; they are right and a flag is set; they are wrong, or do
not come, and a flag is set; they are wrong and no flag is set; they do not come and no flag is set.
"""

SHAPES = (ClosShape(12, 10, 3, 4, 2), ClosShape(10, 9, 2, 3, 3))
SAMPLES = 6
# Beats of 32 bits, so that a place of a queue with its checks is no wider than a `Variable`.
TORUS = TorusConfig(rows=2, cols=2, host_bits=32, link_stages=1, host_fifo_beats=4)
# As small as the net allows: `grow` makes of them what it needs, and most words are used.
_SIZES = {"buffer_words": 16, "weight_words": 16, "bias_words": 2, "program_words": 64,
          "max_fan_in": 2}
# A run that takes so many times as many cycles as the right one, and this many more, hangs.
_IDLE_CYCLES = 100_000
_PATIENCE, _PATIENCE_CYCLES = 4, 2000


@dataclasses.dataclass(frozen=True)
class Flip:
    """A bit that flipped, and what came of it.

    Parameters
    ----------
    where
        The variable, its word and its bit.
    cycle
        Clock cycles of the run before the flip.
    outcome
        One of `OUTCOMES`.
    faults
        What the torus flagged, as text.
    """

    where: str
    cycle: int
    outcome: str
    faults: tuple[str, ...]


class Stream(NamedTuple):
    """All beats that a run sends, and how many come back."""

    beats: Beats
    output_beats: int


class FaultBench:
    """Runs one program of inference again and again, each time with one flipped bit.

    After each run all memories get back what they held before it.

    Parameters
    ----------
    compiled
        The net, for a torus with `checks` or without.
    seed
        Of the inputs.
    samples
        Of the program.
    verilog
        Of the torus; by default that of the configuration.

    Attributes
    ----------
    compiled : Compiled
    names : list of str
        What the model is built with.
    cycles : int
        Of the program, from the first beat in to the last beat out.
    first_cycle : int
        Bits flip from then on.
    model : NativeModel
    program : Stream
        What it is given.
    """

    SITES: type[Sites] = Sites
    MEMORIES: tuple[str, ...] = MEMORIES

    def __init__(self, compiled: Compiled, *, seed: int = 1, samples: int = SAMPLES,
                 verilog: str | None = None) -> None:
        self.compiled = compiled
        config = compiled.config
        if verilog is None:
            verilog = emitted_torus(config)
        self._sites = self.SITES(config, verilog)
        self.names = self._sites.names
        kind = CheckedModel if config.checks else NativeModel
        self.model = kind(verilog, TOPS["torus"], accessible=self.names)
        self.model.reset()
        self.program, check = self._prepared(seed, samples)
        self._perform()  # When it has ended, all that was loaded is in the memories.
        self.model.reset()
        done = self._perform()
        self._right = done.beats
        self.cycles = int(done.out_cycles[-1]) - int(done.in_cycles[0]) + 1
        self.first_cycle = self._first_cycle(done)
        assert check(self._right), "without a flip all is right"
        self._variables = {kind: self._sites.find(self.model, kind) for kind in self._sites.kinds}
        self._held = [(one, one.read()) for name in self.MEMORIES for one in self._variables[name]]

    def _prepared(self, seed: int, samples: int) -> tuple["Stream", Callable[[Beats], bool]]:
        """Load the net into the model; return the run, and whether beats are those of it."""
        compiled, executable = self.compiled, self.compiled.executable
        x = random_words(compiled.net, samples, seed=seed)
        load = executable.load()
        self.model.run(load.beats, load.output_beats, max_idle_cycles=_IDLE_CYCLES)
        wanted = compiled.net.forward_words(x).numpy()
        run = executable.infer(x.numpy())
        return Stream(run.beats, run.output_beats), lambda beats: bool(
            (executable.decode(beats) == wanted).all())

    def _first_cycle(self, done: Transfer) -> int:
        """The first cycle of a run in which a bit may flip."""
        return 0

    def _perform(self) -> Transfer:
        return self.model.run(self.program.beats, self.program.output_beats,
                              max_idle_cycles=_IDLE_CYCLES)

    def flip(self, kind: str, random: Random) -> Flip:
        """Run the program, and flip a random bit of a kind of place before a random cycle of it."""
        variable, word, bit = draw(self._variables[kind], random)
        return self.flip_bit(variable, word, bit, random.randrange(self.first_cycle, self.cycles))

    def flip_bit(self, variable: Variable, word: int, bit: int, cycle: int) -> Flip:
        """Run the program, and flip this bit after so many cycles of it."""
        model, run = self.model, self.program
        model.reset()
        before = model.advance(run.beats, run.output_beats, cycles=cycle)
        taken, given = len(before.in_cycles), len(before.beats)
        variable.flip(word, bit)
        after = model.advance(run.beats[taken:], run.output_beats - given,
                              cycles=_PATIENCE * self.cycles + _PATIENCE_CYCLES)
        beats = np.concatenate([before.beats, after.beats])
        faults: tuple[str, ...] = ()
        if isinstance(model, CheckedModel):
            faults = tuple(map(str, read_faults(self.compiled.config, model.faults())))
        self._restore()
        return Flip(f"{variable.name}, word {word}, bit {bit}", cycle,
                    self._outcome(beats, bool(faults)), faults)

    def variables(self, kind: str) -> list[Variable]:
        """The memories or registers of one of `KINDS`."""
        return self._variables[kind]

    def close(self) -> None:
        """Free the model."""
        self.model.close()

    def _outcome(self, beats: np.ndarray, flagged: bool) -> str:
        if np.array_equal(beats, self._right):
            return "flagged" if flagged else "masked"
        if flagged:
            return "detected"
        return "hang" if len(beats) < len(self._right) else "silent"

    def _restore(self) -> None:
        """Flip back all bits of memories that are not as they were before the run."""
        for variable, held in self._held:
            changed = variable.read() ^ held
            for word in np.nonzero(changed)[0].tolist():
                bits = int(changed[word])
                while bits:
                    bit = bits.bit_length() - 1
                    variable.flip(word, bit)
                    bits ^= 1 << bit


@functools.lru_cache(maxsize=2)
def the_bench(checks: int) -> FaultBench:
    """Return the bench of a campaign: `SHAPES` on `TORUS`, with such `checks`."""
    net = random_net(list(SHAPES), seed=1, act_bits=TORUS.act_bits, weight_bits=TORUS.weight_bits)
    config = dataclasses.replace(TORUS, checks=checks, **_SIZES)
    return FaultBench(compile(net, config, grow=True))
