"""Which engine simulates a torus: Verilator, or the vector engine of `sim.vector`."""

from collections.abc import Sequence
from pathlib import Path

from hw.tops import TOPS

from ..errors import SimError, VectorRefused
from ..model.checked import CheckedModel
from ..model.native import NativeModel
from ..model.transfers import Probe
from ..vector.model import VectorModel
from ..vector.processor import has_avx2

__all__ = ["ENGINES", "LEAST_VECTOR_PES", "check_engine", "open_model"]

ENGINES = ("auto", "vector", "verilator")
"""What simulates: with `auto`, the vector engine if it pays and can, else Verilator."""

LEAST_VECTOR_PES = 64
"""From so many PEs on `auto` takes the vector engine, which computes so many at once."""


def check_engine(engine: str, *, trace: Path | None = None) -> None:
    """Refuse an engine that is none, or that cannot do what is asked for.

    Raises
    ------
    SimError
        There is no such engine.
    VectorRefused
        The vector engine is to write waveforms.
    """
    if engine not in ENGINES:
        raise SimError(f"engine must be {', '.join(ENGINES[:-1])} or {ENGINES[-1]}, "
                       f"not {engine!r}")
    if engine == "vector" and trace is not None:
        raise VectorRefused("the vector engine writes no waveforms: leave out the trace "
                            f"{trace}, or take the engine verilator")


def open_model(engine: str, pes: int, verilog: str, *, trace: Path | None = None,
               probes: Sequence[Probe] = (), accessible: Sequence[str] = (),
               checks: bool = False) -> NativeModel:
    """Build the model of a torus of so many PEs, or take a built one from the cache.

    Parameters
    ----------
    engine
        One of `ENGINES`.
    pes
        Processing elements of the torus.
    verilog
        Of a torus, as `sim.model.emitted` gives it.
    trace, probes, accessible
        See `NativeModel`.
    checks
        Whether the torus has `checks`; the model is then a `CheckedModel`, of Verilator.

    Raises
    ------
    VectorRefused
        The engine is `vector`, and cannot simulate this.
    ToolMissing, BuildFailed, StorageError, SimError
        As `NativeModel`.
    """
    check_engine(engine, trace=trace)
    options = {"trace": trace, "probes": probes, "accessible": accessible}
    if checks and engine == "vector":
        raise VectorRefused("the vector engine cannot tell the faults of a torus with checks: take "
                            "the engine verilator, or auto")
    if checks:
        return CheckedModel(verilog, TOPS["torus"], **options)
    if engine == "vector":
        return VectorModel(verilog, TOPS["torus"], **options)
    if engine == "auto" and trace is None and pes >= LEAST_VECTOR_PES and has_avx2():
        try:
            return VectorModel(verilog, TOPS["torus"], **options)
        except VectorRefused:  # Verilator simulates every design.
            pass
    return NativeModel(verilog, TOPS["torus"], **options)
