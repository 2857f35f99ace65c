"""The help of every command: it teaches by example, and comes at once."""

import re
import subprocess
import sys
import time

import pytest

from hw.tops import TOPS
from tests.support.command_line import COMMANDS, succeed


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_teaches_by_example(command):
    text = succeed(command, "--help").stdout
    examples = text.split("Examples:")[1].strip().splitlines()
    assert len(examples) >= 2
    assert all(line.strip().startswith(f"clostorus {command} ") for line in examples)


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_use_options_that_exist(command):
    text, examples = succeed(command, "--help").stdout.split("Examples:")
    for option in re.findall(r"(?<= )--?[a-z-]+", examples):
        assert re.search(rf"(^|\s){option}\b", text), option


def test_help_lists_the_tops_that_there_are():
    assert "|".join(TOPS) in succeed("verilog", "--help").stdout


def test_help_comes_at_once():
    """Neither PyTorch nor Amaranth is imported for it."""
    start = time.perf_counter()
    command = [sys.executable, "-X", "importtime", "-m", "sw_driver.cli", "run", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert time.perf_counter() - start < 5
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert "typer" in imported
    slow = imported & {"torch", "amaranth", "sklearn", "matplotlib", "networkx"}
    assert not slow
