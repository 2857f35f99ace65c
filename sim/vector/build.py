"""From Verilog to a shared library of the vector engine, each built once."""

import functools
from collections.abc import Collection, Sequence
from pathlib import Path

from ..model.cache import cached
from ..model.modules import modules_version
from ..toolchain import Toolchain, find_toolchain
from .processor import has_avx512, processor_flags
from .program import HEADERS, program
from .yosys import WIDE_SHIFTS, design_of

__all__ = ["AVX2_FLAGS", "build_vector"]

_HARNESS = Path(__file__).with_name("harness.cpp")
_SHARED = tuple(Path(__file__).parents[1] / "model" / f"harness_{name}.h"
                for name in ("stalls", "probes"))
_FLAGS = ("-std=c++17", "-O3", "-march=native", "-fPIC", "-shared", "-fvisibility=hidden",
          "-fno-gnu-unique")
AVX2_FLAGS = ("-mavx2", "-mno-avx512f")
"""What makes code for AVX2 on a processor that has AVX-512, too."""

# By itself GCC takes half of a vector of 512 bits.
_WIDE_FLAGS = ("-mprefer-vector-width=512",)


def build_vector(verilog: str, top: str, *, readable: Collection[str] = (),
                 accessible: Collection[str] = (), flags: Sequence[str] | None = None,
                 again: bool = False) -> Path:
    """Build the design for the vector engine, unless it is in the cache, and return its library.

    Parameters
    ----------
    verilog
        One source text.
    top
        Name of its top module.
    readable, accessible
        Names of variables that can be read, and of those that can be changed, too, in every module.
    flags
        Further flags of g++; by default those that suit this processor.
    again
        Build it even if it is in the cache, in its place.

    Raises
    ------
    VectorRefused
        The engine does not simulate such a design.
    ToolMissing, StorageError, BuildFailed
        As `sim.model.build.build_model`.
    """
    tools = find_toolchain()
    suited = _WIDE_FLAGS if has_avx512() else ()
    options = [*_FLAGS, *(suited if flags is None else flags)]
    key = [verilog, top, repr(options), " ".join(sorted(processor_flags())), *_sources(),
           modules_version(), tools.versions,
           *(" ".join(sorted(set(names))) for names in (readable, accessible))]

    def build(folder: Path) -> Path:
        (folder / "design.h").write_text(program(
            design_of(verilog, top, tools, folder, {*readable, *accessible}),
            top, accessible))
        for source in (*HEADERS, *_SHARED):
            (folder / source.name).write_text(source.read_text())
        _compile(tools, options, folder)
        return folder / "model"

    return cached(f"{top}-vector", key, build, again)


def _compile(tools: Toolchain, flags: list[str], folder: Path) -> None:
    (folder / "harness.cpp").write_text(_HARNESS.read_text())
    tools.run(["g++", *flags, "-I.", "harness.cpp", "-o", "model"], folder)


@functools.cache
def _sources() -> tuple[str, ...]:
    """All that decides what is built of a design, apart from Yosys and the merging of modules."""
    folder = Path(__file__).parent
    return tuple(path.read_text() for path in (
        *sorted(folder.glob("*.py")), *HEADERS, WIDE_SHIFTS, _HARNESS, *_SHARED))
