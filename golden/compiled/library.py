"""The compiled code of this folder: built once by g++ for this processor, and loaded.

| variable          | meaning                                                            |
|-------------------|--------------------------------------------------------------------|
| `CLOSTORUS_CACHE` | folder of what is built, instead of `clostorus` in the user's cache |
"""

import ctypes
import functools
import os
import platform
import shutil
import subprocess
from pathlib import Path

from golden.compiled.errors import CompiledMissing
from golden.system.made_once import made_once

__all__ = ["library"]

_FOLDER = Path(__file__).parent
_HEADERS = ("net.h",)
_SOURCES = ("net.cpp", "steps.cpp")
_FLAGS = ("-std=c++17", "-O3", "-march=native", "-fPIC", "-shared")
_BUILD_S = 300

_NET, _WORDS, _NUMBER = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64
_SIGNATURES = {
    "golden_new": (_NET, [_WORDS]),
    "golden_free": (None, [_NET]),
    "golden_write": (None, [_NET, _WORDS]),
    "golden_read": (None, [_NET, _WORDS]),
    "golden_forward": (None, [_NET, _NUMBER, _WORDS, _WORDS]),
    "golden_backward": (None, [_NET, _WORDS, _NUMBER, _NUMBER, _WORDS, _WORDS]),
    "golden_learn": (
        _NUMBER,
        [_NET, _NUMBER, _WORDS, _WORDS, _NUMBER, _NUMBER, _NUMBER, _WORDS, ctypes.c_double]
        + [_WORDS] * 3,
    ),
}


def library() -> ctypes.CDLL:
    """Return the code, built if it is not in the cache; that takes a few seconds.

    Raises
    ------
    CompiledMissing
        There is no g++ that builds it, or the folder of what is built cannot be written.
    """
    return _library(os.environ.get("PATH", ""), os.environ.get("CLOSTORUS_CACHE", ""))


@functools.cache
def _library(path: str, chosen: str) -> ctypes.CDLL:
    compiler = shutil.which("g++", path=path)
    if compiler is None:
        raise CompiledMissing(
            "g++ is not on PATH: install g++ (Debian, Ubuntu: apt-get install g++; Fedora: "
            "dnf install gcc-c++)"
        )
    key = (
        *((_FOLDER / name).read_text() for name in _HEADERS + _SOURCES),
        *_FLAGS,
        _run([compiler, "-dumpfullversion", "-dumpmachine"]),
        _processor(),
    )

    def build(folder: Path) -> Path:
        made = folder / "made.so"
        _run([compiler, *_FLAGS, *(str(_FOLDER / name) for name in _SOURCES), "-o", str(made)])
        return made

    cache = _cache(chosen)
    try:
        target = made_once(cache, "golden-training", key, build)
    except OSError as error:
        raise CompiledMissing(
            "CLOSTORUS_CACHE must be a folder that can be written, with room for what is built, "
            f"not {cache}: {error.strerror or error}"
        ) from error
    try:
        return _load(target)
    except OSError as error:
        raise CompiledMissing(f"{target} cannot be loaded: {error}") from error


def _load(path: Path) -> ctypes.CDLL:
    found = ctypes.CDLL(str(path))
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(found, name)
        function.restype, function.argtypes = result, arguments
    return found


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_BUILD_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CompiledMissing(f"g++ does not run: {error}") from error
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise CompiledMissing(f"g++ cannot build the compiled golden model: {last[0]}")
    return done.stdout


def _processor() -> str:
    """Return what decides which instructions `-march=native` may take."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    wanted = ("model name", "flags", "Features", "CPU part")
    return "\n".join(sorted({line for line in lines if line.startswith(wanted)}))


def _cache(chosen: str) -> Path:
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
