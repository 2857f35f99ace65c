"""From Verilog text to a built model, each built once: the cache is keyed by all that goes in.

These kinds of model come from what `simplify` makes of the same Verilog, with the same warnings; a
model that writes waveforms comes from the Verilog itself.

- `cocotb`: a program with a VPI interface, in which only the top module's ports are public. (Where
  cocotb builds itself, every signal is public: a torus then builds and runs half as fast.)
- `native`: a shared library with the C interface of `sim/model/harness.cpp`.
- `checked`: one with that of `sim/model/checked_harness.cpp`, of a torus with `checks`.
- `board`: one with that of `sim/model/uart_harness.cpp`.
- `fifo_board`: one with that of `sim/model/fifo_harness.cpp`.
- `axi`, `wishbone`: one with that of `sim/model/bus_harness.cpp`.

Verilator's own makefile is not used: it gives every file a compiler of its own, each of which reads
Verilator's headers for a second.
"""

import dataclasses
import os
from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import Path

import cocotb_tools.config

from sw_driver.system.children import in_parallel

from ..toolchain import Toolchain, find_toolchain
from .cache import cached
from .fst_libraries import FST_CHECKS, FST_LINK_FLAGS, check_fst_libraries, write_fst_checks
from .lint import WAIVERS
from .simplify import simplifier_version, simplify
from .trace_text import traceable

__all__ = ["Kind", "Waveforms", "build_model"]

_HARNESS = Path(__file__).with_name("harness.cpp")
_HEADERS = tuple(Path(__file__).with_name(f"harness_{name}.h")
                 for name in ("context", "stalls", "probes", "trace"))
_CHECKED_HARNESS = Path(__file__).with_name("checked_harness.cpp")
_UART_HARNESS = Path(__file__).with_name("uart_harness.cpp")
_FIFO_HARNESS = Path(__file__).with_name("fifo_harness.cpp")
_BUS_HARNESS = Path(__file__).with_name("bus_harness.cpp")
_MAX_JOBS = 4

# Measured on a 4x4 torus, cycles/s: -O1 206,000, -O2 209,000 (compiled in 1.4 times as long),
# -O3 193,000, -Os 161,000. Verilator has optimised already.
_CXX_OPTIMISATION = "-O1"
# One compiler more pays for itself from here on.
_LEAST_GROUP_BYTES = 1_000_000

# Everything in Verilator's runtime that some model may link with. It does not depend on the model,
# and takes longer to compile than a small one, so it is built once.
_RUNTIME_SOURCES = ("verilated", "verilated_threads", "verilated_vpi")
# Two libraries in one process must not share the runtime's statics: no symbol is unique or visible.
_LIBRARY_CXX_FLAGS = ("-fPIC", "-fno-gnu-unique")
_LIBRARY_LINK_FLAGS = ("-shared", "-Wl,--exclude-libs,ALL")
# Without these Verilator gives what it makes of an expression, and the index of each lookup table
# that it makes of some logic, a number of its own in each instance, and no two instances have the
# same code. That of 64 PEs that train, 2 MB, fits into no near cache: an 8x8 torus takes 3.1 times
# as long, a 4x4 torus 1.2 times.
_SHARED_CODE = ("-fno-dfg", "-fno-table")
_NO_FEATURES = ("-DVERILATOR=1", "-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TIMING=0")


class Kind(Enum):
    """What a model is built for."""

    COCOTB = "cocotb"
    NATIVE = "native"
    CHECKED = "checked"
    BOARD = "board"
    FIFO_BOARD = "fifo_board"
    AXI = "axi"
    WISHBONE = "wishbone"


class Waveforms(Enum):
    """A format of waveforms: VCD, or FST, which is many times smaller and needs zlib and lz4."""

    VCD = "vcd"
    FST = "fst"

    @classmethod
    def of(cls, path: Path) -> "Waveforms":
        """The format of a file by its name: FST if that ends in `.fst`."""
        return cls.FST if path.suffix.lower() == ".fst" else cls.VCD


