"""`FifoPort`: an FT2232H in synchronous FIFO mode, for `Connection`, in place of a serial port."""

import importlib
import time
from typing import Any

from sw_driver.errors import LinkError

__all__ = ["FIFO_SCHEME", "FifoPort"]

FIFO_SCHEME = "ftdi://"
_READ_S = 0.005
_CHUNK_BYTES = 1 << 16  # Of a transfer by USB.


class FifoPort:
    """Bytes to and from the chip at a URL of the package pyftdi, such as ftdi://ftdi:2232h/1.

    The EEPROM of the chip must say "245 FIFO" for this channel; the mode is set here (FTDI AN_130).

    Raises
    ------
    LinkError
        pyftdi is not installed, or there is no such chip that is free.
    """

    def __init__(self, url: str) -> None:
        try:
            ftdi: Any = importlib.import_module("pyftdi.ftdi").Ftdi
        except ModuleNotFoundError as error:
            raise LinkError(f"port {url} needs the package pyftdi, which is not installed: "
                            "pip install pyftdi") from error
        self._chip: Any = ftdi()
        try:
            self._chip.open_from_url(url)
            self._chip.set_bitmode(0xFF, ftdi.BitMode.SYNCFF)
            self._chip.set_flowctrl("hw")
            self._chip.read_data_set_chunksize(_CHUNK_BYTES)
            self._chip.write_data_set_chunksize(_CHUNK_BYTES)
        except (OSError, ValueError) as error:
            raise LinkError(f"port must be an FT2232H that can be opened, not {url}: "
                            f"{error}") from error

    @property
    def in_waiting(self) -> int:
        """How many bytes to ask for; the chip does not say how many there are."""
        return _CHUNK_BYTES

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes; none if none have come within 5 ms."""
        deadline = time.monotonic() + _READ_S
        while True:
            data = bytes(self._chip.read_data(size))
            if data or time.monotonic() >= deadline:
                return data

    def write(self, data: bytes) -> int:
        """Send all of `data`."""
        return self._chip.write_data(data)

    def reset_input_buffer(self) -> None:
        """Drop what has come."""
        self._chip.purge_rx_buffer()

    def close(self) -> None:
        """Let go of the chip."""
        self._chip.close()
