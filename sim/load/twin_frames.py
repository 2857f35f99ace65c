"""Frames as a `BoardTwin` reads and writes them: docs/host_link.md, shared with neither end."""

import dataclasses
import zlib

__all__ = ["HOST_HEADER_BYTES", "Heard", "read_frame", "write_frame"]

HOST_HEADER_BYTES = 7
_CRC_BYTES = 4


@dataclasses.dataclass(frozen=True)
class Heard:
    """A frame of the host, as docs/host_link.md lays it out; `words` are its bytes of words."""

    session: int
    opens: bool
    tag: int
    most_words: int
    rewinds: bool
    number: int
    expected: int
    words: bytes


def read_frame(raw: bytes) -> Heard | None:
    """Return the frame of a host in bytes of the wire without their end; None if it is damaged."""
    content = _decoded(raw)
    size = len(content) - HOST_HEADER_BYTES if content is not None else 0
    if content is None or size < _CRC_BYTES or size % 4:
        return None
    if zlib.crc32(content[:-4]) != int.from_bytes(content[-4:], "little"):
        return None
    return Heard(content[0] & 0x7F, bool(content[0] & 0x80), content[1], content[2] & 0x3F,
                 bool(content[2] & 0x80), int.from_bytes(content[3:5], "little"),
                 int.from_bytes(content[5:7], "little"), content[HOST_HEADER_BYTES:-4])


def write_frame(content: bytes) -> bytes:
    """Return the bytes of a frame on the wire: its content, at most 248 bytes, CRC and end."""
    out = bytearray()
    for run in (content + zlib.crc32(content).to_bytes(4, "little")).split(b"\0"):
        out.append(len(run) + 1)
        out += run
    return bytes(out + b"\0")


def _decoded(raw: bytes) -> bytes | None:
    """Take COBS off a frame without its end; None if bytes are missing."""
    out, at = bytearray(), 0
    while at < len(raw):
        code = raw[at]
        if at + code > len(raw):
            return None
        out += raw[at + 1:at + code]
        at += code
        if code != 0xFF and at < len(raw):
            out.append(0)
    return bytes(out)
