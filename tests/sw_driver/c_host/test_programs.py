"""The programs of docs/c_host.md against simulated boards: the words of the integer model."""

import contextlib
import dataclasses
import os
import pty
import shutil
import threading
import tty

import numpy as np
import pytest
import torch

from golden import ClosNet, initial_state, softmax_cross_entropy
from golden.fixed.words import from_words, to_words
from golden.training.scales import propose_format
from hw.tops import BOARD_MODULE, board_verilog
from sim.model.board import SIM_LINK, BoardModel
from sim.model.board_terminal import BoardTerminal
from sim.model.wire import Damage
from sw_driver import GoldenDevice, compile
from sw_driver.c_host.header import c_header
from tests.support.boards import (
    CHECKED_CONFIG,
    CONFIG,
    TRAINING_CONFIG,
    TRAINING_SHAPES,
    faulty_memories,
    small,
)

pytestmark = pytest.mark.usefixtures("toolchain")

RATE = 0.03125  # That of the page's learner.
TORUS = dataclasses.replace(CONFIG, rows=2, cols=2, host_bits=64, buffer_words=64, max_fan_in=32,
                            weight_words=256, bias_words=16)
# Of 18-bit words a beat of 64 bits has room for 3, of which links of two words take 2.
PAIRS = dataclasses.replace(TORUS, act_bits=18, weight_bits=18, lanes_in=2, link_words=2,
                            program_words=512)
NARROW = dataclasses.replace(CONFIG, act_bits=9, weight_bits=7, program_words=512)


def lines(numbers):
    return "".join(" ".join(f"{one:.17g}" for one in row) + "\n" for row in numbers)


def infers(seed, config, samples=16, pixels=False):
    """A net's header, inputs, and the lines that the page's program must print."""
    compiled, words, expected = small(seed, config, pixels)
    form = compiled.word_format
    given = from_words(torch.as_tensor(words), form.input_fraction_bits)
    found = from_words(torch.as_tensor(expected), form.output_fraction_bits)
    return c_header(compiled, "net", samples=samples), lines(given), lines(found)


@pytest.mark.parametrize("config, per_mille", [
    (CONFIG, 0),
    (CONFIG, 8),
    pytest.param(TORUS, 3, marks=pytest.mark.slow),
    pytest.param(NARROW, 0, marks=pytest.mark.slow),
    pytest.param(PAIRS, 0, marks=pytest.mark.slow),
    pytest.param(CHECKED_CONFIG, 8, marks=pytest.mark.slow),
], ids=["1x1", "damaged", "2x2", "9-bit words", "two words a link", "checks"])
def test_outputs_are_those_of_the_integer_model(programs, config, per_mille):
    header, given, expected = infers(1, config)
    program = programs.compile("infer", "net.h", header)
    with BoardModel.of(config) as board:
        with BoardTerminal(board, Damage(per_mille, seed=2)) as terminal:
            done = programs.run(program, terminal.port, given=given)
            assert (terminal.to_board.damaged > 0) == (per_mille > 0)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == expected


@pytest.mark.parametrize("config, input_bits, per_mille", [
    (CONFIG, 4, 0),
    pytest.param(TORUS, 7, 5, marks=pytest.mark.slow),
    pytest.param(NARROW, 8, 0, marks=pytest.mark.slow),
    pytest.param(PAIRS, 7, 0, marks=pytest.mark.slow),
])
def test_packed_inputs(programs, config, input_bits, per_mille):
    """A board that takes packed beats: some runs of 3 samples fit them, and others do not."""
    header, given, expected = infers(1, config, samples=3, pixels=True)
    program = programs.compile("infer", "net.h", header)
    link = dataclasses.replace(SIM_LINK, input_bits=input_bits)
    with BoardModel.of(config, link) as board:
        with BoardTerminal(board, Damage(per_mille, seed=2)) as terminal:
            done = programs.run(program, terminal.port, given=given)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == expected


def test_valgrind_finds_nothing(programs):
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not on PATH: apt-get install valgrind")
    header, given, expected = infers(2, CONFIG)
    program = programs.compile("infer", "net.h", header, "-g")
    with BoardModel.of(CONFIG) as board, BoardTerminal(board, Damage(5, seed=3)) as terminal:
        done = programs.run(program, terminal.port, given=given,
                            before=("valgrind", "-q", "--error-exitcode=99",
                                    "--sim-hints=lax-ioctls"))
    assert (done.returncode, done.stderr, done.stdout) == (0, "", expected)


