"""`TrainingFaultBench`: a small net that is trained on a small torus, in which one bit flips."""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
import torch

from golden import ClosShape
from golden.fixed.format import TrainingFormat
from golden.fixed.layer_format import LayerFormat
from golden.fixed.state import TrainingState
from golden.fixed.visits import weight_sizes
from hw.config import TorusConfig, TrainingConfig
from sw_driver.arrays import Beats, IntArray
from sw_driver.compiled import Compiled
from sw_driver.compiler import compile
from sw_driver.device.golden import GoldenDevice
from sw_driver.program.events import Send

from ..model.transfers import Transfer
from .bench import FaultBench, Stream
from .training_sites import TRAINING_MEMORIES, TrainingSites

__all__ = ["PREFIX", "TrainingFaultBench", "the_training_bench", "training_case"]

PREFIX = "training: "
"""Before the kinds of places of a torus that trains, where they stand beside others."""

SAMPLES = 4
TORUS = TorusConfig(
    rows=2, cols=2, act_bits=12, weight_bits=12, link_stages=1, host_fifo_beats=4,
    buffer_words=20, max_fan_in=4, weight_words=24, bias_words=4, program_words=832,
    training=TrainingConfig(master_bits=20, grad_bits=12, velocity_bits=32, reduce_words=2,
                            result_words=2))
"""Memories are as small as the net allows. Words are so narrow that a line of a program, with its
parity, has at most 64 bits."""
SHAPES = (ClosShape(8, 8, 2, 2, 2),) * 2
_IDLE_CYCLES = 100_000


class TrainingFaultBench(FaultBench):
    """Loads a state, trains on some samples and reads the state back, each time with one flip.

    Bits flip from the end of loading on. What comes back is all outputs and the whole state.
    Parameters and attributes are those of `FaultBench`; `compiled` trains, with momentum.
    """

    SITES = TrainingSites
    MEMORIES = TRAINING_MEMORIES

    def _prepared(self, seed: int, samples: int) -> tuple[Stream, Callable[[Beats], bool]]:
        compiled, executable = self.compiled, self.compiled.executable
        generator = torch.Generator().manual_seed(seed)
        form = compiled.format
        state = _state(form, compiled.config, generator)
        x = _draw(generator, 100, samples, form.shapes[0].in_features).numpy()
        gradients = _draw(generator, 100, samples, form.shapes[-1].out_features).numpy()
        load, dump = executable.load(state), executable.dump()
        self._loading = len(load.beats)
        sent, taken = [load.beats], load.output_beats
        waiting = [load.beats]
        events = executable.train(x, lambda sample, outputs: gradients[sample])
        reply: Beats | None = None
        trained: IntArray | None = None
        try:
            while True:
                event = events.send(reply)
                reply = None
                if isinstance(event, Send):
                    sent.append(event.beats)
                    waiting.append(event.beats)
                else:
                    taken += event.beats
                    reply = self.model.run(np.concatenate(waiting), event.beats,
                                           max_idle_cycles=_IDLE_CYCLES).beats
                    waiting = [np.zeros((0, self.model.beat_words), np.uint32)]
        except StopIteration as end:
            trained = end.value.outputs
        waiting.append(dump.beats)
        ended = self.model.run(np.concatenate(waiting), dump.output_beats,
                               max_idle_cycles=_IDLE_CYCLES).beats
        golden = GoldenDevice()
        golden.load(compiled, state)
        outputs = golden.train_words(x, lambda sample, y: gradients[sample]).outputs
        assert (trained == outputs).all(), "outputs are right"
        assert executable.read_state(ended) == golden.read_state() != state, "it trains"
        whole = Stream(np.concatenate([*sent, dump.beats]), taken + dump.output_beats)
        return whole, lambda beats: np.array_equal(beats[-len(ended):], ended)

    def _first_cycle(self, done: Transfer) -> int:
        return int(done.in_cycles[self._loading - 1]) - int(done.in_cycles[0]) + 1


def _draw(generator: torch.Generator, most: int, *size: int) -> torch.Tensor:
    return torch.randint(-most, most + 1, size, generator=generator)


def _state(form: TrainingFormat, config: TorusConfig, generator: torch.Generator) -> TrainingState:
    layers = [
        (tuple(_draw(generator, 1 << 14, *size) for size in weight_sizes(layer.shape)),
         _draw(generator, 1 << 12, layer.shape.out_features))
        for layer in form.layers]
    return TrainingState.at_rest(layers, seed=1, rows=config.rows, cols=config.cols)


def training_case(checks: int) -> Compiled:
    """Compile the training of a campaign: `SHAPES` on `TORUS`, with `checks` or without."""
    config = dataclasses.replace(TORUS, checks=checks)
    form = TrainingFormat(
        tuple(LayerFormat(shape, False, (6,) * 4, (14,) * 3, (10,) * 3) for shape in SHAPES),
        act_bits=12, weight_bits=12, master_bits=20, grad_bits=12, velocity_bits=32,
        bias_bits=config.bias_bits)
    return compile(form, config, momentum=2)


@functools.lru_cache(maxsize=2)
def the_training_bench(checks: int) -> TrainingFaultBench:
    """Return the bench of a campaign, with `checks` or without."""
    return TrainingFaultBench(training_case(checks), samples=SAMPLES)
