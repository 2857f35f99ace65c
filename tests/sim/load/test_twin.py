"""The model of the board's end is the RTL: same bytes in, same bytes out, each in its cycle."""

import math
from random import Random

import pytest

from hw.link_config import LinkConfig
from sim.load.cable import Cable, HostLine
from sim.load.loop import HARDWARE_ID
from sim.load.stretch import CLOCK_HZ, LINKS, Held
from sim.load.twin import BoardTwin
from sim.load.visits import PATIENCE, LinkWrong, Visitor
from sim.load.wires import BadWire
from sw_driver.serial.connection import Connection
from sw_driver.serial.frames import END, HostFrame, encode_host_frame
from tests.support.link_bench import loop_model

pytestmark = pytest.mark.usefixtures("toolchain")
SLOW_BITS = LinkConfig(5 * CLOCK_HZ // 4, buffer_bytes=1024)


@pytest.fixture(scope="module", params=[
    LINKS[0], *(pytest.param(link, marks=pytest.mark.slow) for link in (LINKS[1], SLOW_BITS))],
    ids=lambda link: f"{link.buffer_bytes}")
def link(request):
    return request.param


@pytest.fixture
def held(link):
    with loop_model(link) as rtl:
        yield Held(rtl, BoardTwin(link, HARDWARE_ID))


def visit(board, link, per_mille, seed, frames):
    """Let hosts come and go at a board."""
    wires = (BadWire(per_mille, seed, way) for way in (0, 1))
    visitor = Visitor("board", Cable(board, link.clock_hz, *wires, Random(seed)), Random(seed))
    visitor.run(frames)
    return visitor.visits


@pytest.mark.parametrize("per_mille, seed", [(10, 6), (1, 2), (0, 3)])
def test_hosts_come_and_go(held, link, per_mille, seed, monkeypatch):
    monkeypatch.setattr("sim.load.visits._STAYS", 0.0)
    visits = visit(held, link, per_mille, seed, 400)
    assert visits.sessions > 2 and visits.checked_bytes > 400
    assert held.cycles == held.rtl.cycles == held.twin.cycles
    assert held.rtl.led == held.twin.led


@pytest.mark.slow
def test_numbers_of_words_wrap(held, link):
    wires = (BadWire(0.3, 1, way) for way in (0, 1))
    cable = Cable(held, link.clock_hz, *wires, Random(1))
    data = Random(4).randbytes(4 * 70_000)
    with Connection("board", patience=PATIENCE, line=HostLine(cable, math.inf)) as connection:
        connection.send(data)
        assert connection.receive(len(data)) == bytes(byte ^ 0xFF for byte in data)
        connection.flush()
        assert connection.figures.damaged


def hostile_frames(random):
    """Frames of all kinds, whole and right, that no honest host sends, and rubbish between them."""
    session = 0
    while True:
        kind = random.random()
        if kind < 0.05:
            session = random.randrange(4)
            yield encode_host_frame(HostFrame(session, random.randrange(256), 60, 0, 0, opens=True))
        elif kind < 0.15:
            yield random.choice([END * 3, random.randbytes(20) + END, random.randbytes(300)])
        else:
            words = random.randbytes(4 * random.choice([0, 0, 1, 2, 7, 20, 60, 61, 150]))
            frame = encode_host_frame(HostFrame(
                random.choice([session, session, session, 9]), random.randrange(256),
                random.randrange(1, 61), random.choice([0, 1, 2, 2, 4, 9, 27, 65535]),
                random.choice([0, 0, 1, 2, 5, 8, 30, 200]), words, opens=random.random() < 0.05,
                rewinds=random.random() < 0.2))
            yield frame if random.random() < 0.9 else frame[:random.randrange(len(frame))]


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_whatever_a_host_sends(held, seed):
    random = Random(seed)
    frames = hostile_frames(random)
    came = 0
    for _ in range(300):
        data = next(frames)
        while data:
            taken, out, _, _ = held.run(data, random.choice([7, 500, 5000, 30_000]))
            data = data[taken:]
            came += out.count(0)
    assert came > 100


class Silent(BoardTwin):
    """Gives no answer to a frame now and then."""

    def _take(self, heard, now):
        super()._take(heard, now)
        if heard.tag % 16 == 15:
            self._owed = False


class Forgetful(BoardTwin):
    """Does not acknowledge the words of a frame now and then."""

    def _take(self, heard, now):
        former = self._expected
        super()._take(heard, now)
        if heard.tag % 16 == 15 and heard.words:
            self._expected = former


class Late(BoardTwin):
    """Is a cycle late with each of its frames."""

    def _idle(self, now):
        if now > self._ready_from:
            super()._idle(now)




@pytest.mark.parametrize("mutant", [Silent, Forgetful, Late])
def test_a_model_that_is_not_the_rtl_is_found(link, mutant):
    with loop_model(link) as rtl, pytest.raises(LinkWrong, match="the model differs from the RTL"):
        visit(Held(rtl, mutant(link, HARDWARE_ID)), link, 10, 1, 400)
