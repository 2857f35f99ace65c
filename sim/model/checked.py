"""`CheckedModel`: a torus with `checks`, whose flags of faults can be read."""

import ctypes

from .build import Kind
from .harness_functions import FUNCTIONS
from .native import NativeModel

__all__ = ["CheckedModel"]


class CheckedModel(NativeModel):
    """What a `NativeModel` is, of a top that also has the port `faults` (`hw.top`)."""

    _KIND = Kind.CHECKED
    _FUNCTIONS = (
        *FUNCTIONS,
        ("model_fault_bytes", ctypes.c_uint32, []),
        ("model_faults", None, [ctypes.c_void_p, ctypes.c_void_p]),
    )

    def faults(self) -> int:
        """Return the bits of the port `faults` after the latest clock cycle, as one number."""
        with self._turn:
            held = ctypes.create_string_buffer(self._library.model_fault_bytes())
            self._library.model_faults(self._open(), held)
        return int.from_bytes(held.raw, "little")
