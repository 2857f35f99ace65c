"""A chip in FIFO mode as a port, with a stand-in for pyftdi."""

import enum
import sys
import types

import pytest

from sw_driver.errors import LinkError
from sw_driver.serial.connection import Connection, Patience
from sw_driver.serial.fifo_port import FifoPort

URL = "ftdi://ftdi:2232h/1"


class Chip:
    """What is used of `pyftdi.ftdi.Ftdi`; what is written comes back."""

    class BitMode(enum.IntFlag):
        SYNCFF = 0x40

    def __init__(self):
        self.calls, self.bytes = [], bytearray()

    def open_from_url(self, url):
        if "nothing" in url:
            raise OSError("No USB device matches URL")
        self.calls.append(url)

    def set_bitmode(self, bitmask, mode):
        self.calls.append((bitmask, int(mode)))

    def set_flowctrl(self, flow):
        self.calls.append(flow)

    def read_data_set_chunksize(self, size):
        self.calls.append(size)

    write_data_set_chunksize = read_data_set_chunksize

    def read_data(self, size):
        data = self.bytes[:size]
        del self.bytes[:size]
        return data

    def write_data(self, data):
        self.bytes += data
        return len(data)

    def purge_rx_buffer(self):
        self.bytes.clear()

    def close(self):
        self.calls.append("closed")


@pytest.fixture
def pyftdi(monkeypatch):
    package, module = types.ModuleType("pyftdi"), types.ModuleType("pyftdi.ftdi")
    module.Ftdi = Chip
    monkeypatch.setitem(sys.modules, "pyftdi", package)
    monkeypatch.setitem(sys.modules, "pyftdi.ftdi", module)


def test_bytes_go_through_the_chip(pyftdi):
    port = FifoPort(URL)
    assert port._chip.calls[:3] == [URL, (0xFF, 0x40), "hw"]
    assert port.read(port.in_waiting) == b""
    assert port.write(b"abc") == 3 and port.read(2) == b"ab" and port.read(9) == b"c"
    port.write(b"more")
    port.reset_input_buffer()
    assert port.read(9) == b""
    port.close()
    assert port._chip.calls[-1] == "closed"


def test_what_echoes_is_no_board(pyftdi):
    with pytest.raises(LinkError, match="must have a Clostorus at its other end"):
        Connection(URL, patience=Patience(answer_s=0.1, poll_s=0.02))


def test_no_chip_and_no_package(pyftdi, monkeypatch):
    with pytest.raises(LinkError, match="must be an FT2232H that can be opened, not ftdi://nothing"):
        Connection("ftdi://nothing/1")
    monkeypatch.setitem(sys.modules, "pyftdi.ftdi", None)
    with pytest.raises(LinkError, match="needs the package pyftdi, which is not installed"):
        Connection(URL)
