"""The container of an artifact: a zip of one manifest and arrays, the same bytes every time.

    manifest.json       UTF-8, sorted keys; what the caller gives; under "members", the SHA-256,
                        dtype and shape of every array; and under "digest", the SHA-256 of all that
    NAME.npy            one array each, NumPy format 1.0, little-endian, C order, never pickled

Members are stored, not compressed, in order of their names, and dated 1980-01-01, so equal contents
make equal files on every machine.

The digest finds what was altered by accident or by hand. It is no signature: whoever rewrites a
file on purpose can compute it again.
"""

import hashlib
import io
import json
import os
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sw_driver.errors import DriverError
from sw_driver.system.files import write_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ArchiveError", "check_archive", "read_archive", "write_archive"]

_MANIFEST = "manifest.json"
_DATE = (1980, 1, 1, 0, 0, 0)  # The earliest that a zip can say.
_MODE = 0o100644 << 16
_UNIX = 3
_MEMBERS, _DIGEST = "members", "digest"
_MEND = "; copy the file again, or compile the model again"
_MOST_MANIFEST_BYTES = 1 << 24  # Hundreds of times as many as the largest net's.


class ArchiveError(DriverError):
    """A file that is no whole, unaltered archive."""


def write_archive(
    path: Path, manifest: Mapping[str, Any], arrays: "Mapping[str, NDArray[Any]]"
) -> None:
    """Write `manifest` and `arrays` to `path`, which is replaced only when all is written.

    Parameters
    ----------
    path
        Of the archive.
    manifest
        What `json` can write; "members" and "digest" are added, or replaced.
    arrays
        By name, a letter followed by letters, digits, dots and underscores; real numbers of at
        most 64 bits, or truth values.
    """
    import numpy as np

    contents: dict[str, bytes] = {}
    members: dict[str, dict[str, Any]] = {}
    for name, array in sorted(arrays.items()):
        plain = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
        file = io.BytesIO()
        np.lib.format.write_array(file, plain, version=(1, 0), allow_pickle=False)
        contents[f"{name}.npy"] = file.getvalue()
        members[f"{name}.npy"] = {
            "dtype": plain.dtype.str,
            "sha256": hashlib.sha256(file.getvalue()).hexdigest(),
            "shape": list(array.shape),
        }
    whole = {**manifest, _MEMBERS: members}
    text = json.dumps({**whole, _DIGEST: _digest(whole)}, sort_keys=True, indent=1)
    contents[_MANIFEST] = f"{text}\n".encode()

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(contents.items()):
            info = zipfile.ZipInfo(name, _DATE)
            info.create_system, info.external_attr = _UNIX, _MODE
            archive.writestr(info, content)
    write_bytes(path, file.getvalue())


def read_archive(path: Path) -> "tuple[dict[str, Any], dict[str, NDArray[Any]]]":
    """Read what `write_archive` wrote: the manifest, without "members", and the arrays.

    A manifest may be without "digest", as those of before are; one that is there was checked.

    Raises
    ------
    ArchiveError
        If the file is missing, truncated, altered or no archive; the message names the member that
        is not what the manifest says.
    """
    from golden.data.npy import read_npy

    manifest, members = _read_whole(path)
    arrays: dict[str, NDArray[Any]] = {}
    for name, (content, dtype, shape) in members.items():
        try:
            array = read_npy(io.BytesIO(content))
        except ValueError as error:
            raise ArchiveError(f"{path}: member {name} is not a NumPy array: {error}") from error
        if (array.dtype.str, array.shape) != (dtype, shape):
            raise ArchiveError(
                f"{path}: member {name} must be {dtype} of shape {list(shape)}, "
                f"not {array.dtype.str} of shape {list(array.shape)}"
            )
        arrays[name.removesuffix(".npy")] = array
    return manifest, arrays


def check_archive(path: Path) -> None:
    """Refuse a file that is missing, truncated, altered or no archive; errors as `read_archive`.

    Needs nothing but the standard library, so that it comes before what is slow to import.
    """
    _read_whole(path)


