"""Answers by the golden model: what reads a torus' beats reads the same words of them."""

import dataclasses

import numpy as np
import pytest

from golden import ClosShape
from golden.vectors.nets import random_net, random_words
from hw.config import TorusConfig, TrainingConfig
from sw_driver import compile
from sw_driver.program.answers import id_answer, output_answer, state_answer
from sw_driver.program.host_stream import decode_id
from tests.support.training_nets import random_format, random_state
from tests.support.training_runs import widths

SHAPES = [ClosShape(13, 9, 4, 3, 2), ClosShape(9, 5, 3, 2, 4)]
TRAINING = TorusConfig(
    rows=2, cols=3, act_bits=8, weight_bits=8, host_bits=32, buffer_words=64, max_fan_in=64,
    weight_words=128, bias_words=16, program_words=2048, rep_bits=8,
    training=TrainingConfig(master_bits=13, grad_bits=10, velocity_bits=21, result_words=16,
                            reduce_words=4))


def scribbled(answer, seed):
    """An answer as a torus may give it: bits that mean nothing are any."""
    noise = np.random.default_rng(seed).integers(0, 1 << 32, answer.beats.shape, np.uint32)
    assert not (answer.beats & ~answer.mask).any()
    return answer.beats | noise & ~answer.mask


@pytest.mark.parametrize("torus, host_bits", [("1x1", 32), ("2x3", 64), ("3x2", 256)])
def test_outputs_are_read_back(torus, host_bits):
    net = random_net(SHAPES, seed=3, act_bits=12, weight_bits=9)
    executable = compile(net, torus, host_bits=host_bits).executable
    y = net.forward_words(random_words(net, 4, seed=1)).numpy()
    answer = output_answer(executable.config, executable.words, y)
    np.testing.assert_array_equal(executable.decode(scribbled(answer, 1)), y)
    # Each bit that is compared is one of the word it stands for.
    flipped = executable.decode(answer.beats ^ answer.mask)
    np.testing.assert_array_equal(flipped, ~y)


@pytest.mark.parametrize("host_bits", [32, 64, 128])
def test_the_hardware_id_is_read_back(host_bits):
    config = TorusConfig(rows=1, cols=1, host_bits=host_bits)
    answer = id_answer(config)
    assert decode_id(scribbled(answer, 2)) == config.hardware_id
    assert answer.beats.shape == (2 if host_bits == 32 else 1, host_bits // 32)


@pytest.mark.parametrize("velocity_bits", [0, 21])
def test_a_state_is_read_back(velocity_bits):
    training = dataclasses.replace(TRAINING.training, velocity_bits=velocity_bits)
    config = dataclasses.replace(TRAINING, training=training)
    form = random_format(SHAPES, seed=5, **widths(config))
    compiled = compile(form, config, momentum=2 if velocity_bits else None)
    state = random_state(compiled.format, config.rows, config.cols, seed=5)
    maps = compiled.executable.training.maps
    answer = state_answer(config, compiled.format, maps, state)
    assert len(answer.beats) == compiled.executable.dump().output_beats
    found = compiled.executable.read_state(scribbled(answer, 3))
    assert found.differences(state) == []
