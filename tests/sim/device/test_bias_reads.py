"""No bias is read in the cycle in which it is written, on whole tori that run compiled programs.

Their memories of biases give garbage in such a cycle, and no word of a net is another one.
"""

import dataclasses

import pytest

from golden.vectors.nets import random_net, random_words
from hw.presets import LARGE
from hw.tops import TOPS, top_verilog
from sim.model.native import NativeModel
from sw_driver.compiler import compile
from tests.support.equality import UNALIGNED
from tests.support.equality import perform as perform_run
from tests.support.garbled import garble_small_memories
from tests.support.training_equality import torus
from tests.support.training_runs import golden_run, random_job, rtl_run

pytestmark = [pytest.mark.usefixtures("toolchain"), pytest.mark.slow]

VELOCITIES = {"velocity_bits": 32, "reduce_words": 4, "gradient_rows": 64}
CASES = 8


def garbled_model(config, monkeypatch):
    made = garble_small_memories(monkeypatch)
    model = NativeModel(top_verilog("torus", config), TOPS["torus"])
    assert made
    model.reset()
    return model


@pytest.mark.parametrize("lanes", [1, 2, 8])
def test_training(lanes, monkeypatch):
    config = torus(1, 1, VELOCITIES, lanes_out=lanes)
    with garbled_model(config, monkeypatch) as model:
        for case in range(CASES):
            job = random_job(config, 100 + case, case)
            different = rtl_run(model, job).differences(golden_run(job))
            assert not different, f"{different}: {job}"


@pytest.mark.parametrize("words, sums", [(1, 1), (2, 1), (2, 4)])
def test_inference(words, sums, monkeypatch):
    """Other nets are loaded between samples."""
    config = dataclasses.replace(LARGE, rows=1, cols=2, lanes_in=words, lanes_out=sums,
                                 weight_words=LARGE.weight_words * words * sums)
    with garbled_model(config, monkeypatch) as model:
        for seed in range(CASES):
            net = random_net(UNALIGNED, seed=seed, act_bits=config.act_bits,
                             weight_bits=config.weight_bits)
            executable, x = compile(net, config).executable, random_words(net, 7, seed=seed)
            perform_run(model, executable.load())
            found = executable.decode(perform_run(model, executable.infer(x.numpy())))
            assert (found == net.forward_words(x).numpy()).all(), f"seed {seed}"
