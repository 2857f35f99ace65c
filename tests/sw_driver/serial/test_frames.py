"""The frames of the host link: vectors by hand, and damage."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sw_driver.serial.frames import (
    BoardFrame,
    HostFrame,
    cobs_decode,
    cobs_encode,
    decode_board_frame,
    encode_host_frame,
)

# Cheshire and Baker's format, by hand.
VECTORS = [
    ("", "01"),
    ("00", "0101"),
    ("0000", "010101"),
    ("11220033", "0311220233"),
    ("11223344", "0511223344"),
    ("11000000", "0211010101"),
    ("01" * 254, "ff" + "01" * 254),
    ("01" * 255, "ff" + "01" * 254 + "0201"),
    ("00" + "01" * 254, "01ff" + "01" * 254),
    ("01" * 254 + "00", "ff" + "01" * 254 + "0101"),
]


def board_bytes(frame):
    """What a board would send, without the end: written out, not shared with the codec."""
    content = struct.pack("<BBHHH", frame.session | 128 * frame.hello, frame.echo,
                          frame.space | 0x8000 * frame.faulty, frame.number, frame.expected)
    content += frame.words
    return cobs_encode(content + zlib.crc32(content).to_bytes(4, "little"))


@pytest.mark.parametrize("data, coded", VECTORS)
def test_cobs_vectors(data, coded):
    assert cobs_encode(bytes.fromhex(data)).hex() == coded
    assert cobs_decode(bytes.fromhex(coded)).hex() == data


@given(st.binary(max_size=700))
def test_cobs_round_trip(data):
    coded = cobs_encode(data)
    assert 0 not in coded and len(coded) <= len(data) + 1 + len(data) // 254
    assert cobs_decode(coded) == data


@pytest.mark.parametrize("coded", ["05112233", "0311000233", "02", "0311220500"])
def test_cobs_refuses(coded):
    assert cobs_decode(bytes.fromhex(coded)) is None


def test_a_host_frame_by_hand():
    frame = HostFrame(session=5, tag=7, most_words=60, number=0x1234, expected=0x1_0003,
                      words=b"abcd", rewinds=True)
    content = bytes.fromhex("0507bc34120300") + b"abcd"
    coded = encode_host_frame(frame)
    assert coded[-1] == 0
    assert cobs_decode(coded[:-1]) == content + zlib.crc32(content).to_bytes(4, "little")
    opening = cobs_decode(encode_host_frame(HostFrame(127, 0, 1, 0, 0, opens=True))[:-1])
    assert opening[:3] == b"\xff\0\1"


frames = st.builds(
    BoardFrame, st.integers(0, 127), st.integers(0, 255), st.integers(0, 32767),
    *[st.integers(0, 65535)] * 2,
    st.integers(0, 60).flatmap(lambda count: st.binary(min_size=4 * count, max_size=4 * count)),
    st.booleans(), st.booleans())


@given(frames)
def test_board_frames(frame):
    assert decode_board_frame(board_bytes(frame)) == frame


@given(frames, st.data())
def test_damaged_board_frames_are_refused(frame, data):
    coded = bytearray(board_bytes(frame))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(coded) - 1))
        kind = data.draw(st.sampled_from(["drop", "double", "flip"]))
        if kind == "flip":
            coded[place] ^= 1 << data.draw(st.integers(0, 7))
        elif kind == "double":
            coded.insert(place, coded[place])
        elif len(coded) > 1:
            del coded[place]
    if coded != board_bytes(frame):
        assert decode_board_frame(bytes(coded)) is None


@pytest.mark.parametrize("data", [b"", b"\1", b"\1\1\1\1\1", cobs_encode(bytes(11))])
def test_no_frame(data):
    assert decode_board_frame(data) is None
