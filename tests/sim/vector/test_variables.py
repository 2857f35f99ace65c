"""Registers, memories and signals by their names, and probes: as Verilator has them."""

import dataclasses
from random import Random

import numpy as np
import pytest
import torch

from golden.fixed.state import TrainingState
from golden.vectors.nets import random_net
from hw.presets import LARGE
from hw.tops import TOPS
from sim.device.memories import ACCESSIBLE, TrainingMemories
from sim.device.rtl_timeline import engine_probes
from sim.errors import SimError
from sim.model.emitted import emitted_torus
from sim.model.transfers import Probe, Stalls
from sim.vector.model import VectorModel
from sw_driver.compiler import compile, compile_net
from tests.support.equality import UNALIGNED
from tests.support.training_runs import Job, perform, play, rtl_run, start_batch
from tests.support.training_tori import UNPADDED, UNPADDED_FORM
from tests.support.vector_twin import Twin

# Their models are those of the tests of timelines and of faults.
INFERENCE = dataclasses.replace(LARGE, rows=1, cols=2, host_bits=32)
TRAINING = UNPADDED.config
STALLED = Stalls(in_per_mille=300, out_per_mille=300, seed=5)
SIGNALS = [("sequencer", "fsm_state"), ("mac", "o__valid"),
           *((f"router.{axis}_back.{queue}", name) for axis in ("row", "col")
             for queue in ("partials", "contributions") for name in ("o__valid", "read_at"))]

pytestmark = pytest.mark.slow  # Each needs a model of both engines of its own.


@pytest.fixture(scope="module")
def probed():
    with Twin(INFERENCE, probes=[probe for _, probe in engine_probes(INFERENCE)]) as twin:
        yield twin


@pytest.fixture(scope="module")
def open_twin():
    """A torus that trains, whose registers and memories are accessible."""
    with Twin(TRAINING, accessible=ACCESSIBLE) as twin:
        yield twin


def test_probes_see_the_same_spans(probed):
    """Of a host that stalls, and after a reset while engines are at something."""
    net = random_net(UNALIGNED, seed=1)
    executable = compile_net(net, INFERENCE, grow=False, order="program").executable
    load, run = executable.load(), executable.infer(np.zeros((3, 33), np.int64))
    probed.run(load.beats, load.output_beats, max_cycles=100_000)
    probed.advance(run.beats, run.output_beats, cycles=777, stalls=STALLED)
    probed.reset()
    for stalls in (Stalls(), STALLED):
        for one in (load, run):
            probed.run(one.beats, one.output_beats, max_cycles=100_000, stalls=stalls)
    assert min(map(len, probed.spans())) > 8


def job_of(seed: int) -> Job:
    """Four samples, each a batch of its own, with momentum; words that do not saturate."""
    generator = torch.Generator().manual_seed(seed)

    def draw(most: int, *size: int) -> torch.Tensor:
        return torch.randint(-most, most + 1, size, generator=generator)

    layers = [((draw(300, 8, 2), draw(300, 2, 2, 2), draw(300, 8, 2)), draw(10, 8))
              for _ in UNPADDED.shapes]
    state = TrainingState.at_rest(layers, seed=seed, rows=TRAINING.rows, cols=TRAINING.cols)
    return Job(compile(UNPADDED_FORM, TRAINING, momentum=2), state, draw(3, 1, 4, 8),
               draw(3, 1, 4, 8))


def variables(twin: Twin, pe: tuple[int, int], block: str, name: str):
    scope = f"{TOPS['torus']}.torus.pe_{pe[0]}_{pe[1]}.{block}"
    return [model.variable(scope, name) for model in (twin.vector, twin.verilated)]


def same_variables(twin: Twin) -> int:
    """Compare all memories and some signals of all PEs; return how many words are not 0."""
    both = [TrainingMemories(TRAINING, model) for model in (twin.vector, twin.verilated)]
    read = [lambda of, way=way: getattr(of, way[0])(**way[1]) for way in (
        ("weights", {}), ("biases", {}), ("weight_velocities", {}), ("bias_velocities", {}),
        ("lfsr", {}), ("host_gradients", {}), *(
            (name, {"on_columns": on_columns}) for name in ("activations", "gradients")
            for on_columns in (False, True)))]
    words = 0
    for reading in read:
        found, expected = map(reading, both)
        np.testing.assert_array_equal(found, expected)
        words += int(np.count_nonzero(found))
    for pe in np.ndindex(TRAINING.rows, TRAINING.cols):
        for block, name in SIGNALS:
            found, expected = variables(twin, pe, block, name)
            assert (found.words, found.word_bits) == (expected.words, expected.word_bits)
            np.testing.assert_array_equal(found.read(), expected.read(), f"{pe} {block}.{name}")
    return words


@pytest.mark.parametrize("case", range(3))
def test_variables_hold_the_same(case, open_twin):
    """At random cycles of a step that trains."""
    random, job = Random(case), job_of(case)
    rtl_run(open_twin, job, STALLED)
    assert same_variables(open_twin) > 100
    events = start_batch(job, 0)
    beats = next(events).beats
    for _ in range(6):
        open_twin.advance(beats, 1, cycles=random.randint(1, 60))
        same_variables(open_twin)
    open_twin.reset()


@pytest.mark.parametrize("block, name, word", [
    ("mac.weight_memory", "words", 3), ("mac.weight_update", "lfsr", 0), ("mac", "bias_memory", 1)])
def test_a_flipped_bit_goes_on(block, name, word, open_twin):
    """The steps after it are the same on both, and others than without it."""
    job = job_of(11)
    executable, batch = job.compiled.executable, start_batch(job, 0)
    alone = rtl_run(open_twin, job)
    perform(open_twin, executable.load(job.state))
    # The last words have still to arrive.
    open_twin.advance(np.zeros((0, open_twin.beat_words), np.uint32), 1, cycles=1000)
    for variable in variables(open_twin, (0, 0), block, name):
        before = variable.read()[word]
        variable.flip(word, 7)
        assert variable.read()[word] == before ^ 0x80
    play(open_twin, batch)
    assert executable.read_state(perform(open_twin, executable.dump())) != alone.state


def test_what_is_not_there_is_refused(open_twin):
    scope = f"{TOPS['torus']}.torus.pe_0_0.mac"
    for name in ("lfsr_of_another", "active"):  # The second is there, and not accessible.
        with pytest.raises(SimError, match=f"no variable {scope}.{name} that is accessible"):
            open_twin.vector.variable(scope, name)
    with pytest.raises(SimError, match="no variable nowhere.lfsr that is accessible"):
        open_twin.vector.variable("nowhere", "lfsr")
    with pytest.raises(SimError, match=r"in words 0 to 0, bits 0 to 31, not in word 0, bit 32"):
        open_twin.vector.variable(f"{scope}.weight_update", "lfsr").flip(0, 32)
    with pytest.raises(SimError, match="must be a register to be flipped, but its bit 0 is compu"):
        open_twin.vector.variable(f"{TOPS['torus']}.bridge", "o__valid").flip(0, 0)

def test_a_probe_of_what_is_not_there_is_refused():
    scope = f"{TOPS['torus']}.torus.pe_0_9.control"
    probe = Probe(scope, "active", high=("step", "end_of_rep"))
    probes = [*(probe for _, probe in engine_probes(INFERENCE)), probe]
    with pytest.raises(SimError, match=f"no variable {scope}.active"):
        VectorModel(emitted_torus(INFERENCE), TOPS["torus"], probes=probes)
