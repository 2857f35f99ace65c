"""Code of this project in C++: built once by g++ for this processor, and kept.

| variable          | meaning                                                            |
|-------------------|--------------------------------------------------------------------|
| `CLOSTORUS_CACHE` | folder of what is built, instead of `clostorus` in the user's cache |
"""

import dataclasses
import os
import platform
import shutil
import subprocess
from pathlib import Path

from golden.errors import CompiledMissing
from golden.system.made_once import made_once

__all__ = ["Code", "built"]

_FLAGS = ("-std=c++17", "-O3", "-march=native", "-fPIC", "-shared")
_BUILD_S = 300


@dataclasses.dataclass(frozen=True)
class Code:
    """A library of C++ files.

    Attributes
    ----------
    name
        Of its file, before a digest of all that it depends on.
    what
        It is, for messages.
    folder, headers, sources
        Where the files lie, and their names.
    flags
        Of g++, behind those that all libraries have.
    """

    name: str
    what: str
    folder: Path
    headers: tuple[str, ...]
    sources: tuple[str, ...]
    flags: tuple[str, ...] = ()


def built(code: Code) -> Path:
    """Return the library, built if it is not in the cache; that takes a few seconds.

    Raises
    ------
    CompiledMissing
        There is no g++ that builds it, or the folder of what is built cannot be written.
    """
    compiler = shutil.which("g++")
    if compiler is None:
        raise CompiledMissing(
            "g++ is not on PATH: install g++ (Debian, Ubuntu: apt-get install g++; Fedora: "
            "dnf install gcc-c++)"
        )
    key = (
        *((code.folder / name).read_text() for name in code.headers + code.sources),
        *_FLAGS,
        *code.flags,
        _run([compiler, "-dumpfullversion", "-dumpmachine"], code),
        _processor(),
    )

    def build(folder: Path) -> Path:
        made = folder / "made.so"
        sources = [str(code.folder / name) for name in code.sources]
        _run([compiler, *_FLAGS, *code.flags, *sources, "-o", str(made)], code)
        return made

    cache = _cache()
    try:
        return made_once(cache, code.name, key, build)
    except OSError as error:
        raise CompiledMissing(
            "CLOSTORUS_CACHE must be a folder that can be written, with room for what is built, "
            f"not {cache}: {error.strerror or error}"
        ) from error


def _run(command: list[str], code: Code) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_BUILD_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CompiledMissing(f"g++ does not run: {error}") from error
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise CompiledMissing(f"g++ cannot build {code.what}: {last[0]}")
    return done.stdout


def _processor() -> str:
    """Return what decides which instructions `-march=native` may take."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    wanted = ("model name", "flags", "Features", "CPU part")
    return "\n".join(sorted({line for line in lines if line.startswith(wanted)}))


def _cache() -> Path:
    chosen = os.environ.get("CLOSTORUS_CACHE", "")
    if chosen:
        return Path(chosen).resolve()
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():
        try:
            base = Path.home() / ".cache"
        except RuntimeError as error:
            raise CompiledMissing(
                f"CLOSTORUS_CACHE must be set, for there is no home folder: {error}"
            ) from error
    return base / "clostorus"
