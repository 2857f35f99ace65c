"""`CheckedModel`: a torus with `checks`, whose flags of faults can be read."""

import ctypes
from collections.abc import Sequence
from pathlib import Path

from .build import Kind, Waveforms
from .harness_functions import FUNCTIONS
from .library import Function, load_model
from .native import NativeModel

__all__ = ["CheckedModel"]

_FUNCTIONS: tuple[Function, ...] = (
    *FUNCTIONS,
    ("model_fault_bytes", ctypes.c_uint32, []),
    ("model_faults", None, [ctypes.c_void_p, ctypes.c_void_p]),
)


class CheckedModel(NativeModel):
    """What a `NativeModel` is, of a top that also has the port `faults` (`hw.top`)."""

    def _load(self, verilog: str, top: str, trace: Path | None, readable: Sequence[str],
              accessible: Sequence[str]) -> ctypes.CDLL:
        return load_model(
            verilog, top, Kind.CHECKED, _FUNCTIONS,
            waveforms=None if trace is None else Waveforms.of(trace),
            readable=readable, writable=accessible)

    def faults(self) -> int:
        """Return the bits of the port `faults` after the latest clock cycle, as one number."""
        with self._turn:
            held = ctypes.create_string_buffer(self._library.model_fault_bytes())
            self._library.model_faults(self._open(), held)
        return int.from_bytes(held.raw, "little")
