"""Serial ports that are none, that go away, or that have something else at their other end."""

import os
import re
import threading
import time
import tty
from pathlib import Path

import pytest
import serial

from sw_driver.errors import LinkError
from sw_driver.serial import Connection, Patience
from sw_driver.serial.frames import cobs_decode
from tests.support.command_line import clostorus


@pytest.fixture
def terminal():
    """Both ends of a pseudo-terminal, and the name of the host's."""
    mine, theirs = os.openpty()
    ends = [mine, theirs]
    yield ends, os.ttyname(theirs)
    for end in ends:
        os.close(end)


def test_ports_that_are_none(tmp_path):
    (tmp_path / "file").write_text("no terminal")
    for port in (tmp_path / "none", tmp_path / "file", tmp_path):
        with pytest.raises(LinkError, match=f"port must be a serial port .*{re.escape(str(port))}"):
            Connection(str(port))


@pytest.mark.parametrize("echoes", [False, True])
def test_not_a_clostorus(echoes):
    mine, theirs = os.openpty()
    ends = threading.Event()

    def echo():
        os.set_blocking(mine, False)
        while not ends.is_set():
            try:
                os.write(mine, os.read(mine, 100))
            except BlockingIOError:
                time.sleep(0.005)

    thread = threading.Thread(target=echo)
    if echoes:
        thread.start()
    try:
        with pytest.raises(LinkError, match="must have a Clostorus at its other end, at 1000000"):
            Connection(os.ttyname(theirs), patience=Patience(answer_s=0.5))
    finally:
        ends.set()
        if echoes:
            thread.join()
        os.close(mine)
        os.close(theirs)


@pytest.mark.parametrize("drawn", [0, 5, 126])
def test_the_next_session_on_a_port_is_another(terminal, monkeypatch, tmp_path, drawn):
    (mine, theirs), port = terminal
    tty.setraw(theirs)
    (tmp_path / "link").symlink_to(port)
    monkeypatch.setattr("secrets.randbelow", lambda below: drawn)
    sessions = []
    for name in (port, tmp_path / "link", port):
        with pytest.raises(LinkError, match="must have a Clostorus"):
            Connection(str(name), patience=Patience(answer_s=0.3))
        frames = [cobs_decode(part) for part in os.read(mine, 1000).split(b"\0") if part]
        numbers = {frame[0] for frame in frames}
        assert len(numbers) == 1 and numbers <= set(range(128, 256))  # They are OPENs.
        sessions += numbers
    assert sessions[0] != sessions[1] != sessions[2]


@pytest.mark.parametrize("port", [3, None, Path("/dev/ttyUSB0")])
def test_a_port_is_a_name(port):
    with pytest.raises(LinkError, match="port must be the name of one, such as .*, not"):
        Connection(port)


@pytest.mark.parametrize("baud", [-1, 1 << 31, 99_999_999_999])
def test_rates_that_no_port_has(terminal, baud):
    _, name = terminal
    with pytest.raises(LinkError, match=f"baud must be a rate that port {name} has, not {baud}"):
        Connection(name, baud=baud)


@pytest.mark.parametrize("baud", [-1, 1, 9_599, 12_000_001, 99_999_999_999])
@pytest.mark.parametrize("command", ["run model.ctz", "train -o model.pt"])
def test_rates_that_no_board_has(tmp_path, monkeypatch, baud, command):
    monkeypatch.chdir(tmp_path)
    result = clostorus(*command.split(), "--device", "serial", "--port", "none", "--baud", baud)
    assert (result.exit_code, result.stdout) == (2, "")
    bound = "greater than or equal to 9600" if baud < 9_600 else "less than or equal to 12000000"
    assert "--baud" in result.stderr and bound in result.stderr


@pytest.mark.parametrize("name", ["_reset_input_buffer", "reset_input_buffer", "read", "write"])
def test_a_port_that_goes_while_it_is_opened(terminal, monkeypatch, name):
    ends, port = terminal
    act = getattr(serial.Serial, name)

    def unplugged(*arguments):
        while ends:
            os.close(ends.pop())
        return act(*arguments)

    monkeypatch.setattr(serial.Serial, name, unplugged)
    message = "must be a serial port that can be opened" if name[0] == "_" else "but is gone"
    with pytest.raises(LinkError, match=message):
        Connection(port, patience=Patience(answer_s=0.5))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), LinkError("silence")])
def test_a_port_is_free_again_if_its_opening_is_broken_off(terminal, monkeypatch, error):
    _, port = terminal

    def broken(connection, *arguments, **options):
        raise error

    monkeypatch.setattr(Connection, "_pump", broken)
    with pytest.raises(type(error)) as caught:
        Connection(port)
    assert caught.tb is not None  # It keeps what was made alive.
    serial.Serial(port, exclusive=True).close()
