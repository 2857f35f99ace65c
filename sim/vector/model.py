"""`VectorModel`: a host top of which all copies of a module are computed side by side."""

import ctypes
from collections.abc import Sequence
from pathlib import Path

from ..errors import VectorRefused
from ..model.harness_functions import FUNCTIONS
from ..model.library import load_library
from ..model.native import NativeModel
from ..model.variables import Variable
from .build import build_vector

__all__ = ["VectorModel"]

# Those of variables have no use in it.
_FUNCTIONS = tuple(function for function in FUNCTIONS if function[0] not in (
    "model_add_probe", "model_add_variable", "model_find", "model_span_count", "model_take_spans"))


class VectorModel(NativeModel):
    """What a `NativeModel` is, in every beat and its cycle, and faster for a torus of many PEs.

    It writes no waveforms, records no spans and finds no variables.

    Raises
    ------
    VectorRefused
        A trace, probes or accessible variables are asked for, or as
        `sim.vector.build.build_vector`.
    """

    def spans(self) -> list[list[tuple[int, int]]]:
        """None: there are no probes."""
        return []

    def variable(self, scope: str, name: str) -> Variable:
        """Refuse; see `NativeModel.variable`."""
        raise VectorRefused(f"the vector engine keeps no registers by their names, so it does not "
                            f"find {scope}.{name}: take the engine verilator")

    def _load(self, verilog: str, top: str, trace: Path | None, readable: Sequence[str],
              accessible: Sequence[str]) -> ctypes.CDLL:
        if trace is not None:
            raise VectorRefused(f"the vector engine writes no waveforms: leave out the trace "
                                f"{trace}, or take the engine verilator")
        if readable or accessible:
            names = ", ".join(sorted({*readable, *accessible}))
            raise VectorRefused("the vector engine keeps no registers by their names, so it does "
                                f"not record or read {names}: take the engine verilator")
        return load_library(lambda again: build_vector(verilog, top, again=again), _FUNCTIONS)
