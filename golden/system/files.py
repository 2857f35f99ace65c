"""Output files that are whole or as they were, whatever their paths lead to.

A file is written beside its place and then renamed to it. The place is where the path leads through
links: a link stays one, and what it names is replaced. A pipe or a character device is no place for
that: it is opened and written to. A file that was there keeps its mode; a new one gets that of the
umask.

Every function takes the class of its errors, so that each package raises its own; the message says
which path cannot be written, and why.
"""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Callable, Generator, Iterable, Mapping
from pathlib import Path

from golden.system.stopping import cleared, held

__all__ = ["beside", "check_folder", "check_target", "is_replaced", "write_bytes", "write_files"]

MakeError = Callable[[str], Exception]

_NAME_PART = 40  # Characters of a name that are kept: with what is added, never too long.


def check_target(path: Path, error: MakeError) -> None:
    """Refuse a path to which no file can be written, before the work that makes its contents.

    Makes an empty file beside its place, and removes it; a pipe or a device is not opened.

    Raises
    ------
    error
        If the folder is missing or takes no file of this name, or the path leads to a folder, a
        socket, a block device, a file that may not be written to, or round in circles.
    """
    with _told(path, error):
        place = _place(path)
        if place is not None:
            _try(place)


def check_folder(path: Path, error: MakeError) -> None:
    """Refuse a path that is no folder and cannot become one, or a folder that takes no files.

    Raises
    ------
    error
        If so.
    """
    with _told(path, error):
        real = Path(os.path.realpath(path))
        for folder in (real, *real.parents):
            try:
                mode = folder.stat().st_mode
            except FileNotFoundError:
                continue
            if not stat.S_ISDIR(mode):
                raise OSError(errno.ENOTDIR, f"{folder} is no folder")
            _try(folder / "new")
            return


def is_replaced(path: Path, error: MakeError) -> bool:
    """Whether what is written to a path takes the place of what was there, as in a file.

    In a pipe it would come after that: who writes several times has to wait for the last.

    Raises
    ------
    error
        As `check_target`.
    """
    with _told(path, error):
        return _place(path) is not None


def write_bytes(path: Path, content: bytes, error: MakeError) -> None:
    """Write a whole file, or raise `error` and leave what was there as it was."""
    write_files({path: content}, error)


def write_files(contents: Mapping[Path, bytes], error: MakeError) -> None:
    """Write several files; none takes its place before all are written.

    Raises
    ------
    error
        As `check_target`, or if a file cannot be written, as on a full disk.
    """
    parts: dict[Path, tuple[Path, Path]] = {}
    with cleared(lambda: _remove(part for part, _ in parts.values())):
        for path, content in contents.items():
            with _told(path, error):
                place = _place(path)
                if place is not None:
                    parts[path] = beside(place), place
                    _fill(*parts[path], content)
        with held():
            for path, (part, place) in parts.items():
                with _told(path, error):
                    os.replace(part, place)
        for path in contents.keys() - parts.keys():
            # Without O_CREAT: what is no pipe or device any more does not become half a file.
            with _told(path, error), open(os.open(path, os.O_WRONLY), "wb") as file:
                file.write(contents[path])


def beside(place: Path) -> Path:
    """Return a name beside `place` for what is to be renamed to it: hidden, and of nothing yet."""
    return place.with_name(f".{place.name[:_NAME_PART]}.{secrets.token_hex(4)}.part")


def _place(path: Path) -> Path | None:
    """Where the file of a path is to be renamed to; None if the path is to be written to as it is.

    Raises
    ------
    OSError
        If it can be neither.
    """
    real = Path(os.path.realpath(path))
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:  # A new file, or a link that leads to one.
        if not real.parent.is_dir():
            raise OSError(errno.ENOENT, f"there is no folder {real.parent}") from None
        return real
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, "it is a folder")
    if stat.S_ISSOCK(mode) or stat.S_ISBLK(mode):
        kind = "socket" if stat.S_ISSOCK(mode) else "block device"
        raise OSError(errno.EINVAL, f"it is a {kind}")
    if not os.access(path, os.W_OK):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))
    # What an open file is reached by in /proc may have another name, or none any more.
    named = real.exists() and real.samefile(path)
    return real if stat.S_ISREG(mode) and named else None


def _fill(part: Path, place: Path, content: bytes) -> None:
    """Write a part with the mode and the owner of what it is to replace, as far as is allowed."""
    former = place.stat() if place.exists() else None
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with open(os.open(part, flags, 0o666 if former is None else 0o600), "wb") as file:
        file.write(content)
        if former is not None:
            with contextlib.suppress(PermissionError):
                os.fchown(file.fileno(), former.st_uid, former.st_gid)
            with contextlib.suppress(PermissionError):
                os.fchmod(file.fileno(), stat.S_IMODE(former.st_mode))


def _try(place: Path) -> None:
    """Make a file beside a place, and remove it."""
    part = beside(place)
    with cleared(lambda: _remove([part])):
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL))


def _remove(parts: Iterable[Path]) -> None:
    for part in parts:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def _told(path: Path, error: MakeError) -> Generator[None]:
    try:
        yield
    except OSError as problem:
        raise error(f"{path} cannot be written: {problem.strerror or problem}") from problem
