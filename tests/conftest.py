"""Options and fixtures of the whole test suite."""

import os
import re
import shutil

import pytest

from sim.errors import ToolMissing
from sim.toolchain import find_toolchain, waves_wanted

# PyTorch reads it as it is imported, here and in what tests start: there is a worker for every
# core already, and threads that wait for each other take as long as those that compute.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# What tests share asserts, too; it then says what it compared.
pytest.register_assert_rewrite("tests.support")


def pytest_collection_modifyitems(items):
    """Refuse names of cases that another process would give otherwise."""
    for item in items:
        if re.search("0x[0-9a-f]{6,}", item.nodeid):
            raise pytest.UsageError(f"{item.nodeid} holds an address: give its cases ids")


def pytest_addoption(parser):
    parser.addoption(
        "--waves", action="store_true", default=waves_wanted(),
        help="cocotb benches write waveforms (also: CLOSTORUS_WAVES=1); with -rP, pytest prints "
             "where they are")


@pytest.fixture
def waves(request):
    """Whether cocotb benches are to write waveforms: the option `--waves`."""
    return request.config.getoption("--waves")


@pytest.fixture(scope="session")
def toolchain():
    """The tools of a simulation; without them the tests that need them fail, in one line."""
    try:
        return find_toolchain()
    except ToolMissing as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def icarus():
    """Skip what needs Icarus Verilog where it is not installed: `make` does not ask for it."""
    if shutil.which("iverilog") is None:
        pytest.skip("Icarus Verilog is not on PATH: apt-get install iverilog")
