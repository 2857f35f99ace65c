"""The FPGA tools, which come as WebAssembly beside this Python."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

from .errors import FlowFailed, FpgaToolMissing

__all__ = ["run_tool", "tool_version"]

_LAST_LINES = 20


def run_tool(name: str, arguments: list[str], folder: Path) -> str:
    """Run a tool of the `yowasp` packages in `folder`, at low priority; return what it printed.

    Names of files must be relative to `folder`: such a tool sees no other files.

    Raises
    ------
    FpgaToolMissing
        The tool is not installed beside this Python.
    FlowFailed
        It failed; the message ends with what it printed last.
    """
    tool = Path(sys.executable).with_name(name)
    if not tool.exists():
        raise FpgaToolMissing(f"{name} must be installed in this environment: pip install -e .")
    done = subprocess.run(["nice", str(tool), *arguments], cwd=folder, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-_LAST_LINES:])
        raise FlowFailed(f"{name} failed with exit status {done.returncode}:\n{tail}")
    return done.stdout


def tool_version(package: str) -> str:
    """The name and version of an installed package of tools."""
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        raise FpgaToolMissing(
            f"{package} must be installed in this environment: pip install -e .") from None
