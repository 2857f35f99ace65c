"""Exit statuses: every error that a user can cause has one, and no other error has."""

import pytest

from fpga.errors import FlowFailed, FpgaToolMissing
from golden.errors import GoldenError
from hw.config import ConfigError
from sim.errors import BuildFailed, SimError, ToolMissing
from sw_driver.cli.status import exit_status
from sw_driver.errors import DriverError


@pytest.mark.parametrize(("error", "status"), [
    (SimError, 1), (BuildFailed, 1), (FlowFailed, 1),
    (DriverError, 2), (GoldenError, 2), (ConfigError, 2),
    (ToolMissing, 3), (FpgaToolMissing, 3),
    (KeyboardInterrupt, 130),
    (ValueError, None), (RuntimeError, None), (AssertionError, None),
])
def test_status(error, status):
    assert exit_status(error("what went wrong")) == status
