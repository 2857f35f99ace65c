"""From Verilog text to a built model, each built once: the cache is keyed by all that goes in.

Two kinds of model come from the same Verilog and the same warnings:

- `cocotb`: a program with a VPI interface, in which only the top module's ports are public. (Where
  cocotb builds itself, every signal is public: a torus then builds and runs half as fast.)
- `native`: a shared library with the C interface of `sim/harness.cpp`.
"""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

import cocotb_tools.config

from .lint import WAIVERS
from .toolchain import Toolchain, cache_dir, find_toolchain

__all__ = ["Kind", "build_model"]

_HARNESS = Path(__file__).with_name("harness.cpp")
_MAX_JOBS = 4

# Measured on a 4x4 torus, two cores: -O0 builds in 8 s and runs 16,000 cycles/s, -O1 in 18 s and
# 106,000, -Os in 32 s and 90,000, -O2 in 36 s and 93,000. Verilator has optimised already.
_CXX_OPTIMISATION = "-O1"

# Everything in Verilator's runtime that some model may link with. It does not depend on the model,
# and takes longer to compile than a small one, so it is built once.
_RUNTIME_SOURCES = ("verilated", "verilated_threads", "verilated_vcd_c", "verilated_vpi")
# Two libraries in one process must not share the runtime's statics: no symbol is unique or visible.
_LIBRARY_CXX_FLAGS = ("-fPIC", "-fno-gnu-unique")
_LIBRARY_LINK_FLAGS = ("-shared", "-Wl,--exclude-libs,ALL")


class Kind(Enum):
    """What a model is built for."""

    COCOTB = "cocotb"
    NATIVE = "native"


def build_model(verilog: str, top: str, kind: Kind, *, trace: bool = False) -> Path:
    """Build the model, unless it is in the cache, and return its file.

    The file is a program (`Kind.COCOTB`) or a shared library (`Kind.NATIVE`).

    Parameters
    ----------
    verilog
        One source text.
    top
        Name of its top module.
    kind
        What the model is for.
    trace
        Whether it can write waveforms (VCD); such a model is slower.

    Raises
    ------
    ToolMissing
        g++, make, perl or Verilator is not there.
    BuildFailed
        Verilator warns of something that is not in the reviewed list, or the compiler fails.
    """
    tools = find_toolchain()
    harness, flags = _FLAGS[kind](tools)
    if trace:
        flags.append("--trace-vcd")
    command = ["verilator", "--cc", "--exe", "--top-module", top, "--prefix", "Vtop",
               "-o", "model", "-O3", "-Wall", *flags, "--Mdir", "obj"]
    key = [verilog, harness.read_text(), WAIVERS.read_text(), repr(command), _CXX_OPTIMISATION,
           tools.versions]

    def build(folder: Path) -> Path:
        (folder / f"{top}.v").write_text(verilog)
        tools.run([*command, str(WAIVERS), str(harness), f"{top}.v"], folder)
        # Without the names of its objects, make builds no runtime of its own.
        tools.run(["make", "-j", str(_jobs()), "-f", "Vtop.mk",
                   "VM_GLOBAL_FAST=", "VM_GLOBAL_SLOW=", f"USER_LDLIBS={_runtime(tools)}",
                   f"OPT_FAST={_CXX_OPTIMISATION}"],
                  folder / "obj")
        return folder / "obj" / "model"

    return _cached(f"{top}-{kind.value}", key, build)


def _cocotb_flags(tools: Toolchain) -> tuple[Path, list[str]]:
    libraries = cocotb_tools.config.libs_dir
    link = f"-Wl,-rpath,{libraries} -L{libraries} -lcocotbvpi_verilator"
    harness = cocotb_tools.config.share_dir / "lib" / "verilator" / "verilator.cpp"
    return harness, ["--vpi", "--public-depth", "1", "--timescale", "1ns/1ps", "-LDFLAGS", link]


def _native_flags(tools: Toolchain) -> tuple[Path, list[str]]:
    return _HARNESS, ["--x-assign", "fast", "--x-initial", "fast",
                      "-CFLAGS", " ".join(_LIBRARY_CXX_FLAGS),
                      "-LDFLAGS", " ".join(_LIBRARY_LINK_FLAGS)]


_FLAGS: dict[Kind, Callable[[Toolchain], tuple[Path, list[str]]]] = {
    Kind.COCOTB: _cocotb_flags,
    Kind.NATIVE: _native_flags,
}


def _runtime(tools: Toolchain) -> Path:
    """Return Verilator's runtime as an archive, fit for programs and for libraries."""
    include = tools.verilator_root / "include"
    compiler = ["g++", "-c", _CXX_OPTIMISATION, *_LIBRARY_CXX_FLAGS,
                f"-I{include}", f"-I{include}/vltstd",
                "-DVERILATOR=1", "-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TIMING=0",
                "-DVM_TRACE=1", "-DVM_TRACE_VCD=1"]
    sources = [str(include / f"{name}.cpp") for name in _RUNTIME_SOURCES]

    def build(folder: Path) -> Path:
        with ThreadPoolExecutor(_jobs()) as pool:
            list(pool.map(lambda source: tools.run([*compiler, source], folder), sources))
        tools.run(["ar", "rcs", "libverilated.a", *(f"{name}.o" for name in _RUNTIME_SOURCES)],
                  folder)
        return folder / "libverilated.a"

    return _cached("runtime", [repr(compiler), repr(sources), tools.versions], build)


def _jobs() -> int:
    return min(_MAX_JOBS, os.cpu_count() or 1)


def _cached(label: str, key: list[str], build: Callable[[Path], Path]) -> Path:
    """Return the file that `build(folder)` makes, made once for each `key`.

    Safe with several processes: one builds, the others wait. A file is renamed into its place when
    it is complete, so a build that is stopped leaves nothing behind that could be taken for one.
    """
    digest = hashlib.sha256("\0".join(key).encode()).hexdigest()[:24]
    cache = cache_dir()
    target = cache / f"{label}-{digest}"
    if target.exists():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(target.with_suffix(".lock")):
        if not target.exists():
            with tempfile.TemporaryDirectory(dir=cache, prefix="building-") as folder:
                os.replace(build(Path(folder)), target)
    return target


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
