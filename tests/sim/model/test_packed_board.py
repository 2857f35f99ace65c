"""A simulated board that takes packed beats: the same words, and how much faster they come."""

import dataclasses

import numpy as np
import pytest
import torch

from golden import ClosNet, ClosShape
from sim.model.board import SIM_LINK, BoardModel
from sim.model.board_terminal import BoardTerminal
from sim.model.wire import Damage
from sw_driver import GoldenDevice, compile
from sw_driver.serial import Patience, SerialDevice
from sw_driver.serial.packing import pack_beats
from tests.support.boards import CONFIG, small
from tests.support.command_line import fail
from tests.support.knobs import mostly_slow
from tests.support.link_bench import Host

pytestmark = pytest.mark.usefixtures("toolchain")

PATIENCE = Patience(answer_s=30.0, poll_s=0.2)
PIXEL_BITS = 8
LINK = dataclasses.replace(SIM_LINK, input_bits=PIXEL_BITS)
IMAGE_CONFIG = dataclasses.replace(CONFIG, buffer_words=2048, program_words=512,
                                   weight_words=8192)


@pytest.fixture(scope="module")
def board():
    with BoardModel.of(CONFIG, LINK) as board:
        yield board


@pytest.mark.parametrize("per_mille", mostly_slow([0, 10], (1,)))
def test_words_are_those_of_the_integer_model(board, per_mille):
    compiled, words, expected = small(4, pixels=True)
    with (BoardTerminal(board, Damage(per_mille, seed=4)) as terminal,
          SerialDevice(terminal.port, patience=PATIENCE) as device):
        device.load(compiled)
        for some in (slice(None), slice(0, None, 4), slice(3, None, 4)):
            np.testing.assert_array_equal(device.infer_words(words[some]), expected[some])
        figures = device.figures
    assert figures.packed_beats > 100 and figures.saved_bytes > 100
    assert (figures.resent > 0) == (per_mille > 0)


def images():
    """784 pixels of 8 bits to ten classes, in a narrow net, so that the line bounds it."""
    net = ClosNet((ClosShape(784, 16, 28, 4, 4), ClosShape(16, 10, 4, 4, 2)),
                  generator=torch.Generator().manual_seed(0))
    pixels = np.random.default_rng(0).integers(0, 256, (16, 784))
    compiled = compile(net, IMAGE_CONFIG, torch.as_tensor(pixels / 256, dtype=torch.float32))
    with GoldenDevice() as golden:
        golden.load(compiled)
        words = golden.to_words(pixels / 256)
        return compiled, words, golden.infer_words(words)


@pytest.mark.slow
def test_pixels_of_8_bits_come_twice_as_fast():
    """In simulated time, from the first byte of the samples' program to their last answer."""
    compiled, words, expected = images()
    run = compiled.executable.infer(words)
    cycles = {}
    for link in (SIM_LINK, LINK):
        with BoardModel.of(IMAGE_CONFIG, link) as board:
            host = Host(board, session=1)
            host.open()
            whole = link.input_bits == 0
            for beats in (compiled.executable.load().beats, run.beats):
                host.run(lambda host=host: not host.end.unacknowledged)
                host.to_board.clear()
                host.from_board.clear()
                host.end.send(beats.astype("<u4").tobytes() if whole else
                              pack_beats(IMAGE_CONFIG, beats, PIXEL_BITS)[0])
            host.run(lambda host=host: len(host.end.received) == 4 * run.output_beats, 60)
            beats = np.frombuffer(bytes(host.end.received), "<u4").reshape(-1, 1)
            np.testing.assert_array_equal(compiled.executable.decode(beats), expected)
            cycles[link.input_bits] = (host.from_board.last_cycle - host.to_board.first_cycle
                                       + board.byte_cycles)
    bits = {width: count / SIM_LINK.bit_cycles for width, count in cycles.items()}
    for width, count in bits.items():
        print(f"input_bits {width}: {len(words) / count * 1e6:.1f} samples/s at 1 Mbaud")
    assert 1.9 < cycles[0] / cycles[PIXEL_BITS] < 2.0


def test_a_width_that_does_not_fit_is_refused(tmp_path):
    message = "--input-bits must be 1 to 15, less than the 16 bits of a word of the torus"
    fail(2, message, "board", "--simulate", "--torus", "1x1", "--input-bits", 16)
    fail(2, message, "build", "--board", "ulx3s-85f", "--input-bits", 16, "-o", tmp_path / "out")
    fail(2, message, "verilog", "--torus", "1x1", "--top", "board", "--input-bits", 16,
         "-o", tmp_path / "out.v")
    fail(2, "--input-bits must be 0 to 17, not 18", "board", "--simulate", "--torus", "1x1",
         "--input-bits", 18)
    fail(2, "--clock-mhz, --baud, --buffer-bytes and --input-bits need --top board", "verilog",
         "--torus", "1x1", "--input-bits", 8, "-o", tmp_path / "out.v")


def test_a_board_of_another_version_is_refused(board, monkeypatch):
    monkeypatch.setattr("sw_driver.serial.host_end._VERSIONS", {2: 0, 4: 1})
    with BoardTerminal(board) as terminal, SerialDevice(terminal.port, patience=PATIENCE) as device:
        with pytest.raises(ValueError, match="must be 2 to 4, not 3: build its bitstream anew"):
            device.load(small(4)[0])
