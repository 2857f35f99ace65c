"""The RTL of the host link and the host's end of it: what is sent comes back, whatever happens."""

from random import Random

import pytest

from sim.model.wire import Damage
from sw_driver.serial.frames import END, HostFrame, decode_board_frame, encode_host_frame
from tests.support.link_bench import HARDWARE_ID, SMALL_LINK, Host, inverted, loop_model

pytestmark = pytest.mark.usefixtures("toolchain")


@pytest.fixture(scope="module")
def loop():
    with loop_model(SMALL_LINK) as board:
        yield board


def test_opens_without_a_reset(loop):
    assert not loop.led
    host = Host(loop, session=3)
    host.open()
    assert loop.led
    assert host.end.hardware_id == HARDWARE_ID
    assert (host.figures.damaged, host.figures.frames_sent) == (0, 1)


def test_what_is_sent_comes_back(loop):
    random = Random(1)
    host = Host(loop, session=4)
    host.open()
    # Nothing, all zeros, no zeros; a frame that is just full; more than the buffers hold.
    for data in (bytes(8), b"\xff" * 8, bytes(range(1, 241)), bytes(240), bytes(2000),
                 b"\x01" * 2000, random.randbytes(8), random.randbytes(5000)):
        host.exchange(data)
    assert host.figures.retries == host.figures.damaged == 0


def test_both_wires_are_busy(loop):
    host = Host(loop, session=5)
    host.open()
    host.to_board.clear()
    host.from_board.clear()
    data = Random(2).randbytes(16_384)
    host.exchange(data)
    for wire in (host.to_board, host.from_board):
        cycles = wire.last_cycle - wire.first_cycle + loop.byte_cycles
        # The smallest buffers hold two frames, of which at most 94.9 % are words.
        assert 0.87 < len(data) * loop.byte_cycles / cycles < 0.949, wire.bytes


@pytest.mark.slow
def test_numbers_and_tags_wrap(loop):
    host = Host(loop, session=6, slice_bytes=64)
    host.open()
    data = Random(3).randbytes(4 * 70_000)
    host.exchange(data)
    assert host.figures.retries == 0


@pytest.mark.parametrize("per_mille, seed", [
    (10, 1), (2, 4), *(pytest.param(*case, marks=pytest.mark.slow) for case in ((10, 2), (20, 3)))])
def test_damage(loop, per_mille, seed):
    host = Host(loop, 7, Damage(per_mille, seed))
    host.open()
    random = Random(seed)
    for _ in range(8):
        host.exchange(random.randbytes(8 * random.randrange(1, 120)))
    assert host.to_board.damaged > 5 and host.from_board.damaged > 5
    assert host.figures.damaged and host.figures.resent and host.figures.retries


def test_a_host_goes_away_in_the_middle_of_a_frame(loop):
    random = Random(5)
    for cut in (1, 2, 7, 8, 30, 100):
        host = Host(loop, session=cut)
        host.open()
        host.end.send(random.randbytes(800))
        sent = host.end.transmit(host.now, waits=True)
        loop.run(sent[:cut], len(sent) * loop.byte_cycles)
        again = Host(loop, session=cut + 1)
        again.open()
        again.exchange(random.randbytes(400))
        # Its OPEN came after half a frame, whose end it brought.
        assert again.figures.retries == 0


def test_a_host_goes_away_while_the_board_sends(loop):
    random = Random(6)
    host = Host(loop, session=1)
    host.open()
    host.end.send(random.randbytes(1600))
    for _ in range(60):
        host.step()
    again = Host(loop, session=2)
    again.open()
    again.exchange(random.randbytes(1600))


def test_frames_of_others_do_nothing(loop):
    random = Random(7)
    host = Host(loop, session=9)
    host.open()
    other = encode_host_frame(HostFrame(10, 0, 60, 0, 0, random.randbytes(40)))
    wrong_number = encode_host_frame(HostFrame(9, 200, 60, 5, 0, random.randbytes(40)))
    short = encode_host_frame(HostFrame(9, 200, 60, 0, 0, b"abcd"))
    short = short[:6] + short[8:]
    too_long = encode_host_frame(HostFrame(9, 1, 60, 0, 0, random.randbytes(600)))
    for rubbish in (other, wrong_number, short, too_long, END * 5, random.randbytes(300) + END):
        loop.run(rubbish, (len(rubbish) + 40) * loop.byte_cycles)
    host.exchange(random.randbytes(1200))


def test_words_without_room_overwrite_nothing(loop):
    random = Random(8)
    Host(loop, session=11).open()
    data, number, answers = random.randbytes(4 * 400), 0, b""

    def say(words=b"", expected=0, crc_flips=0):
        """Send a frame by hand, and return the board's last answer."""
        nonlocal answers
        frame = bytearray(encode_host_frame(HostFrame(11, 1, 60, number, expected, words)))
        frame[-2] ^= crc_flips
        _, out, _, _ = loop.run(bytes(frame), (len(frame) + 900) * loop.byte_cycles)
        answers += out
        return decode_board_frame(answers.split(END)[-2])

    # Nothing is acknowledged, so the board's buffers fill up, one behind the other.
    space = 127
    while space:
        count = min(space, 20)
        space = say(data[4 * number:4 * (number + count)]).space
        number += count
    assert number > 2 * 120
    # Two frames whose end between them was lost look like this: in order, too long, a wrong CRC.
    assert say(random.randbytes(160), crc_flips=1).space == 0
    came = b""
    for _ in range(20):
        *frames, answers = answers.split(END)
        for frame in map(decode_board_frame, filter(None, frames)):
            if frame is not None and frame.number == len(came) // 4 and not frame.hello:
                came += frame.words
        say(expected=len(came) // 4)
    assert came == inverted(data[:8 * (number // 2)])  # Whole beats of two words.