@pytest.fixture(scope="module")
def learner():
    """A net that trains, its first state, 32 samples with targets, and what training must give."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(32, 12, generator=generator, dtype=torch.float64)
    labels = torch.randint(8, (32,), generator=generator)
    model = ClosNet(TRAINING_SHAPES, generator=torch.Generator().manual_seed(1))
    form = propose_format(model, x, labels, softmax_cross_entropy, RATE)
    compiled = compile(form, TRAINING_CONFIG)
    state = initial_state(model, compiled.format, seed=1)
    targets = torch.eye(8, dtype=torch.float64)[labels]
    form = compiled.format

    def gradient(sample, y):
        difference = from_words(torch.as_tensor(y), form.output_fraction_bits) - targets[sample]
        return to_words(RATE * difference, form.gradient_fraction_bits, form.grad_bits).numpy()

    with GoldenDevice() as golden:
        golden.load(compiled, state)
        trained = golden.train_words(golden.to_words(x.numpy()), gradient)
        expected = lines(golden.to_reals(trained.outputs))
        return compiled, state, torch.cat([x, targets], 1).tolist(), expected, golden.read_state()


@pytest.mark.slow
@pytest.mark.parametrize("per_mille, input_bits", [(0, 0), (5, 0), (0, 10)])
def test_training_goes_on_from_a_checkpoint(programs, learner, per_mille, input_bits):
    compiled, state, samples, expected, last = learner
    header = c_header(compiled, "learner", samples=16, state=state)
    program = programs.compile("learn", "learner.h", header)
    checkpoint = programs.folder / "checkpoint"
    printed = ""
    link = dataclasses.replace(SIM_LINK, input_bits=input_bits)
    with BoardModel.of(TRAINING_CONFIG, link) as board:
        for part in (samples[:16], samples[16:]):
            # The checkpoint is of this net; what is loaded first is forgotten by it.
            with BoardTerminal(board, Damage(per_mille, seed=4)) as terminal:
                done = programs.run(program, terminal.port, checkpoint, given=lines(part))
            assert (done.returncode, done.stderr) == (0, "")
            printed += done.stdout
    assert printed == expected
    words = np.fromfile(checkpoint, "<u4")
    beats = words[4:-1].reshape(-1, TRAINING_CONFIG.host_bits // 32)
    assert compiled.executable.read_state(beats) == last


@pytest.mark.slow
def test_a_checkpoint_that_is_damaged_is_refused(programs, learner):
    compiled, state, samples, _, _ = learner
    program = programs.compile("learn", "learner.h",
                               c_header(compiled, "learner", samples=16, state=state))
    checkpoint = programs.folder / "checkpoint"
    with BoardModel.of(TRAINING_CONFIG) as board, BoardTerminal(board) as terminal:
        assert programs.run(program, terminal.port, checkpoint).returncode == 0
        whole = bytearray(checkpoint.read_bytes())
        for damaged in (whole[:-1], whole[:20] + bytes([whole[20] ^ 1]) + whole[21:],
                        whole[:4] + bytes(4) + whole[8:]):
            checkpoint.write_bytes(damaged)
            done = programs.run(program, terminal.port, checkpoint, given=lines(samples[:16]))
            assert done.returncode == 1 and done.stdout == ""
            assert "the checkpoint must be whole, and of this net" in done.stderr
            assert checkpoint.read_bytes() == damaged


def test_another_torus_is_refused(programs):
    other = dataclasses.replace(CONFIG, bias_words=64)
    program = programs.compile("infer", "net.h", infers(1, other)[0])
    with BoardModel.of(CONFIG) as board, BoardTerminal(board) as terminal:
        done = programs.run(program, terminal.port)
    assert done.returncode == 1
    assert "the board's torus must be the one that the net was compiled for" in done.stderr


@pytest.mark.slow
def test_a_torus_that_finds_faults(programs):
    header, given, _ = infers(1, CHECKED_CONFIG)
    program = programs.compile("infer", "net.h", header)
    with faulty_memories():  # Past the cache of what is emitted, which knows no such memories.
        verilog = board_verilog(CHECKED_CONFIG, SIM_LINK)
    with (BoardModel(verilog, BOARD_MODULE, SIM_LINK.bit_cycles) as board,
          BoardTerminal(board, Damage(5, seed=3)) as terminal):
        done = programs.run(program, terminal.port, given=given)
    assert (done.returncode, done.stdout) == (1, "")
    assert "a parity in the torus is wrong, so outputs are not to be trusted" in done.stderr


@pytest.mark.slow
def test_weights_in_a_bitstream(programs):
    """Those of the net are kept; those of another net are refused."""
    compiled, _, _ = small(1)
    images = compiled.executable.images
    held = {"weights": images.weights, "biases": images.biases}
    with BoardModel.of(CONFIG, **held) as board:
        for seed, status in ((1, 0), (2, 1)):
            header, given, expected = infers(seed, CONFIG)
            program = programs.compile("infer", "net.h", header)
            with BoardTerminal(board) as terminal:
                done = programs.run(program, terminal.port, given=given)
            assert done.returncode == status
            assert done.stdout == (expected if status == 0 else "")
    assert "runs the net whose weights they are" in done.stderr


@pytest.mark.parametrize("says, message", [
    (b"", "the board must answer, but does not"),
    (bytes(range(1, 200)) * 50, "the board must answer, but does not"),
])
def test_what_is_no_board(programs, says, message):
    header = infers(1, CONFIG)[0]
    program = programs.compile("infer", "net.h", header, "-DCLOSTORUS_SILENT_READS=20u")
    mine, theirs = pty.openpty()
    tty.setraw(theirs)
    os.set_blocking(mine, False)
    ends = threading.Event()

    def talk():
        while not ends.is_set():
            with contextlib.suppress(BlockingIOError):  # It is full while the host does not read.
                os.write(mine, says[:500])
            ends.wait(0.01)

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        done = programs.run(program, os.ttyname(theirs))
    finally:
        ends.set()
        thread.join()
        os.close(mine)
        os.close(theirs)
    assert done.returncode == 1 and message in done.stderr


def test_no_port(programs):
    program = programs.compile("infer", "net.h", infers(1, CONFIG)[0])
    assert "must be a serial port" in programs.run(program, programs.folder / "none").stderr
