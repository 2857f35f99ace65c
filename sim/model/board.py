"""A Verilated board top in this process, with bytes for the bits of its UART."""

import ctypes
import threading
from types import TracebackType
from typing import Any

import numpy as np

from hw.config import TorusConfig
from hw.link_config import LinkConfig
from hw.tops import BOARD_MODULE, board_verilog

from ..errors import SimError
from .build import Kind
from .emitted import emitted_board
from .library import Function, load_model
from .transfers import Cycles

__all__ = ["BOARD_FUNCTIONS", "HANDLE", "SIM_LINK", "BoardModel"]

SIM_LINK = LinkConfig(clock_hz=4_000_000, baud=1_000_000)
"""As few cycles a bit as there may be: a simulated clock has no frequency of its own."""

_U64, HANDLE, _ARRAY = ctypes.c_uint64, ctypes.c_void_p, ctypes.c_void_p
_COUNT = ctypes.POINTER(_U64)
BOARD_FUNCTIONS: tuple[Function, ...] = (
    ("board_create", HANDLE, [ctypes.c_uint32]),
    ("board_destroy", None, [HANDLE]),
    ("board_cycles", _U64, [HANDLE]),
    ("board_led", ctypes.c_int, [HANDLE]),
    ("board_run", ctypes.c_int, [HANDLE, ctypes.c_char_p, _U64, _ARRAY, _COUNT,
                                 _ARRAY, _U64, _ARRAY, _COUNT, _U64]),
)
_BYTE_BITS = 10  # On the wire.


class BoardModel:
    """A board top, compiled and loaded; it starts as configured, without a reset.

    Calls of several threads take turns.

    Parameters
    ----------
    verilog
        A top with the ports clk, rst, rx, tx and led.
    top
        Name of its module.
    bit_cycles
        Clock cycles of a bit on rx and tx.

    Attributes
    ----------
    byte_cycles : int
        Clock cycles of a byte on a wire.

    Raises
    ------
    ToolMissing, BuildFailed, StorageError
        As `sim.model.build.build_model`.
    """

    def __init__(self, verilog: str, top: str, bit_cycles: int) -> None:
        self.byte_cycles = _BYTE_BITS * bit_cycles
        self._load(verilog, top, Kind.BOARD, BOARD_FUNCTIONS, bit_cycles)

    def _load(self, verilog: str, top: str, kind: Kind, functions: tuple[Function, ...],
              rate: int) -> None:
        """Compile the model and begin it; `rate` is what its harness takes."""
        self._library = load_model(verilog, top, kind, functions)
        self._turn = threading.RLock()
        self._handle: int | None = self._library.board_create(rate)

    @classmethod
    def of(cls, config: TorusConfig, link: LinkConfig = SIM_LINK, **weights: Any) -> "BoardModel":
        """A board with a torus of this configuration, and weights as `board_verilog` takes them."""
        verilog = board_verilog(config, link, **weights) if weights else emitted_board(config, link)
        return cls(verilog, BOARD_MODULE, link.bit_cycles)

    def close(self) -> None:
        """Free the model; it is of no use afterwards."""
        with self._turn:
            if self._handle is not None:
                self._library.board_destroy(self._handle)
                self._handle = None

    def __enter__(self) -> "BoardModel":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.close()

    def __del__(self) -> None:
        # A constructor that failed has made neither.
        if getattr(self, "_handle", None) is not None:
            self.close()

    @property
    def cycles(self) -> int:
        """Clock cycles since the creation of the model."""
        with self._turn:
            return self._library.board_cycles(self._open())

    @property
    def led(self) -> bool:
        """Whether a host has opened a session."""
        with self._turn:
            return bool(self._library.board_led(self._open()))

    def run(self, data: bytes, cycles: int) -> tuple[int, bytes, Cycles, Cycles]:
        """Run for `cycles`, with the bytes of `data` on the wire to the board as they fit.

        Returns how many of them have begun, the bytes that have come, and the cycle in which each
        of either began.
        """
        most = self._most_bytes(cycles)
        out = ctypes.create_string_buffer(most)
        in_cycles, out_cycles = np.zeros(len(data), np.uint64), np.zeros(most, np.uint64)
        taken, given = ctypes.c_uint64(), ctypes.c_uint64()
        with self._turn:
            failed = self._library.board_run(
                self._open(), data, len(data), in_cycles.ctypes.data, ctypes.byref(taken),
                out, most, out_cycles.ctypes.data, ctypes.byref(given), cycles)
        if failed > 1:
            raise SimError(f"the board broke a rule of the chip on its pins in cycle {self.cycles}")
        if failed:
            raise SimError(f"an assertion in the design failed in cycle {self.cycles - 1}")
        return (taken.value, out.raw[:given.value], in_cycles[:taken.value],
                out_cycles[:given.value])

    def _most_bytes(self, cycles: int) -> int:
        """How many bytes may come out in so many cycles."""
        return cycles // self.byte_cycles + 2

    def _open(self) -> int:
        if self._handle is None:
            raise SimError("the model is closed")
        return self._handle
