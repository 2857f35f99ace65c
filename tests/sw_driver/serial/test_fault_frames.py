"""The host's end of a link to a board whose torus has `checks`, and a board written by hand."""

import struct
import zlib

import pytest

from hw.config import TorusConfig
from sw_driver.errors import FaultError, LinkError
from sw_driver.serial.figures import LinkFigures
from sw_driver.serial.frames import END, BoardFrame, cobs_decode, cobs_encode, decode_board_frame
from sw_driver.serial.host_end import HostEnd
from sw_driver.serial.transport import SerialTransport

FLAGS = bytes([0, 0, 4, 0])


def board_frame(session, echo, *, space=100, number=0, expected=0, words=b"", hello=False):
    content = struct.pack("<BBHHH", session | hello << 7, echo, space, number, expected) + words
    return cobs_encode(content + zlib.crc32(content).to_bytes(4, "little")) + END


def host_frame(data):
    """Session with OPEN, tag, and the byte with the bits of a frame of the host."""
    (raw,) = filter(None, data.split(END))
    content = cobs_decode(raw)
    return content[0], content[1], content[2]


def hello(version=4, words=b"\0\0\0\0"):
    return board_frame(5, 0, hello=True,
                       words=b"CLT" + bytes([version]) + bytes(8) + bytes(4) + words)


@pytest.fixture
def end():
    made = HostEnd(5, LinkFigures(), 0.01)
    assert host_frame(made.transmit(0.0, waits=True))[:2] == (0x85, 0)
    made.receive(hello(), 0.0)
    assert made.opened and not made.faulty
    return made


def test_bit_15_of_space_says_that_there_are_faults():
    raw = board_frame(5, 1, space=0x8000 | 77)[:-1]
    assert decode_board_frame(raw) == BoardFrame(5, 1, 77, 0, 0, faulty=True)
    assert decode_board_frame(board_frame(5, 1, space=77)[:-1]).faulty is False


def test_the_version_says_how_many_words_a_hello_has():
    for version, words in ((4, b""), (4, bytes(8)), (2, bytes(4)), (5, bytes(4))):
        made = HostEnd(5, LinkFigures(), 0.01)
        made.transmit(0.0, waits=True)
        with pytest.raises(LinkError, match="must be 2 to 4, not 5" if version == 5
                           else "must say who it is in"):
            made.receive(hello(version, words), 0.0)


def test_it_asks_until_faults_have_come(end):
    """At once, and again where an answer is lost; other frames go on counting in between."""
    end.receive(board_frame(5, 0, space=0x8000 | 90, words=b"word"), 0.0)
    assert end.faulty and end.received == b"word"
    end.ask_faults()
    assert host_frame(end.transmit(0.0, waits=False)) == (5, 1, 60 | 0x40)
    assert end.transmit(0.001, waits=False) == b""
    again = end.transmit(1.0, waits=False)
    assert host_frame(again) == (5, 2, 60 | 0x40) and end.faults is None
    end.receive(board_frame(5, 2, number=1, words=b"more"), 1.0)
    assert end.faults is None
    end.receive(board_frame(5, 2, number=2, words=b"FLT\0" + FLAGS, hello=True), 1.0)
    assert end.faults == FLAGS and end.received == b"wordmore"
    assert end.transmit(2.0, waits=False) == b""
    # A second answer is dropped, and words go on.
    end.receive(board_frame(5, 2, number=2, words=b"FLT\0" + bytes(4), hello=True), 2.0)
    end.receive(board_frame(5, 2, number=2, words=b"last"), 2.0)
    assert end.faults == FLAGS and end.received == b"wordmorelast"
    assert host_frame(end.transmit(3.0, waits=True))[2] == 60


def test_a_second_hello_is_no_answer(end):
    end.ask_faults()
    end.receive(hello(), 0.0)
    assert end.faults is None


@pytest.mark.parametrize("flags, error, message", [
    (bytes([0, 0, 1, 0, 0, 0, 0, 0]), FaultError, r"the weight memory of PE \(0, 1\) failed"),
    (bytes(7), LinkError, "must tell the faults of 4 nodes, not of 3"),
])
def test_the_transport_says_which_place_it_is(flags, error, message):
    class Link:
        def read_faults(self):
            return flags

    transport = SerialTransport("none", baud=1)
    transport._config = TorusConfig(rows=1, cols=2, checks=1)
    with pytest.raises(error, match=message):
        transport._refuse_faults(Link())
