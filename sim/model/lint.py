"""Verilator's lint of emitted Verilog, with one reviewed list of waivers."""

import re
from collections.abc import Iterable
from pathlib import Path

from sw_driver.system.scratch import temporary_folder

from ..errors import BuildFailed, LintFailed
from ..toolchain import find_toolchain

__all__ = ["WAIVERS", "lint", "waivers_of"]

WAIVERS = Path(__file__).with_name("waivers.vlt")


def lint(verilog: str) -> None:
    """Check `verilog` with all of Verilator's warnings on.

    Raises
    ------
    LintFailed
        There is a warning that `sim/model/waivers.vlt` does not list; the message holds it.
    ToolMissing
        Verilator cannot run.
    """
    with temporary_folder() as folder:
        (folder / "design.v").write_text(verilog)
        command = ["verilator", "--lint-only", "-Wall", str(WAIVERS), "design.v"]
        try:
            find_toolchain().run(command, folder)
        except BuildFailed as error:
            raise LintFailed(str(error)) from None


def waivers_of(names: Iterable[str]) -> str:
    """The reviewed list for files of these names alone, to be handed over with them."""
    files = [re.sub(r"[^\w.+-]", "?", name) for name in names]

    def rule(found: re.Match[str]) -> str:
        return "\n".join(f'{found[0]} -file "*{name}"' for name in files)

    note = """\
// For these files alone: one that gets another name gets it here, too. A Verilator that is too old
// to know a rule refuses it: remove its lines.
//
"""
    return note + re.sub(r"^lint_off -rule \w+$", rule, WAIVERS.read_text(), flags=re.M)
