"""The libraries that a model needs to write FST waveforms."""

from pathlib import Path

from ..errors import BuildFailed, ToolMissing
from ..toolchain import Toolchain

__all__ = ["FST_CHECKS", "FST_LINK_FLAGS", "check_fst_libraries", "write_fst_checks"]

FST_LINK_FLAGS = ("-llz4", "-lz")

_PROBE = """\
#include <lz4.h>
#include <zlib.h>
int main() { return LZ4_versionNumber() + *zlibVersion(); }
"""


_CHECKS_HEADER = Path("fstcpp") / "fstcpp_assertion.h"
FST_CHECKS = """\
#pragma once
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <stdexcept>
#define FST_CHECK(a) do { if (!(a)) throw std::runtime_error("FST_CHECK: " #a); } while (false)
#define FST_UNREACHABLE std::abort()
""" + "".join(
    f"#define FST_CHECK_{name}(a, b) FST_CHECK((a) {operator} (b))\n"
    f"#define FST_DCHECK_{name}(a, b) FST_CHECK_{name}(a, b)\n"
    for name, operator in (("EQ", "=="), ("NE", "!="), ("GT", ">"), ("GE", ">="), ("LT", "<"),
                           ("LE", "<="))) + "#define FST_DCHECK(a) FST_CHECK(a)\n"
"""A header of Verilator's FST writer. Its own ends the process if a check fails, as one does when
the disk is full; this one throws."""


def write_fst_checks(folder: Path) -> None:
    """Write `FST_CHECKS` to where a compiler that runs in this folder finds it first."""
    header = folder / _CHECKS_HEADER
    header.parent.mkdir()
    header.write_text(FST_CHECKS)


def check_fst_libraries(tools: Toolchain, folder: Path) -> None:
    """Try to build with the libraries, in a folder.

    Raises
    ------
    ToolMissing
        That is not possible; the message says what to install, and what needs nothing.
    """
    (folder / "probe.cpp").write_text(_PROBE)
    try:
        tools.run(["g++", "probe.cpp", *FST_LINK_FLAGS, "-o", "probe"], folder)
    except BuildFailed as error:
        raise ToolMissing(
            "FST waveforms need the headers of lz4 and zlib: install them (Debian, Ubuntu: apt-get "
            "install liblz4-dev zlib1g-dev; Fedora: dnf install lz4-devel zlib-devel), or give the "
            "file a name that ends in .vcd, which needs nothing") from error
