"""The command line, run in this process: what it ends with and what it says."""

import re

from typer.testing import CliRunner

from sw_driver.cli import app

LAYERS = ("--layer", "64,16,8,2,4", "--layer", "16,10,4,2,2")
COMMANDS = (
    "train", "compile", "run", "verilog", "info", "verify", "bench", "analyse", "area", "build",
    "plan", "experiment", "explore", "export", "board", "report", "wave", "fuzz",
)  # fmt: skip


def clostorus(*arguments):
    """Run a command; the result has exit_code, stdout and stderr."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def succeed(*arguments):
    result = clostorus(*arguments)
    assert result.exit_code == 0, result.stderr
    return result


def fail(status, message, *arguments):
    """Run a command that must end with this status and one line on standard error."""
    result = clostorus(*arguments)
    assert result.exit_code == status, result.output
    assert result.stdout == ""
    assert re.fullmatch(f"clostorus: .*{message}.*\n", result.stderr), result.stderr
