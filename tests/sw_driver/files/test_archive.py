"""The container of an artifact: equal bytes for equal contents, no altered file gets through."""

import contextlib
import hashlib
import io
import json
import os
import re
import zipfile

import numpy as np
import pytest

from sw_driver.errors import DriverError
from sw_driver.files import archive
from sw_driver.files.archive import ArchiveError, read_archive, write_archive
from sw_driver.system.files import write_text

MANIFEST = {"format": "test", "version": 3, "nested": {"b": [1, 2.5], "a": "ä"}}
ARRAYS = {
    "words": np.arange(-3, 9, dtype=np.int64).reshape(3, 4),
    "beats": np.array([1, 2**32 - 1], np.uint32),
    "empty": np.empty((2, 0), np.int64),
    "scalar": np.array(7, np.int32),
}


@pytest.fixture
def path(tmp_path):
    """A written archive."""
    write_archive(tmp_path / "a.ctz", MANIFEST, ARRAYS)
    return tmp_path / "a.ctz"


def rewrite(path, change, *, compression=zipfile.ZIP_STORED):
    """Pass the members (name to bytes) through `change` and write the archive again."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def rewrite_manifest(path, change):
    def on_members(members):
        manifest = json.loads(members["manifest.json"])
        change(manifest)
        members["manifest.json"] = json.dumps(manifest).encode()

    rewrite(path, on_members)


def redo_digest(manifest):
    """Compute the digest again, as anybody can: it is no signature."""
    content = {name: value for name, value in manifest.items() if name != "digest"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    manifest["digest"] = hashlib.sha256(text.encode()).hexdigest()


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def replace_member(path, name, content):
    """Put other bytes in the place of a member, with its checksum redone."""

    def on_members(members):
        manifest = json.loads(members["manifest.json"])
        manifest["members"][name]["sha256"] = hashlib.sha256(content).hexdigest()
        redo_digest(manifest)
        members["manifest.json"] = json.dumps(manifest).encode()
        members[name] = content

    rewrite(path, on_members)


def test_round_trip(path):
    manifest, arrays = read_archive(path)
    assert re.fullmatch("[0-9a-f]{64}", manifest.pop("digest"))
    assert manifest == MANIFEST
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)


def test_same_contents_same_bytes(path, tmp_path):
    turned = dict(reversed(MANIFEST.items()))
    other = {name: np.array(array, order="F") for name, array in reversed(ARRAYS.items())}
    other["words"] = other["words"].astype(">i8")
    write_archive(tmp_path / "b.ctz", turned, other)
    assert (tmp_path / "b.ctz").read_bytes() == path.read_bytes()


def test_bytes_of_record(path):
    """The format must not drift: version 1 files are read by what is written here."""
    assert zipfile.ZipFile(path).namelist() == [
        "beats.npy", "empty.npy", "manifest.json", "scalar.npy", "words.npy"
    ]  # fmt: skip
    for info in zipfile.ZipFile(path).infolist():
        assert info.date_time == (1980, 1, 1, 0, 0, 0)
        assert info.compress_type == zipfile.ZIP_STORED


@pytest.mark.parametrize("keep", [0, 1, 100, 0.5, 0.9, -1])
def test_truncated(path, keep):
    whole = path.read_bytes()
    length = int(keep * len(whole)) if isinstance(keep, float) else keep
    path.write_bytes(whole[:length])
    with pytest.raises(ArchiveError, match="truncated or no zip"):
        read_archive(path)


def test_every_flipped_byte_of_an_array_is_found(path):
    whole = path.read_bytes()
    data = ARRAYS["words"].tobytes()
    start = whole.index(data)
    for offset in range(len(data)):
        altered = bytearray(whole)
        altered[start + offset] ^= 0x10
        path.write_bytes(bytes(altered))
        with pytest.raises(ArchiveError, match=r"member words\.npy was altered"):
            read_archive(path)


def test_altered_with_crc_redone_names_the_member_and_both_hashes(path):
    other = ARRAYS["words"].copy()
    other[0, 0] ^= 1
    rewrite(path, lambda members: members.update({"words.npy": npy(other)}))
    with pytest.raises(ArchiveError, match=r"words\.npy was altered: its SHA-256 must be \w{64}"):
        read_archive(path)


def test_altered_manifest(path):
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"version": 3', b'"version": 4'))
    with pytest.raises(ArchiveError, match=r"member manifest\.json was altered"):
        read_archive(path)


@pytest.mark.parametrize("change", [
    {"version": 4}, {"nested": {"b": [1, 2.5], "a": "a"}}, {"more": None}, {"digest": "0" * 64},
    {"digest": ""}, {"digest": 5}, {"digest": None}, {"digest": ["a"]}, {"digest": {"a": 1}},
    {"digest": float("nan")},
], ids=str)  # fmt: skip
def test_a_manifest_edited_by_hand(path, change):
    rewrite_manifest(path, lambda manifest: manifest.update(change))
    with pytest.raises(ArchiveError, match=r"a\.ctz: manifest\.json was altered: its digest must "
                       r"be [0-9a-f]{64}, not .*; copy the file again, or compile the model again"):
        read_archive(path)


def test_a_manifest_written_in_another_way_is_the_same(path):
    rewrite_manifest(path, lambda manifest: None)  # Without indents.
    assert read_archive(path)[0]["nested"] == MANIFEST["nested"]


def test_an_archive_of_before_has_no_digest(path):
    rewrite_manifest(path, lambda manifest: manifest.pop("digest"))
    assert read_archive(path)[0] == MANIFEST


def test_missing_member(path):
    rewrite(path, lambda members: members.pop("beats.npy"))
    with pytest.raises(ArchiveError, match=r"member beats\.npy is missing"):
        read_archive(path)


def test_extra_member(path):
    rewrite(path, lambda members: members.update({"more.npy": npy(np.zeros(1))}))
    with pytest.raises(ArchiveError, match=r"member more\.npy is not listed in the manifest"):
        read_archive(path)


def test_no_manifest(path):
    rewrite(path, lambda members: members.pop("manifest.json"))
    with pytest.raises(ArchiveError, match=r"must hold manifest\.json: it is not an artifact"):
        read_archive(path)


@pytest.mark.parametrize(
    "text",
    [b"{", b"[]", b"{}", b'{"members": 1}', b'{"members": {"words.npy": {}}}', b"\xff",
     b"[" * 100_000, b'{"members": ' + b"[" * 100_000, b'{"a": ' * 100_000, b"9" * 10_000],
    ids=lambda text: text[:20],
)
def test_unreadable_manifest(path, text):
    rewrite(path, lambda members: members.update({"manifest.json": text}))
    with pytest.raises(ArchiveError, match=r"manifest\.json is not the manifest of an artifact"):
        read_archive(path)


def test_long_manifest(path, monkeypatch):
    monkeypatch.setattr(archive, "_MOST_MANIFEST_BYTES", 1000)
    rewrite(path, lambda members: members.update({"manifest.json": b" " * 1001}))
    with pytest.raises(ArchiveError, match=r"manifest\.json .* at most 1000 bytes, not 1001"):
        read_archive(path)


def test_members_that_share_their_bytes(path):
    """A small file could claim to be a large one: a thousand names of the same bytes."""
    whole = path.read_bytes()
    start = whole.index(b"PK\x01\x02")
    end = whole.index(b"PK\x05\x06")
    entry = whole[start : whole.index(b"PK\x01\x02", start + 4)]
    entries = b"".join(entry.replace(b"beats", f"b{number:04}".encode()) for number in range(1000))
    count = (1000).to_bytes(2, "little") * 2
    sizes = len(entries).to_bytes(4, "little") + start.to_bytes(4, "little")
    path.write_bytes(whole[:start] + entries + whole[end : end + 8] + count + sizes + bytes(2))
    with pytest.raises(ArchiveError, match=r"no more than the \d+ bytes of the file, not \d+"):
        read_archive(path)


@pytest.mark.parametrize("at", ["PK\x01\x02", "PK\x05\x06"])
def test_any_byte_of_the_directory_may_be_wrong(path, at):
    """Not all that is altered there matters; what does is one error, and no other."""
    whole = path.read_bytes()
    start = whole.index(at.encode())
    random = np.random.default_rng(1)
    for offset in range(start, min(start + 60, len(whole))):
        for value in (0, 0xFF, int(random.integers(256))):
            altered = bytearray(whole)
            altered[offset] = value
            path.write_bytes(bytes(altered))
            with contextlib.suppress(ArchiveError):
                assert read_archive(path)[1].keys() == ARRAYS.keys()


def test_compressed(path):
    rewrite(path, lambda members: None, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ArchiveError, match="must be stored, not compressed"):
        read_archive(path)


def test_member_twice(path):
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("words.npy", b"")
    with pytest.raises(ArchiveError, match=r"member words\.npy is there twice"):
        read_archive(path)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("{'descr': '<i8', 'fortran_order': False, 'shape': (1000000000000,)}", "but 96 follow"),
        ("{'descr': '<i8', 'fortran_order': False, 'shape': (-3, -4)}", "must|-3"),
        ("{'descr': '<c16', 'fortran_order': False, 'shape': (6,)}", "must be real numbers"),
        ("(" * 2000, "it has no header of one"),
    ],
)
def test_absurd_arrays(path, header, message):
    content = b"".join((b"\x93NUMPY\x01\x00", len(header).to_bytes(2, "little"), header.encode(),
                        ARRAYS["words"].tobytes()))
    replace_member(path, "words.npy", content)
    with pytest.raises(ArchiveError, match=rf"words\.npy (is not a NumPy array|must).*({message})"):
        read_archive(path)


@pytest.mark.parametrize("name", ["a" * 300, "a" * 300 + "/b", "folder", "pipe", "loop"])
def test_what_is_no_file(tmp_path, name):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ArchiveError, match="does not exist, or is not a file"):
        read_archive(tmp_path / name)


@pytest.mark.parametrize(
    ("other", "found"),
    [
        (ARRAYS["words"].astype(np.int32), r"not <i4 of shape \[3, 4\]"),
        (ARRAYS["words"].T, r"not <i8 of shape \[4, 3\]"),
        (ARRAYS["words"].astype(">i8"), r"not >i8 of shape \[3, 4\]"),
    ],
)
def test_other_dtype_or_shape(path, other, found):
    replace_member(path, "words.npy", npy(other))
    with pytest.raises(ArchiveError, match=rf"must be <i8 of shape \[3, 4\], {found}"):
        read_archive(path)


def test_no_array(path):
    replace_member(path, "words.npy", b"no array")
    with pytest.raises(ArchiveError, match=r"member words\.npy is not a NumPy array"):
        read_archive(path)


def test_pickles_are_refused(path):
    replace_member(path, "words.npy", npy(np.array([{}], object)))
    with pytest.raises(ArchiveError, match=r"words\.npy is not a NumPy array"):
        read_archive(path)


def test_missing_file(tmp_path):
    with pytest.raises(ArchiveError, match=r"none\.ctz does not exist, or is not a file"):
        read_archive(tmp_path / "none.ctz")


def test_outputs_that_cannot_be_written(tmp_path):
    with pytest.raises(DriverError, match="there is no folder"):
        write_text(tmp_path / "none" / "out.txt", "")
    with pytest.raises(DriverError, match="it is a folder"):
        write_text(tmp_path, "")
