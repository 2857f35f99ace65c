"""`clostorus board --simulate`: a port that hosts open, until the user ends it."""

import json
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

from sw_driver import GoldenDevice, save_artifact
from sw_driver.serial import Patience, SerialDevice
from tests.support.boards import CONFIG, small
from tests.support.command_line import fail
from tests.support.stopped import HEEDS_CTRL_C, ended_with_the_test

PATIENCE = Patience(answer_s=30.0, poll_s=0.2)


@pytest.fixture
def file(tmp_path):
    """A compiled net for the torus of other tests' boards."""
    compiled, _, _ = small(1)
    save_artifact(tmp_path / "net.ctz", compiled)
    return tmp_path / "net.ctz"


def test_a_host_finds_it_and_ctrl_c_ends_it(toolchain, file, tmp_path):
    compiled, words, expected = small(1)
    assert compiled.config == CONFIG
    link = tmp_path / "board"
    command = [*HEEDS_CTRL_C, sys.executable, "-m", "sw_driver.cli", "board", "--simulate",
               "--config-from", file, "--link", link, "--damage-per-mille", "2", "--json"]
    with ended_with_the_test(subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)) as board:
        assert board.stdout is not None
        assert board.stdout.readline() == f"{link}\n"
        with SerialDevice(str(link), patience=PATIENCE) as serial, GoldenDevice() as golden:
            for device in (serial, golden):
                device.load(compiled)
            np.testing.assert_array_equal(serial.infer_words(words), expected)
        board.send_signal(signal.SIGINT)
        _, errors = board.communicate(timeout=30)
    assert board.returncode == 130, errors
    assert "Traceback" not in errors
    assert not os.path.lexists(link)


def test_it_ends_by_itself(toolchain, file):
    from tests.support.command_line import succeed

    out = succeed("board", "--simulate", "--config-from", file, "--seconds", "0.3").output
    assert re.match(r"/dev/pts/\d+\n", out)
    assert "bytes to board     0" in out
    out = succeed("board", "--simulate", "--config-from", file, "--seconds", "0", "--json").output
    port, _, text = out.partition("\n")
    found = json.loads(text)
    assert (found["port"], found["damaged_bytes"]) == (port, 0)


@pytest.mark.parametrize("arguments, message", [
    ((), "board needs --simulate"),
    (("--simulate",), "one of --config-from, --bake and --torus must name a torus"),
    (("--simulate", "--torus", "1x1", "--link", "{taken}"), "link must be a name that is free"),
    (("--simulate", "--torus", "1x1", "--link", "none/board"), "link must lie in a folder"),
    (("--simulate", "--board", "ulx3s-85f"), "board needs --torus"),
    (("--simulate", "--torus", "1x1", "--board", "none"), "board must be"),
    (("--simulate", "--torus", "0x1"), "torus"),
    (("--simulate", "--config-from", "{taken}", "--train"), "train is for --torus"),
])
def test_refusals(file, arguments, message):
    fail(2, message, "board", *(one.format(taken=file) for one in arguments))
