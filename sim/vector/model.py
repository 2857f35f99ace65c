"""`VectorModel`: a host top of which all copies of a module are computed side by side."""

import ctypes
from collections.abc import Sequence
from pathlib import Path

from ..errors import VectorRefused
from ..model.harness_functions import FUNCTIONS
from ..model.library import load_library
from ..model.native import NativeModel
from .build import build_vector

__all__ = ["VectorModel"]


class VectorModel(NativeModel):
    """What a `NativeModel` is, in every beat and its cycle, and faster for a torus of many PEs.

    It writes no waveforms.

    Raises
    ------
    VectorRefused
        A trace is asked for, or as `sim.vector.build.build_vector`.
    """

    def _load(self, verilog: str, top: str, trace: Path | None, readable: Sequence[str],
              accessible: Sequence[str]) -> ctypes.CDLL:
        if trace is not None:
            raise VectorRefused(f"the vector engine writes no waveforms: leave out the trace "
                                f"{trace}, or take the engine verilator")
        return load_library(lambda again: build_vector(verilog, top, again=again), [f for f in FUNCTIONS if f[0] not in ("model_add_probe","model_add_variable","model_find","model_span_count","model_take_spans")])
