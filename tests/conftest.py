"""Options and fixtures of the whole test suite."""

import pytest

from sim.errors import ToolMissing
from sim.toolchain import find_toolchain, waves_wanted


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