class _Member(NamedTuple):
    """An array's file, and what the manifest says that it holds."""

    content: bytes
    dtype: Any
    shape: tuple[Any, ...]


def _read_whole(path: Path) -> tuple[dict[str, Any], dict[str, _Member]]:
    """Read the manifest, without "members", and the members, whose digests are right."""
    contents = _read_members(path)
    if _MANIFEST not in contents:
        raise ArchiveError(f"{path} must hold {_MANIFEST}: it is not an artifact")
    try:
        manifest: dict[str, Any] = json.loads(contents.pop(_MANIFEST))
        digest = _digest(manifest)
        entries: dict[str, dict[str, Any]] = manifest.pop(_MEMBERS)
        hashes = {name: entry["sha256"] for name, entry in entries.items()}
        types = {name: (entry["dtype"], tuple(entry["shape"])) for name, entry in entries.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ArchiveError(f"{path}: {_MANIFEST} is not the manifest of an artifact") from error
    for name in sorted(hashes.keys() ^ contents.keys()):
        problem = "is missing" if name in hashes else "is not listed in the manifest"
        raise ArchiveError(f"{path}: member {name} {problem}")
    for name, content in contents.items():
        found = hashlib.sha256(content).hexdigest()
        if found != hashes[name]:
            raise ArchiveError(
                f"{path}: member {name} was altered: its SHA-256 must be {hashes[name]}, "
                f"not {found}{_MEND}"
            )
    if manifest.get(_DIGEST, digest) != digest:
        raise ArchiveError(
            f"{path}: {_MANIFEST} was altered: its digest must be {digest}, "
            f"not {manifest[_DIGEST]!r}{_MEND}"
        )
    return manifest, {name: _Member(content, *types[name]) for name, content in contents.items()}


def _digest(manifest: Mapping[str, Any]) -> str:
    """The SHA-256 of a manifest but for its digest; it does not depend on how it is written."""
    content = {name: value for name, value in manifest.items() if name != _DIGEST}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _read_members(path: Path) -> dict[str, bytes]:
    """Return every member's bytes by name; nothing is unpacked to disk."""
    if not os.path.isfile(path):
        raise ArchiveError(f"{path} does not exist, or is not a file")
    contents: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_members(path, members)
            for info in members:
                contents[info.filename] = _read_member(archive, info, path)
    except OSError as error:
        raise ArchiveError(f"{path} cannot be read: {error.strerror or error}") from error
    except MemoryError as error:
        raise ArchiveError(f"{path} must fit into memory, and does not") from error
    except ArchiveError:
        raise
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
        raise ArchiveError(
            f"{path} must be a whole zip file, but is truncated or no zip"
        ) from error
    return contents


def _check_members(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """Refuse members that are not one after the other, each as long as it says."""
    seen: set[str] = set()
    for info in members:
        if info.compress_type != zipfile.ZIP_STORED:
            raise ArchiveError(f"{path}: member {info.filename} must be stored, not compressed")
        if info.filename in seen:
            raise ArchiveError(f"{path}: member {info.filename} is there twice")
        seen.add(info.filename)
        if info.filename == _MANIFEST and info.file_size > _MOST_MANIFEST_BYTES:
            raise ArchiveError(
                f"{path}: {_MANIFEST} must have at most {_MOST_MANIFEST_BYTES} bytes, "
                f"not {info.file_size}"
            )
    claimed, there = sum(info.file_size for info in members), path.stat().st_size
    if claimed > there:
        raise ArchiveError(
            f"{path}: members must have no more than the {there} bytes of the file, not {claimed}"
        )


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> bytes:
    try:
        return archive.read(info)
    except (zipfile.BadZipFile, EOFError, RuntimeError, ValueError, struct.error) as error:
        raise ArchiveError(
            f"{path}: member {info.filename} was altered or cut short: {error}"
        ) from error
