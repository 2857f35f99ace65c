"""A simulated board behind a pseudo-terminal, and the real `SerialDevice` on it, word for word."""

import dataclasses
import os
import time

import numpy as np
import pytest
import serial
import torch

from fpga.board_design import TOP, board_design
from fpga.boards import BOARDS
from fpga.pll import Clock
from golden import ClosNet, ClosShape
from golden.data import datasets
from golden.vectors.nets import random_net
from hw.config import TorusConfig
from sim.model.board import SIM_LINK, BoardModel
from sim.model.board_terminal import BoardTerminal
from sim.model.wire import Damage
from sw_driver import GoldenDevice, compile, save_artifact
from sw_driver.errors import DriverError, LinkError
from sw_driver.program.executable import Executable
from sw_driver.serial import Connection, Patience, SerialDevice
from sw_driver.serial.frames import END, HostFrame, encode_host_frame
from sw_driver.train.model_file import default_shapes
from tests.support.boards import CONFIG, small
from tests.support.command_line import fail, succeed
from tests.support.link_bench import Host

pytestmark = pytest.mark.usefixtures("toolchain")

# A busy machine may leave a simulated board without a processor for long.
PATIENCE = Patience(answer_s=30.0, poll_s=0.2)


@pytest.fixture(scope="module")
def board():
    with BoardModel.of(CONFIG) as board:
        yield board


@pytest.fixture
def terminal(board):
    with BoardTerminal(board) as terminal:
        yield terminal


@pytest.fixture(scope="module")
def digits():
    """A net for digits, compiled, with 360 test samples as words and what they must give."""
    split = datasets.load("digits")
    net = ClosNet(default_shapes("digits"), generator=torch.Generator().manual_seed(0))
    compiled = compile(net, CONFIG, torch.as_tensor(split.train_x))
    with GoldenDevice() as golden:
        golden.load(compiled)
        words = golden.to_words(split.test_x)
        return compiled, words, golden.infer_words(words)


def device(terminal, patience=PATIENCE):
    return SerialDevice(terminal.port, patience=patience)


# Steady after 200 cycles, and then off the clock of its pin by half a cycle.
PLL_MODEL = """
module pll(input in, output out, output locked);
  reg [7:0] waited = 0;
  assign out = ~in;
  assign locked = waited == 200;
  always @(posedge in)
    waited <= locked ? waited : waited + 1;
endmodule
"""


@pytest.mark.slow
def test_a_torus_behind_a_pll():
    """The pins of a real board around it: the oscillator goes to a PLL, a light is inverted."""
    clock = Clock(SIM_LINK.clock_hz, PLL_MODEL, ("in", "out", "locked"))
    design = board_design(BOARDS["icebreaker"], CONFIG, SIM_LINK, clock=clock)
    shell = f"""{design}
module shell(input clk, input rst, input rx, output tx, output led);
  {TOP} {TOP} (.clk(clk), .rx(rx), .tx(tx), .led(led));
endmodule
"""
    compiled, words, expected = small(9)
    with (BoardModel(shell, "shell", SIM_LINK.bit_cycles) as board,
          BoardTerminal(board) as terminal, device(terminal) as serial_device):
        deadline = time.monotonic() + 30  # The terminal's thread begins when it can.
        while not board.led:
            assert time.monotonic() < deadline
        serial_device.load(compiled)
        np.testing.assert_array_equal(serial_device.infer_words(words), expected)
        assert not board.led


def check_digits(terminal, digits):
    compiled, words, expected = digits
    with device(terminal) as serial_device:
        serial_device.load(compiled)
        np.testing.assert_array_equal(serial_device.infer_words(words), expected)
        run, figures = serial_device.last_run, serial_device.figures
    assert (run.samples, figures.damaged, figures.resent) == (360, 0, 0)
    # An input word is 2 bytes, an output one, too; in beats of 4.
    assert run.bytes_sent > 360 * 64 * 2 and run.bytes_received == 360 * 10 * 2


def test_digits(terminal, digits):
    check_digits(terminal, digits)


@pytest.mark.slow
def test_digits_with_registers_behind_the_memories(digits):
    """The link of every ECP5 board."""
    with (BoardModel.of(CONFIG, dataclasses.replace(SIM_LINK, registered=True)) as board,
          BoardTerminal(board) as terminal):
        check_digits(terminal, digits)


