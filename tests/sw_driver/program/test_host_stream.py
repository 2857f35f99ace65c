"""Words to beats and back; the order that a program asks for."""

import numpy as np
import pytest

from golden import ClosShape
from golden.vectors.nets import random_net, random_words
from hw.config import TorusConfig
from sw_driver.compiler import compile
from sw_driver.errors import HostDataError, ProgramError
from sw_driver.program.host_stream import (
    beats_to_words,
    decode_id,
    encode,
    load_words,
    words_to_beats,
)


def executable(torus="3x2"):
    return compile(random_net([ClosShape(10, 7, 3, 2, 4)], seed=1), torus).executable


@pytest.mark.parametrize("host_bits", [32, 64, 128, 256])
@pytest.mark.parametrize("bits", range(4, 19))
def test_beats_hold_words_low_first(bits, host_bits):
    config = TorusConfig(act_bits=bits, weight_bits=4, host_bits=host_bits)
    words = np.random.default_rng(bits).integers(-(1 << (bits - 1)), 1 << (bits - 1), (3, 11))
    beats = words_to_beats(config, words)
    per_row = -(-11 // config.beat_words)
    assert beats.shape == (3 * per_row, host_bits // 32) and beats.dtype == np.uint32
    for row in range(3):
        for index, word in enumerate(words[row].tolist()):
            beat, lane = divmod(index, config.beat_words)
            value = sum(int(part) << (32 * place)
                        for place, part in enumerate(beats[row * per_row + beat]))
            assert value >> (lane * bits) & ((1 << bits) - 1) == word % (1 << bits)
            assert value >> (config.beat_words * bits) == 0
    back = beats_to_words(config, beats).reshape(3, -1)
    np.testing.assert_array_equal(back[:, :11], words % (1 << bits))
    assert not back[:, 11:].any()


def test_load_words_deal_columns_in_turn_and_biases_in_parts():
    config = TorusConfig(rows=2, cols=3, buffer_words=16, max_fan_in=16, act_bits=8, weight_bits=8)
    weights = np.arange(2 * 3 * 7).reshape(2, 3, 7)
    biases = np.array([[[-1], [2], [3]], [[4], [5], [1 << 17]]])
    blocks = load_words(config, weights, biases)
    # 15 words is the most that is a multiple of 3 columns and fits a buffer of 16.
    assert [block.shape for block in blocks] == [(1, 2, 15), (1, 2, 6), (1, 2, 9)]
    np.testing.assert_array_equal(blocks[0][0, 1, :6], [21, 28, 35, 22, 29, 36])
    assert config.bias_chunks == 3
    parts = blocks[2][0] % 256
    np.testing.assert_array_equal(parts[0], [255, 2, 3, 255, 0, 0, 255, 0, 0])
    np.testing.assert_array_equal(parts[1], [4, 5, 0, 0, 0, 0, 0, 0, 2])


def test_a_stream_in_another_order_than_the_program_asks_for():
    run = executable()
    program = run.infer(np.zeros((3, 10), np.int64)).program
    right = [run.words.input_words(np.zeros((3, 10), np.int64))]
    encode(program, right)
    for wrong in ([], right * 2, [right[0][:-1]],
                  [np.zeros((*right[0].shape[:2], 5 * right[0].shape[2]), np.int64)]):
        with pytest.raises(ProgramError, match="must take the host's words in the order"):
            encode(program, wrong)


def test_expected_output_beats():
    run = executable()
    config = run.config
    assert run.load().output_beats == 0
    assert run.identify().output_beats == -(-64 // config.host_bits)
    words = run.images.output_map.shape[1]
    for samples in (1, 2, 50):
        beats = run.infer(np.zeros((samples, 10), np.int64)).output_beats
        assert beats == samples * 3 * -(-words // config.beat_words)


def test_inputs_that_are_refused():
    run = executable()
    with pytest.raises(HostDataError, match=r"must have shape \[N, 10\], not \[2, 9\]"):
        run.infer(np.zeros((2, 9), np.int64))
    with pytest.raises(HostDataError, match=r"must have shape \[N, 10\], not \[10\]"):
        run.infer(np.zeros(10, np.int64))
    for word in (1 << 15, -(1 << 15) - 1):
        with pytest.raises(HostDataError, match="to fit act_bits = 16"):
            run.infer(np.full((1, 10), word))
    with pytest.raises(ProgramError, match="samples must be 1 to"):
        run.infer(np.zeros((0, 10), np.int64))


def test_outputs_cut_short():
    run = executable()
    with pytest.raises(HostDataError, match="must be a multiple of"):
        run.decode(np.zeros((run.infer(np.zeros((1, 10), np.int64)).output_beats + 1, 2),
                            np.uint32))


def test_every_feature_is_sent_once_and_received_once():
    run = executable("2x3")
    sent = run.images.input_map[run.images.input_map >= 0]
    np.testing.assert_array_equal(np.sort(sent), np.arange(10))
    received = run.images.output_map[run.images.output_map >= 0]
    np.testing.assert_array_equal(np.sort(received), np.arange(7))
    x = random_words(random_net([ClosShape(10, 7, 3, 2, 4)], seed=1), 2, seed=1).numpy()
    block = run.words.input_words(x)
    assert block.shape == (2 * len(run.images.input_map), *run.images.input_map.shape[1:])
    assert sorted(block[:len(run.images.input_map)][run.images.input_map >= 0]) == sorted(x[0])


@pytest.mark.parametrize("host_bits", [32, 64, 256])
def test_hardware_id(host_bits):
    config = TorusConfig(host_bits=host_bits)
    parts = np.frombuffer(config.hardware_id.to_bytes(8, "little"), "<u4")
    beats = np.zeros((-(-64 // host_bits), host_bits // 32), np.uint32)
    beats.reshape(-1)[:2] = parts
    assert decode_id(beats) == config.hardware_id
