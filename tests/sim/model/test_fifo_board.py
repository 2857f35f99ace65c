"""The host link behind an FT2232H's FIFO: the model of the chip checks every edge of its clock."""

import dataclasses
from random import Random

import numpy as np
import pytest
import torch

from golden import ClosNet, TrainingWidths, initial_state, softmax_cross_entropy
from golden.training.scales import propose_format
from sim.model.board_terminal import BoardTerminal
from sim.model.fifo_board import FIFO_LINK, FifoBoardModel
from sw_driver import GoldenDevice, compile
from sw_driver.serial import Patience, SerialDevice
from tests.support.boards import CONFIG, TRAINING_CONFIG, TRAINING_SHAPES, small
from tests.support.link_bench import Host, loop_model

pytestmark = pytest.mark.usefixtures("toolchain")

PATIENCE = Patience(answer_s=30.0, poll_s=0.2)
RATE = 0.05


@pytest.mark.parametrize("pauses, seed", [(0, 1), (50, 2), (400, 3)])
def test_what_is_sent_comes_back(pauses, seed):
    print(f"seed {seed}")
    with loop_model(FIFO_LINK) as loop:
        loop.pause(pauses, seed)
        host = Host(loop, session=4, slice_bytes=2)
        host.open()
        for count in (8, 240, 4000, 20_000):
            host.exchange(Random(count).randbytes(count))
        assert host.figures.retries == host.figures.damaged == 0


@pytest.mark.parametrize("clock_mhz", [25, pytest.param(100, marks=pytest.mark.slow)])
def test_the_rate_of_the_link(clock_mhz):
    """Bytes to the board, while as many come back over the same pins."""
    with loop_model(dataclasses.replace(FIFO_LINK, clock_hz=clock_mhz * 1_000_000)) as loop:
        host = Host(loop, session=5, slice_bytes=2)
        host.open()
        host.to_board.clear()
        data = Random(1).randbytes(32_768)
        host.end.send(data)
        host.run(lambda: host.to_board.bytes > 33_000, 60)
        cycles = host.to_board.last_cycle - host.to_board.first_cycle
        print(f"{len(data) / cycles:.2f} bytes a cycle, "
              f"{len(data) * clock_mhz / cycles:.1f} MB/s at {clock_mhz} MHz")
        assert len(data) / cycles > 0.35


@pytest.mark.slow
def test_words_are_those_of_the_integer_model():
    compiled, words, expected = small(4)
    with FifoBoardModel.of(CONFIG) as board:
        for pauses in (0, 200):
            board.pause(pauses, 7)
            with (BoardTerminal(board) as terminal,
                  SerialDevice(terminal.port, patience=PATIENCE) as device):
                device.load(compiled)
                np.testing.assert_array_equal(device.infer_words(words), expected)
                assert device.figures.resent == 0


@pytest.mark.slow
def test_training_steps_are_those_of_the_integer_model():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(8, 12, generator=generator, dtype=torch.float64)
    labels = torch.randint(8, (8,), generator=generator)
    model = ClosNet(TRAINING_SHAPES, generator=torch.Generator().manual_seed(1))
    form = propose_format(model, x, labels, softmax_cross_entropy, RATE, widths=TrainingWidths())
    compiled = compile(form, TRAINING_CONFIG)
    state = initial_state(model, compiled.format, seed=1, rows=1, cols=1)
    link = dataclasses.replace(FIFO_LINK, input_bits=10)
    with (FifoBoardModel.of(TRAINING_CONFIG, link) as board, BoardTerminal(board) as terminal,
          SerialDevice(terminal.port, patience=PATIENCE) as serial, GoldenDevice() as golden):
        board.pause(50, 3)
        steps = []
        for device in (golden, serial):
            device.load(compiled, state)
            steps.append(device.train_step(x.numpy(), labels.numpy(), learning_rate=RATE))
        assert steps[0].loss == steps[1].loss
        np.testing.assert_array_equal(steps[0].outputs, steps[1].outputs)
        assert golden.read_state() == serial.read_state() != state
