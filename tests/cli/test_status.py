"""Exit statuses: every error that a user can cause has one, and no other error has."""

import pytest

from fpga.errors import FlowFailed, FpgaToolMissing
from golden.errors import GoldenError
from golden.system.ending import said
from golden.system.status import exit_status
from hw.config import ConfigError
from sim.errors import BuildFailed, SimError, ToolMissing
from sw_driver.errors import DriverError, WorkerLost


@pytest.mark.parametrize(("error", "status"), [
    (SimError, 1), (BuildFailed, 1), (FlowFailed, 1),
    (DriverError, 2), (GoldenError, 2), (ConfigError, 2), (WorkerLost, 2), (OSError, 2),
    (ToolMissing, 3), (FpgaToolMissing, 3),
    (KeyboardInterrupt, 130),
    (ValueError, None), (RuntimeError, None), (AssertionError, None),
])
def test_status(error, status):
    assert exit_status(error("what went wrong")) == status


@pytest.mark.parametrize(("error", "text"), [
    (OSError(28, "No space left on device"), "No space left on device"),
    (FileNotFoundError(2, "No such file or directory", "a/b"), "a/b: No such file or directory"),
])
def test_what_the_system_refuses_is_bad_input(error, text):
    assert (exit_status(error), said(error)) == (2, text)
    assert (exit_status(OSError("a\n library")), said(OSError("a\n library"))) == (2, "a library")
    assert said(DriverError("bad")) == "bad" and said(KeyboardInterrupt()) == "stopped"
