"""The compiled code of this folder: built once by g++ for this processor, and loaded.

| variable          | meaning                                                            |
|-------------------|--------------------------------------------------------------------|
| `CLOSTORUS_CACHE` | folder of what is built, instead of `clostorus` in the user's cache |
"""

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

from golden.compiled.errors import CompiledMissing

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
    key = "\0".join(
        (
            *((_FOLDER / name).read_text() for name in _HEADERS + _SOURCES),
            *_FLAGS,
            _run([compiler, "-dumpfullversion", "-dumpmachine"]),
            _processor(),
        )
    )
    digest = hashlib.sha256(key.encode()).hexdigest()[:24]
    target = _cache(chosen) / f"golden-training-{digest}.so"
    if not _is_whole(target):
        _build(compiler, target)
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


def _build(compiler: str, target: Path) -> None:
    """Build beside the target, and rename to it: of several processes the last one's stays."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix="compiling-") as folder:
            made = Path(folder) / "made.so"
            sources = [str(_FOLDER / name) for name in _SOURCES]
            _run([compiler, *_FLAGS, *sources, "-o", str(made)])
            digest = Path(folder) / "digest"
            digest.write_text(_digest(made))
            os.replace(made, target)
            os.replace(digest, _digest_path(target))
    except OSError as error:
        raise CompiledMissing(
            "CLOSTORUS_CACHE must be a folder that can be written, with room for what is built, "
            f"not {target.parent}: {error.strerror or error}"
        ) from error


def _is_whole(target: Path) -> bool:
    """Whether a file is as it was built: a damaged library could end the process."""
    try:
        return _digest_path(target).read_text() == _digest(target)
    except (OSError, UnicodeDecodeError):
        return False


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _digest_path(path: Path) -> Path:
    return path.with_suffix(".sha256")


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
