"""Verilator's lint of emitted Verilog, with one reviewed list of waivers."""

from pathlib import Path

from sw_driver.scratch import temporary_folder

from .errors import BuildFailed, LintFailed
from .toolchain import find_toolchain

__all__ = ["WAIVERS", "lint"]

WAIVERS = Path(__file__).with_name("waivers.vlt")


def lint(verilog: str) -> None:
    """Check `verilog` with all of Verilator's warnings on.

    Raises
    ------
    LintFailed
        There is a warning that `sim/waivers.vlt` does not list; the message holds it.
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
