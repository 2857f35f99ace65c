"""One flipped bit in any word that a training step uses is found, in the memories of the RTL.

The net has no padding, no shift that rounds a partial sum, and words so small that none saturates,
so that every bit counts.
"""

from collections.abc import Callable
from random import Random

import numpy as np
import pytest
import torch

from golden.fixed.state import TrainingState
from sim.device.compare import ComparedTraining, WordDiffers
from sim.device.memories import TrainingMemories
from sw_driver.compiler import compile
from tests.support.training_tori import UNPADDED, UNPADDED_FORM

CONFIG, SHAPES = UNPADDED
PES = [(row, col) for row in range(CONFIG.rows) for col in range(CONFIG.cols)]
STEPS = 3


def draw(seed: int, most: int, *size: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-most, most + 1, size, generator=generator)


@pytest.fixture(scope="module", params=[
    "verilator", pytest.param("vector", marks=pytest.mark.slow)])
def compared(request):
    """A torus in which a batch of one is a step, with momentum."""
    compiled = compile(UNPADDED_FORM, CONFIG, momentum=2)
    assert all((stage.sources >= 0).all() for stage in compiled.stages), "no padding"
    with ComparedTraining(compiled, start(), engine=request.param) as compared:
        yield compared


def start() -> TrainingState:
    layers = [((draw(1, 300, 8, 2), draw(2, 300, 2, 2, 2), draw(3, 300, 8, 2)),
               draw(4, 10, 8)) for _ in SHAPES]
    return TrainingState.at_rest(layers, seed=1, rows=CONFIG.rows, cols=CONFIG.cols)


def steps(compared: ComparedTraining, at: Callable[[str, int], None] = lambda when, sample: None
          ) -> int:
    """Train; something happens in each step before it, between its ways, and on the way back.

    Returns the largest output.
    """
    compared.load(start())
    wait = compared.memories.wait
    largest = 0
    for sample in range(STEPS):
        x, gradient = draw(10 + sample, 3, 1, 8).numpy(), draw(20 + sample, 3, 8).numpy()

        def gradient_of(_, outputs, sample=sample, gradient=gradient):
            at("between", sample)
            return gradient

        def go_on(max_cycles, sample=sample):
            at("after", sample)
            wait(max_cycles)

        at("before", sample)
        compared.memories.wait = go_on
        largest = max(largest, int(np.abs(compared.train(x, gradient_of).outputs).max()))
    return largest


def test_without_a_flip_nothing_differs(compared):
    assert steps(compared) < 1 << (CONFIG.act_bits - 2), "words saturate, and hide flipped bits"
    assert compared.read_state() == compared.golden.state


