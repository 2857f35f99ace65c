"""The lock: every version that `make` installs, with the hashes of its files.

    python -m tests.support.locked                 # Says where this environment differs from it.
    python -m tests.support.locked --write [UV]    # Writes it anew, by the program uv.

It lies in `.ci/lock/`: `wheels.txt`, `sources.txt` with what has no wheel, and `torch.txt` with
PyTorch and what PyPI's build of it needs. It is for Linux and any Python that all of them support.
`make` installs these versions, and `make install-locked` compares the hashes, too.
"""

import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

from packaging.markers import Marker
from packaging.utils import canonicalize_name

from tests.support.project import ROOT

__all__ = ["FOLDER", "Pin", "differences", "pins", "written"]

FOLDER = ROOT / ".ci" / "lock"
PYTHON = "3.11"
"""The oldest that every locked package supports."""
_SOURCES = {"cocotbext-wishbone"}
_TORCH = re.compile(r"torch|triton|cuda-.*|nvidia-.*")
_HEAD = {
    "wheels.txt": "Versions that `make` installs, and the hashes of all their wheels.",
    "sources.txt": "The same of what has no wheel: it is built from its source.",
    "torch.txt": "PyTorch as PyPI has it, and what this build of it needs.",
}
_HOW = "# Written by `python -m tests.support.locked --write`; docs/SECURITY.md says more.\n"


class Pin(NamedTuple):
    """One version of a package, where it is meant, and the hashes that its files may have."""

    name: str
    version: str
    marker: Marker | None
    hashes: tuple[str, ...]

    def applies(self, **environment: str) -> bool:
        """Whether it is meant for this interpreter, or for what `environment` changes of it."""
        return self.marker is None or self.marker.evaluate(environment)


def pins(file: str | None = None) -> list[Pin]:
    """Return the pins of one file of the lock, or of all."""
    found = []
    for name in [file] if file else _HEAD:
        text = "".join(line for line in (FOLDER / name).read_text().splitlines(keepends=True)
                       if not line.startswith("#"))
        for entry in re.split(r"^(?=\S)", text, flags=re.M)[1:]:
            said = re.fullmatch(r"(\S+)==(\S+)(?: ; (.+?))?((?: \\\n    --hash=sha256:\w{64})+)\n",
                                entry)
            if said is None:
                raise ValueError(f"{name}: an entry must be NAME==VERSION and hashes: {entry!r}")
            marker = Marker(said[3]) if said[3] else None
            found.append(Pin(said[1], said[2], marker, tuple(re.findall(r"sha256:(\w+)", said[4]))))
    return found


def differences() -> list[str]:
    """Say what is installed here in another version than that of the lock, or is not installed."""
    said = []
    for pin in pins():
        if not pin.applies() or (_TORCH.fullmatch(pin.name) and pin.name != "torch"):
            continue
        try:
            found = version(pin.name).partition("+")[0]  # A build of PyTorch: 2.13.0+cpu.
        except PackageNotFoundError:
            found = "not installed"
        if found != pin.version:
            said.append(f"{pin.name} must be {pin.version}, but is {found}")
    return said


def written(uv: str) -> dict[str, str]:
    """Return the files of the lock anew: what pyproject.toml and .ci/constraints.txt allow today.

    Versions stay as they are in the lock where they still fit.
    """
    held = [arg for name in _HEAD if (FOLDER / name).exists() for arg in ("-c", FOLDER / name)]
    done = subprocess.run(
        [uv, "pip", "compile", "pyproject.toml", "--extra", "dev", "-c", ".ci/constraints.txt",
         *held, "--generate-hashes", "--universal", "--python-version", PYTHON, "--quiet",
         "--no-header", "--no-annotate"],
        cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)  # fmt: skip
    parts = {name: f"# {head}\n{_HOW}" for name, head in _HEAD.items()}
    for entry in re.split(r"^(?=\S)", done.stdout, flags=re.M)[1:]:
        name = entry.partition("==")[0]
        if "sys_platform == 'emscripten'" in entry:
            continue
        file = ("torch.txt" if _TORCH.fullmatch(name) else
                "sources.txt" if canonicalize_name(name) in _SOURCES else "wheels.txt")
        parts[file] += entry
    return parts


def main() -> None:
    """Write the lock, or say where this environment differs from it."""
    if sys.argv[1:2] == ["--write"]:
        for name, text in written((sys.argv[2:] or ["uv"])[0]).items():
            (FOLDER / name).write_text(text)
        return
    said = differences()
    print("\n".join(said) or "what is installed here is what the lock names")
    sys.exit(bool(said))


if __name__ == "__main__":
    main()