def test_samples_keep_the_wire_busy(board, digits):
    compiled, words, expected = digits
    # In simulated time: on a terminal it would depend on how busy the machine is.
    host = Host(board, session=1)
    host.open()
    host.end.send(compiled.executable.load().beats.astype("<u4").tobytes())
    host.run(lambda: not host.end.unacknowledged)
    host.to_board.clear()
    host.from_board.clear()
    run = compiled.executable.infer(words[:100])
    data = run.beats.astype("<u4").tobytes()
    host.end.send(data)
    host.run(lambda: len(host.end.received) == 4 * run.output_beats)
    beats = np.frombuffer(bytes(host.end.received), "<u4").reshape(-1, 1)
    np.testing.assert_array_equal(compiled.executable.decode(beats), expected[:100])
    cycles = host.from_board.last_cycle - host.to_board.first_cycle + board.byte_cycles
    utilisation = len(data) * board.byte_cycles / cycles
    print(f"{len(data)} bytes in {cycles} cycles: {utilisation:.1%} of the line rate")
    assert utilisation >= 0.90


def test_nets_one_after_another(terminal):
    with device(terminal) as serial_device:
        for seed in (1, 2):
            compiled, words, expected = small(seed)
            serial_device.load(compiled)
            np.testing.assert_array_equal(serial_device.infer_words(words), expected)
            np.testing.assert_array_equal(serial_device.infer_words(words[:1]), expected[:1])


def test_more_samples_than_one_program(terminal, monkeypatch):
    monkeypatch.setattr("sw_driver.device.torus_device._MOST_SAMPLES", 7)
    compiled, words, expected = small(3)
    with device(terminal) as serial_device:
        serial_device.load(compiled)
        np.testing.assert_array_equal(serial_device.infer_words(words), expected)


def test_damage(board):
    compiled, words, expected = small(4)
    with BoardTerminal(board, Damage(10, seed=4)) as terminal:
        with device(terminal, Patience(answer_s=30.0)) as serial_device:
            serial_device.load(compiled)
            np.testing.assert_array_equal(serial_device.infer_words(words), expected)
            figures = serial_device.figures
        assert terminal.to_board.damaged and terminal.from_board.damaged
    assert figures.damaged and figures.resent and figures.retries >= figures.resent


@pytest.mark.slow
def test_damage_over_ten_thousand_frames(board):
    cases = [small(seed) for seed in (5, 6)]
    frames = retries = 0
    with BoardTerminal(board, Damage(10, seed=5)) as terminal:
        while terminal.to_board.frames + terminal.from_board.frames < 10_000:
            for compiled, words, expected in cases:
                with device(terminal, Patience(answer_s=30.0)) as serial_device:
                    serial_device.load(compiled)
                    np.testing.assert_array_equal(serial_device.infer_words(words), expected)
                    figures = serial_device.figures
                frames += figures.frames_sent + figures.frames_received
                retries += figures.retries
        damaged = terminal.to_board.damaged + terminal.from_board.damaged
    print(f"{frames} whole frames, {damaged} bytes damaged, {retries} retries")
    assert retries > 1000 and damaged > 1000


@pytest.mark.parametrize("error", [LinkError("silence"), KeyboardInterrupt()])
def test_a_run_that_is_broken_off_leaves_nothing(terminal, monkeypatch, error):
    compiled, words, expected = small(11)

    def broken(connection, count, progress=None):
        raise error

    with device(terminal) as serial_device:
        serial_device.load(compiled)
        with monkeypatch.context() as patch:
            patch.setattr(Connection, "receive", broken)
            with pytest.raises(type(error)):
                serial_device.infer_words(words)
        with pytest.raises(DriverError, match=r"must be loaded .*call load\(\)"):
            serial_device.infer_words(words[::-1])
        Connection(terminal.port, patience=PATIENCE).close()
        serial_device.load(compiled)
        np.testing.assert_array_equal(serial_device.infer_words(words[::-1]), expected[::-1])