class Flip:
    """A bit to flip once, in a random step, at a random place."""

    def __init__(self, compared: ComparedTraining, kind: str, random: Random) -> None:
        self.compared = compared
        self.when, self.what = KINDS[kind]
        self.random = random
        self.step = random.randrange(STEPS)
        self.done = False
        self.pe = random.choice(PES)
        self.axis = random.choice(["row", "col"])

    def at(self, when: str, sample: int) -> None:
        """Flip the bit in its step; where there is nothing to flip, the next one has something."""
        if when == self.when and sample >= self.step and not self.done:
            self.step = sample
            self.what(self)

    @property
    def memories(self) -> TrainingMemories:
        return self.compared.memories

    def flip(self, block: str, name: str, word: int, least_bit: int = 0, most_bits: int = 64
             ) -> None:
        variable = self.memories.variable(self.pe, block, name)
        bit = self.random.randrange(least_bit, min(variable.word_bits, most_bits))
        variable.flip(word, bit)
        self.done = True
        print(f"step {self.step}, PE {self.pe}: {block}.{name}, word {word}, bit {bit}")

    def clock(self, cycles: int) -> None:
        """Let the clock run; the host does nothing."""
        model = self.memories.model
        model.advance(np.zeros((0, model.beat_words), np.uint32), 1, cycles=cycles)

    # What is flipped, and when.

    def used_address(self, memory: str) -> int:
        """A random address of a weight or bias."""
        plan = self.compared.compiled.executable.training.maps
        index = (plan.weights if memory == "weights" else plan.biases).index[self.pe]
        return self.random.choice(np.nonzero(index >= 0)[0].tolist())

    def weight(self) -> None:
        block = self.random.choice(["weight_memory", "weight_low_memory"])
        self.flip(f"mac.{block}", "words", self.used_address("weights"))

    def velocity(self) -> None:
        # The lowest bit may be lost as the velocity decays.
        self.flip("mac.velocity_memory", "words", self.used_address("weights"), least_bit=1)

    def bias(self) -> None:
        self.flip("mac", "bias_memory", self.used_address("biases"))

    def lfsr(self) -> None:
        self.flip("mac.weight_update", "lfsr", 0)

    def lfsr_at_any_time(self) -> None:
        self.clock(self.random.randint(1, 60))
        self.lfsr()

    def saved_activation(self) -> None:
        plan = self.compared.compiled.plan
        numbers = [number for number, stage in enumerate(plan.stages)
                   if stage.on_columns == (self.axis == "col") and stage.outputs]
        number = self.random.choice(numbers)
        stage, entry = plan.stages[number], plan.entries[0][number][0]
        word = entry.base + self.random.randrange(stage.regions * stage.words)
        self.flip(f"router.{ 'forward.' + self.axis}.for_mac", "words", word,
                  most_bits=CONFIG.act_bits)

    def partial_sum(self) -> None:
        """One that waits for its turn to be added to: the next one, after a random while."""
        self.clock(self.random.randint(1, 40))
        rings = [(pe, f"router.{axis}_back.partials") for pe in PES for axis in ("row", "col")]
        self.random.shuffle(rings)
        while not self.done and not self.at_rest():
            for self.pe, block in rings:
                if self.memories.variable(self.pe, block, "o__valid").read()[0]:
                    at = int(self.memories.variable(self.pe, block, "read_at").read()[0])
                    self.flip(block, "items", at)
                    return
            self.clock(1)

    def gradient(self) -> None:
        self._flip_when_written([(pe, f"{axis}_gradients.gradients", "words")
                                 for pe in PES for axis in ("row", "col")])

    def host_gradient(self) -> None:
        self._flip_when_written([(pe, "host_gradients", "gradients") for pe in PES])

    def _flip_when_written(self, memories: list[tuple[tuple[int, int], str, str]]) -> None:
        """A word that has just been written to one of these, after some others."""
        variables = [self.memories.variable(*memory) for memory in memories]
        skipped = self.random.randrange(4)
        before = [variable.read() for variable in variables]
        while not self.done and not self.at_rest():
            self.clock(1)
            now = [variable.read() for variable in variables]
            changed = [(memory, int(word))
                       for memory, old, new in zip(memories, before, now, strict=True)
                       for word in np.nonzero(old != new)[0]]
            before = now
            if len(changed) > skipped:
                (self.pe, block, name), word = changed[skipped]
                self.flip(block, name, word)
            else:
                skipped -= len(changed)

    def at_rest(self) -> bool:
        return self.memories.at_rest()


KINDS = {
    "weight before the way forward": ("before", Flip.weight),
    "weight before the way back": ("between", Flip.weight),
    "velocity": ("between", Flip.velocity),
    "bias": ("between", Flip.bias),
    "saved activation": ("between", Flip.saved_activation),
    "partial sum": ("after", Flip.partial_sum),
    "gradient": ("after", Flip.gradient),
    "gradient from the host": ("after", Flip.host_gradient),
    "LFSR between the ways": ("between", Flip.lfsr),
    "LFSR on the way back": ("after", Flip.lfsr_at_any_time),
}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", KINDS)
def test_one_flipped_bit_is_found(kind, seed, compared):
    flip = Flip(compared, kind, Random(f"{kind} {seed}"))
    with pytest.raises(WordDiffers) as found:
        steps(compared, flip.at)
    print(found.value)
    assert flip.done
    assert found.value.samples[0] >= flip.step
