"""Code of this project in C++: built once by g++ for this processor, and kept.

| variable          | meaning                                                            |
|-------------------|--------------------------------------------------------------------|
| `CLOSTORUS_CACHE` | folder of what is built, instead of `clostorus` in the user's cache |
"""

import dataclasses
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

from golden.errors import CompiledMissing

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
    key = "\0".join(
        (
            *((code.folder / name).read_text() for name in code.headers + code.sources),
            *_FLAGS,
            *code.flags,
            _run([compiler, "-dumpfullversion", "-dumpmachine"], code),
            _processor(),
        )
    )
    digest = hashlib.sha256(key.encode()).hexdigest()[:24]
    target = _cache() / f"{code.name}-{digest}.so"
    if not _is_whole(target):
        _build(compiler, code, target)
    return target


def _build(compiler: str, code: Code, target: Path) -> None:
    """Build beside the target, and rename to it: of several processes the last one's stays."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix="compiling-") as folder:
            made = Path(folder) / "made.so"
            sources = [str(code.folder / name) for name in code.sources]
            _run([compiler, *_FLAGS, *code.flags, *sources, "-o", str(made)], code)
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
