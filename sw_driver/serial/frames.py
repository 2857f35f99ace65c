"""Frames of the host link as docs/host_link.md lays them out, independent of the RTL's."""

import dataclasses
import struct
import zlib

__all__ = [
    "END",
    "FRAME_WORDS",
    "WORD_BYTES",
    "BoardFrame",
    "HostFrame",
    "cobs_decode",
    "cobs_encode",
    "decode_board_frame",
    "encode_host_frame",
]

WORD_BYTES = 4
FRAME_WORDS = 60
END = b"\0"
"""What ends a frame; between frames it means nothing."""

_HOST_HEADER = struct.Struct("<BBBHH")
_BOARD_HEADER = struct.Struct("<BBHHH")
_CRC = struct.Struct("<I")
_FLAG = 0x80  # OPEN, REWIND or HELLO, above seven bits of something else.
_ASKS_FAULTS = 0x40
_FAULTY = 0x8000  # Above 15 bits of space.
_LONGEST_RUN = 254


@dataclasses.dataclass(frozen=True)
class HostFrame:
    """From the host to the board; numbers of words are taken modulo 2^16.

    Parameters
    ----------
    session
        0 to 127.
    tag
        0 to 255.
    most_words
        Of a frame that the board sends, 1 to 60.
    number
        Of the first word of `words`, or of the next one to come.
    expected
        Number of the next word that the host expects.
    words
        Up to 60 words of 4 bytes.
    opens, rewinds
        Whether it begins a session, or asks to send again from `expected` on.
    asks_faults
        Whether it asks a board with `checks` for FAULTS.
    """

    session: int
    tag: int
    most_words: int
    number: int
    expected: int
    words: bytes = b""
    opens: bool = False
    rewinds: bool = False
    asks_faults: bool = False


@dataclasses.dataclass(frozen=True)
class BoardFrame:
    """From the board to the host.

    Parameters
    ----------
    session
        0 to 127.
    echo
        Tag of the latest frame that the board had received.
    space
        Words that the board can take beyond `expected`.
    number
        Of the first word of `words`, or of the next one to come, modulo 2^16.
    expected
        Number of the next word that the board expects, modulo 2^16.
    words
        Words of 4 bytes.
    hello
        Whether its words have no numbers: they say who the board is, or are FAULTS.
    faulty
        Whether a flag of a fault is set in the board's torus.
    """

    session: int
    echo: int
    space: int
    number: int
    expected: int
    words: bytes = b""
    hello: bool = False
    faulty: bool = False


def cobs_encode(data: bytes) -> bytes:
    """Return bytes without zeros that stand for `data` (Cheshire and Baker 1999, COBS)."""
    out = bytearray()
    runs = data.split(b"\0")
    for index, run in enumerate(runs):
        while len(run) >= _LONGEST_RUN:
            out += b"\xff" + run[:_LONGEST_RUN]
            run = run[_LONGEST_RUN:]
            # A full run stands for no zero: an empty rest needs a code only before a zero.
            if not run and index == len(runs) - 1:
                return bytes(out)
        out.append(len(run) + 1)
        out += run
    return bytes(out)


def cobs_decode(data: bytes) -> bytes | None:
    """Return what `data`, without its ending zero, stands for; None if that is nothing."""
    out = bytearray()
    place = 0
    while place < len(data):
        code = data[place]
        run = data[place + 1 : place + code]
        if code == 0 or len(run) != code - 1 or 0 in run:
            return None
        out += run
        place += code
        if code <= _LONGEST_RUN and place < len(data):
            out.append(0)
    return bytes(out)


def encode_host_frame(frame: HostFrame) -> bytes:
    """Return the bytes of a frame on the wire, its end included."""
    content = (
        _HOST_HEADER.pack(
            frame.session | (_FLAG if frame.opens else 0),
            frame.tag,
            frame.most_words | (_FLAG if frame.rewinds else 0)
            | (_ASKS_FAULTS if frame.asks_faults else 0),
            frame.number & 0xFFFF,
            frame.expected & 0xFFFF,
        )
        + frame.words
    )
    return cobs_encode(content + _CRC.pack(zlib.crc32(content))) + END


def decode_board_frame(data: bytes) -> BoardFrame | None:
    """Return the frame that bytes of the wire hold, without its end; None if they are damaged."""
    whole = cobs_decode(data)
    if whole is None or len(whole) < _BOARD_HEADER.size + _CRC.size or len(whole) % WORD_BYTES:
        return None
    content, crc = whole[: -_CRC.size], whole[-_CRC.size :]
    if _CRC.pack(zlib.crc32(content)) != crc:
        return None
    first, echo, space, number, expected = _BOARD_HEADER.unpack_from(content)
    return BoardFrame(
        session=first & ~_FLAG,
        echo=echo,
        space=space & ~_FAULTY,
        number=number,
        expected=expected,
        words=content[_BOARD_HEADER.size :],
        hello=bool(first & _FLAG),
        faulty=bool(space & _FAULTY),
    )