def test_a_host_that_goes_away_in_the_middle(terminal):
    compiled, words, expected = small(7)
    frame = encode_host_frame(HostFrame(1, 0, 60, 0, 0, bytes(range(200))))
    with open(terminal.port, "wb", buffering=0) as port:
        port.write(END + frame[:len(frame) // 2])
    with Connection(terminal.port, patience=PATIENCE) as connection:
        # A program is begun, some of its samples are there, and then nothing more comes.
        beats = compiled.executable.infer(words).beats.astype("<u4").tobytes()
        connection.send(beats[:len(beats) // 2 // 4 * 4])
        connection.flush()
    with device(terminal) as serial_device:
        serial_device.load(compiled)
        np.testing.assert_array_equal(serial_device.infer_words(words), expected)


def test_another_torus_is_refused(terminal):
    other = TorusConfig(rows=1, cols=1, weight_words=4096)
    compiled = compile(random_net((ClosShape(20, 12, 5, 3, 4),), seed=1), other)
    with device(terminal) as serial_device:
        message = f"must be {other.hardware_id:016x}.* not {CONFIG.hardware_id:016x}"
        with pytest.raises(LinkError, match=message):
            serial_device.load(compiled)
        with pytest.raises(DriverError, match="a net must be loaded"):
            serial_device.infer_words(np.zeros((1, 20), np.int64))


@pytest.mark.slow
def test_weights_in_logic_serve_their_net_alone(monkeypatch):
    small_config = dataclasses.replace(CONFIG, weight_words=512, bias_words=32)
    compiled, words, expected = small(9, small_config)
    other, _, _ = small(10, small_config)
    images = compiled.executable.images
    loads = []
    monkeypatch.setattr(Executable, "load", lambda self: loads.append(self))
    with (BoardModel.of(small_config, weights=images.weights, biases=images.biases,
                        folded=True) as board,
          BoardTerminal(board) as terminal, device(terminal) as serial_device):
        serial_device.load(compiled)
        np.testing.assert_array_equal(serial_device.infer_words(words), expected)
        ids = other.executable.images.weights_id, images.weights_id
        with pytest.raises(LinkError, match="must be {:08x}, .* not {:08x}".format(*ids)):
            serial_device.load(other)
    assert not loads


def test_a_port_in_use(terminal):
    with Connection(terminal.port, patience=PATIENCE) as connection:
        with pytest.raises(LinkError, match="must be free, but another program uses it"):
            Connection(terminal.port)
        assert connection.hardware_id == CONFIG.hardware_id


def test_a_port_that_goes(board):
    terminal = BoardTerminal(board)
    with Connection(terminal.port, patience=PATIENCE) as connection:
        connection.send(bytes(400))
        terminal.close()
        with pytest.raises(LinkError, match="must stay there, but is gone"):
            connection.receive(4)


def test_a_board_that_falls_silent(board):
    mine, theirs = os.openpty()
    with BoardTerminal(board) as terminal:
        with Connection(terminal.port, patience=Patience(answer_s=3.0)) as connection:
            # The wires are pulled.
            connection._serial.close()
            connection._serial = serial.Serial(os.ttyname(theirs), timeout=0.005)
            with pytest.raises(LinkError, match="must answer within 3 s"):
                connection.receive(4)
    os.close(mine)
    os.close(theirs)


def test_a_torus_that_gives_nothing(terminal):
    with Connection(terminal.port, patience=Patience(answer_s=30.0, progress_s=0.5)) as connection:
        with pytest.raises(LinkError, match="must take or give a word within 0.5 s"):
            connection.receive(4)


def test_run_on_the_command_line(terminal, tmp_path):
    artifact = tmp_path / "net.ctz"
    compiled, words, expected = small(8)
    save_artifact(artifact, compiled)
    golden = GoldenDevice()
    golden.load(compiled)
    np.save(tmp_path / "x.npy", golden.to_reals(words)[:, :1] * np.ones(20) / 100)
    board = ("--device", "serial", "--port", terminal.port)
    outputs = tmp_path / "y.npy"
    result = succeed("--json", "run", artifact, *board, "--data", tmp_path / "x.npy", "-o", outputs)
    assert '"words_equal": 210' in result.stdout and '"frames_sent"' in result.stdout
    np.testing.assert_array_equal(np.load(outputs), golden.infer(np.load(tmp_path / "x.npy")))
    fail(2, "--port must name the serial port", "run", artifact, "--device", "serial")
    fail(2, "--port needs --device serial, not sim", "run", artifact, "--device", "sim", *board[2:])
    fail(2, "--baud needs --device serial, not golden", "run", artifact, "--baud", 9600)
    fail(2, "--timeline needs --device golden or sim", "run", artifact, *board, "--timeline",
         tmp_path / "t.json")
    fail(2, "--port must be the serial port", "run", artifact, "--device", "serial", "--port",
         tmp_path / "none", "--data", tmp_path / "x.npy")
