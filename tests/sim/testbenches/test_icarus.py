"""The Verilog in Icarus Verilog, in Verilog-2005 and SystemVerilog, with bits that may be unknown.

The testbench is plain Verilog (`sim/testbenches/host_stream.v`); every word that comes back is the
golden model's.
"""

import dataclasses
import re

import numpy as np
import pytest

from fpga.cell_models import models_of
from fpga.families import ECP5
from golden import ClosShape
from golden.vectors.nets import random_net, random_words
from hw.config import TorusConfig, TrainingConfig
from hw.emit import synthesis_text
from sim.model.emitted import emitted_torus
from sim.model.verilog_files import FILE_LIST, write_verilog_files
from sw_driver.compiler import compile
from sw_driver.program.events import run_events
from sw_driver.program.host_stream import decode_id
from tests.support.icarus_bench import EDITIONS, Playback, exchange
from tests.support.knobs import mostly_slow
from tests.support.training_nets import random_format, random_gradients, random_inputs, random_state
from tests.support.training_runs import Job, golden_run, start_batch, widths

pytestmark = pytest.mark.usefixtures("icarus")

CONFIG = TorusConfig(rows=2, cols=2, act_bits=8, weight_bits=8, host_bits=32, buffer_words=32,
                     max_fan_in=16, weight_words=64, bias_words=8, program_words=512, rep_bits=8)
TRAINING = dataclasses.replace(
    CONFIG, buffer_words=64, weight_words=128, bias_words=16, max_fan_in=64, program_words=2048,
    training=TrainingConfig(master_bits=12, grad_bits=10, velocity_bits=16, result_words=16,
                            reduce_words=4))
SHAPES = [ClosShape(9, 7, 3, 2, 2), ClosShape(7, 5, 2, 3, 2)]
ZEROS = re.compile(r"^  initial begin\n(?:    \w+\[\d+\] = \d+'[bdh]0+;\n)+  end\n", re.M)


def job(seed):
    """A compiled net, samples, and what must come back."""
    net = random_net(SHAPES, seed=seed, act_bits=8, weight_bits=8)
    x = random_words(net, 4, seed=seed)
    return compile(net, CONFIG).executable, x.numpy(), net.forward_words(x).numpy()


def training_job(seed):
    """A batch of three samples for a torus that trains."""
    form = random_format(SHAPES, seed=seed, **widths(TRAINING))
    compiled = compile(form, TRAINING, batches=True, momentum=2, input_gradient=True)
    return Job(compiled, random_state(compiled.format, TRAINING.rows, TRAINING.cols, seed=seed),
               random_inputs(form, 3, seed=seed)[None], random_gradients(form, 3, seed=seed)[None])


@pytest.mark.parametrize("edition, memories", [
    ("2005", "as written"), ("2012", "unknown"),
    pytest.param("2012", "as written", marks=pytest.mark.slow)])
def test_inference(edition, memories, tmp_path):
    """A torus tells its id, loads a net and computes; memories may hold anything at the start."""
    executable, x, expected = job(seed=1)
    verilog = emitted_torus(CONFIG)
    if memories == "unknown":
        verilog, count = ZEROS.subn("", verilog)
        assert count > 5
    runs = [executable.identify(), executable.load(), executable.infer(x)]
    beats = exchange(tmp_path, edition, verilog, CONFIG, np.concatenate([r.beats for r in runs]),
                     sum(run.output_beats for run in runs))
    id_beats = runs[0].output_beats
    assert decode_id(beats[:id_beats]) == CONFIG.hardware_id
    np.testing.assert_array_equal(executable.decode(beats[id_beats:]), expected)


@pytest.mark.parametrize("edition", mostly_slow(EDITIONS, {1}))
def test_a_vendors_cells(edition, tmp_path):
    """With the models that are handed over beside the Verilog."""
    executable, x, expected = job(seed=3)
    verilog = emitted_torus(CONFIG, cells="ecp5")
    (tmp_path / "models.v").write_text(models_of(verilog, ECP5))
    runs = [executable.load(), executable.infer(x)]
    beats = exchange(tmp_path, edition, verilog, CONFIG, np.concatenate([r.beats for r in runs]),
                     runs[1].output_beats, "-l", "models.v")
    np.testing.assert_array_equal(executable.decode(beats), expected)


@pytest.mark.parametrize("edition", mostly_slow(EDITIONS, {1}))
def test_weights_of_a_hand_over_are_read_from_its_files(edition, tmp_path):
    """The folder that `clostorus verilog --bake --split` writes, by its file list."""
    executable, x, expected = job(seed=2)
    images = executable.images
    write_verilog_files(tmp_path, emitted_torus(CONFIG, weights=images.weights,
                                                biases=images.biases))
    run = executable.infer(x)
    beats = exchange(tmp_path, edition, "", CONFIG, run.beats, run.output_beats, "-f", FILE_LIST)
    np.testing.assert_array_equal(executable.decode(beats), expected)


@pytest.mark.slow
@pytest.mark.parametrize("edition", EDITIONS)
def test_the_text_that_yosys_wrote_stands_still_from_systemverilog_on(edition, tmp_path):
    """What `hw.emit` mends: were it not so, nothing would have to be mended any more."""
    job = training_job(seed=1)
    playback = Playback(TRAINING)
    playback.add(lambda: run_events(job.compiled.executable.load(job.state)))
    playback.add(lambda: run_events(job.compiled.executable.dump()))
    arguments = (tmp_path, edition, synthesis_text(emitted_torus(TRAINING)), TRAINING,
                 np.concatenate(playback.sent), sum(playback.counts))
    if edition == "2005":
        exchange(*arguments)
    else:
        with pytest.raises(AssertionError, match="stuck in cycle"):
            exchange(*arguments, patience_cycles=500)


@pytest.mark.parametrize("edition", EDITIONS)
def test_training(edition, tmp_path):
    """A batch with momentum: outputs, gradients of the inputs, and then all that the PEs hold."""
    job = training_job(seed=3)
    executable = job.compiled.executable
    playback = Playback(TRAINING)
    playback.add(lambda: run_events(executable.load(job.state)))
    playback.add(lambda: start_batch(job, 0))
    playback.add(lambda: run_events(executable.dump()))
    found = exchange(tmp_path, edition, emitted_torus(TRAINING), TRAINING,
                     np.concatenate(playback.sent), sum(playback.counts))
    _, result, dumped = playback.results(found)
    expected = golden_run(job)
    np.testing.assert_array_equal(result.outputs, expected.outputs)
    np.testing.assert_array_equal(result.input_gradients, expected.input_gradients)
    assert executable.read_state(dumped).differences(expected.state) == []
    assert job.state.differences(expected.state)