def build_model(verilog: str, top: str, kind: Kind, *, waveforms: Waveforms | None = None,
                readable: Iterable[str] = (), writable: Iterable[str] = (), again: bool = False
                ) -> Path:
    """Build the model, unless it is in the cache, and return its file.

    The file is a program (`Kind.COCOTB`) or a shared library (the others).

    Parameters
    ----------
    verilog
        One source text.
    top
        Name of its top module.
    kind
        What the model is for.
    waveforms
        In which format it can write waveforms, if it can; such a model is slower.
    readable
        Names of variables that can be read in every module; such a model is slower.
    writable
        Names of those that can be written, too; it is slower still.
    again
        Build it even if it is in the cache, in its place.

    Raises
    ------
    ToolMissing
        g++, perl or Verilator is not there, or what FST needs.
    StorageError
        The folder of built models cannot be written, or is full.
    BuildFailed
        Verilator warns of something that is not in the reviewed list, or the compiler fails.
    """
    tools = find_toolchain()
    parts = _PARTS[kind]()
    flags = ["-O3", "-Wall", *parts.verilator]
    compiler = [*_compiler(tools), *parts.cxx, *_trace_defines(waveforms)]
    link = [*parts.link]
    if waveforms is not None:
        verilog = traceable(verilog)
        flags.append(f"--trace-{waveforms.value}")
    if waveforms is Waveforms.FST:
        link += FST_LINK_FLAGS
    access = [("public_flat_rw", name) for name in sorted(set(writable))]
    access += [("public_flat_rd", name) for name in sorted(set(readable) - set(writable))]
    if access:
        flags.append("--vpi")
    as_written = waveforms is not None or bool(access)
    if not as_written:
        flags += _SHARED_CODE
    access_rules = "`verilator_config\n" + "".join(
        f'{right} -module "*" -var "{name}"\n' for right, name in access)
    key = [verilog, top, access_rules, parts.harness.read_text(),
           *(source.read_text() for source in parts.included),
           *(header.read_text() for header in _HEADERS), WAIVERS.read_text(), repr(flags),
           repr(compiler), repr(link), _CXX_OPTIMISATION,
           "" if as_written else simplifier_version(), tools.versions]

    def build(folder: Path) -> Path:
        if waveforms is Waveforms.FST:
            check_fst_libraries(tools, folder)
        source, control = verilog, []
        if not as_written:
            simple = simplify(verilog, top, tools, folder)
            source, control = simple.verilog, ["control.vlt"]
            (folder / "control.vlt").write_text(simple.control)
        elif access:
            control = ["control.vlt"]
            (folder / "control.vlt").write_text(access_rules)
        (folder / f"{top}.v").write_text(source)
        tools.run(["verilator", "--cc", "--top-module", top, "--prefix", "Vtop", *flags,
                   "--Mdir", "obj", str(WAIVERS), *control, f"{top}.v"], folder)
        sources = [*sorted((folder / "obj").glob("*.cpp")), parts.harness]
        objects = _compile(tools, compiler, sources, folder)
        tools.run(["g++", *objects, str(_runtime(tools, waveforms)), *link, "-o", "model"], folder)
        return folder / "model"

    return cached(f"{top}-{kind.value}", key, build, again)


@dataclasses.dataclass(frozen=True)
class _Parts:
    """What makes a kind of model: flags of Verilator, of the compiler and of the linker; sources
    that the harness includes.
    """

    harness: Path
    verilator: tuple[str, ...]
    cxx: tuple[str, ...]
    link: tuple[str, ...]
    included: tuple[Path, ...] = ()


def _cocotb_parts() -> _Parts:
    libraries = cocotb_tools.config.libs_dir
    harness = cocotb_tools.config.share_dir / "lib" / "verilator" / "verilator.cpp"
    return _Parts(harness, ("--vpi", "--public-depth", "1", "--timescale", "1ns/1ps"), (),
                  (f"-Wl,-rpath,{libraries}", f"-L{libraries}", "-lcocotbvpi_verilator"))


