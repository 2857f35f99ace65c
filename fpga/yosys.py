"""Yosys on Verilog text."""

from pathlib import Path

from .tools import YOSYS, run_tool

__all__ = ["run_yosys"]


def run_yosys(folder: Path, verilog: str, script: str, yosys: str = YOSYS) -> str:
    """Read a design and run a script on it; return what Yosys printed.

    What it prints after ABC has run may be cut off: have it write what is needed to files.

    Parameters
    ----------
    folder
        Where it runs; `design.v` is written there. Names in the script are relative to it.
    verilog
        The design.
    script
        Yosys commands, separated by semicolons, after the design has been read.
    yosys
        The Yosys to run, as `run_tool` takes it.

    Raises
    ------
    FpgaToolMissing
        The tool is not beside this Python.
    StorageError
        The disk of the folder is full.
    FlowFailed
        The script failed; the message ends with what it printed last.
    """
    (folder / "design.v").write_text(verilog)
    return run_tool(yosys, ["-p", f"read_verilog design.v; {script}"], folder)
