"""A Verilated board top behind a model of an FT2232H in synchronous FIFO mode."""

import ctypes
from typing import Any

from hw.config import TorusConfig
from hw.link_config import LinkConfig
from hw.tops import BOARD_MODULE, board_verilog

from .board import BOARD_FUNCTIONS, HANDLE, BoardModel
from .build import Kind
from .emitted import emitted_board

__all__ = ["CHIP_HZ", "FIFO_LINK", "FifoBoardModel"]

CHIP_HZ = 60_000_000
FIFO_LINK = LinkConfig(clock_hz=50_000_000, buffer_bytes=16_384, fifo=True)

_FUNCTIONS = (*BOARD_FUNCTIONS,
              ("board_pause", None, [HANDLE, ctypes.c_uint32, ctypes.c_uint32]))
_SLICE_CYCLES = 40  # For a byte, as on the fastest simulated UART: how often a terminal looks.


class FifoBoardModel(BoardModel):
    """A board top with the pins of `hw.bus.ft245.Ft245`; the chip's model checks every edge.

    The chip has no buffers of its own, and no USB behind it: a byte that is there may come at the
    next edge of its 60 MHz.

    Parameters
    ----------
    verilog, top
        As for `BoardModel`.
    clock_hz
        Of the board.

    Raises
    ------
    ToolMissing, BuildFailed, StorageError
        As `sim.model.build.build_model`.
    """

    def __init__(self, verilog: str, top: str, clock_hz: int) -> None:
        self._clock_hz = clock_hz
        self.byte_cycles = _SLICE_CYCLES
        self._load(verilog, top, Kind.FIFO_BOARD, _FUNCTIONS, clock_hz)

    @classmethod
    def of(cls, config: TorusConfig, link: LinkConfig = FIFO_LINK,
           **weights: Any) -> "FifoBoardModel":
        """A board as `BoardModel.of` makes one."""
        verilog = board_verilog(config, link, **weights) if weights else emitted_board(config, link)
        return cls(verilog, BOARD_MODULE, link.clock_hz)

    def pause(self, per_mille: int, seed: int) -> None:
        """Have RXF# or TXE# rise for 1 to 30 edges, so often of 1000 edges."""
        with self._turn:
            self._library.board_pause(self._open(), per_mille, seed)

    def _most_bytes(self, cycles: int) -> int:
        return cycles * CHIP_HZ // self._clock_hz + 2