def _native_parts(harness: Path, *cxx: str) -> _Parts:
    return _Parts(harness, ("--x-assign", "fast", "--x-initial", "0"),
                  (*_LIBRARY_CXX_FLAGS, *cxx), _LIBRARY_LINK_FLAGS)


_PARTS: dict[Kind, Callable[[], _Parts]] = {
    Kind.COCOTB: _cocotb_parts,
    Kind.NATIVE: lambda: _native_parts(_HARNESS),
    Kind.CHECKED: lambda: dataclasses.replace(
        _native_parts(_CHECKED_HARNESS), included=(_HARNESS,)),
    Kind.BOARD: lambda: _native_parts(_UART_HARNESS),
    Kind.FIFO_BOARD: lambda: _native_parts(_FIFO_HARNESS),
    Kind.AXI: lambda: _native_parts(_BUS_HARNESS),
    Kind.WISHBONE: lambda: _native_parts(_BUS_HARNESS, "-DWISHBONE"),
}


def _compiler(tools: Toolchain) -> list[str]:
    include = tools.verilator_root / "include"
    return ["g++", "-c", "-I.", f"-I{include}", f"-I{include}/vltstd", *_NO_FEATURES]


def _trace_defines(waveforms: Waveforms | None) -> list[str]:
    return [f"-DVM_TRACE={waveforms is not None:d}",
            *(f"-DVM_TRACE_{one.name}={one is waveforms:d}" for one in Waveforms)]


def _compile(tools: Toolchain, compiler: list[str], sources: list[Path], folder: Path
             ) -> list[str]:
    """Compile the sources of a model in a few groups, and return the names of the objects.

    What runs only once is not optimised.
    """
    slow = [source for source in sources if "Slow" in source.name]
    fast = sorted(set(sources) - set(slow), key=lambda source: -source.stat().st_size)
    size = sum(source.stat().st_size for source in fast)
    count = max(1, min(_jobs(), size // _LEAST_GROUP_BYTES))
    groups = [(f"fast_{part}", fast[part::count], _CXX_OPTIMISATION) for part in range(count)]

    def compile_group(group: tuple[str, list[Path], str]) -> str:
        name, members, optimisation = group
        (folder / f"{name}.cpp").write_text(
            "".join(f'#include "{source}"\n' for source in members))
        tools.run([*compiler, optimisation, "-Iobj", f"{name}.cpp"], folder)
        return f"{name}.o"

    return in_parallel(compile_group, [*groups, ("slow", slow, "-O0")], _jobs())


def _runtime(tools: Toolchain, waveforms: Waveforms | None = None) -> Path:
    """Return Verilator's runtime as an archive, fit for programs and for libraries."""
    waveforms = waveforms or Waveforms.VCD  # Which is there for models without waveforms, too.
    include = tools.verilator_root / "include"
    compiler = [*_compiler(tools), _CXX_OPTIMISATION, *_LIBRARY_CXX_FLAGS,
                *_trace_defines(waveforms)]
    names = *_RUNTIME_SOURCES, f"verilated_{waveforms.value}_c"
    sources = [str(include / f"{name}.cpp") for name in names]

    def build(folder: Path) -> Path:
        if waveforms is Waveforms.FST:
            write_fst_checks(folder)
        in_parallel(lambda source: tools.run([*compiler, source], folder), sources, _jobs())
        tools.run(["ar", "rcs", "libverilated.a", *(f"{name}.o" for name in names)],
                  folder)
        return folder / "libverilated.a"

    return cached("runtime", [repr(compiler), repr(sources), FST_CHECKS, tools.versions], build)


def _jobs() -> int:
    return min(_MAX_JOBS, os.cpu_count() or 1)
