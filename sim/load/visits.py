"""Hosts that come and go at a board, and check every word that they get."""

import dataclasses
import math
from random import Random

from sim.load.cable import Cable, HostLine, Left
from sw_driver.serial.connection import Connection, Patience
from sw_driver.serial.figures import LinkFigures

__all__ = ["PATIENCE", "LinkWrong", "Visitor", "Visits"]

PATIENCE = Patience(answer_s=30.0, poll_s=0.008, progress_s=60.0)
"""Of a host on a bad line: its clock is the simulated one."""
_BEAT_BYTES = 8
_MOST_BEATS = 60
_MOST_EXCHANGES = 6
_STAYS = 0.02        # Of the hosts, as many stay long,
_LONG_EXCHANGES = 300
_LEAVES = 0.4        # Of the hosts, as many go away in the middle, most of them
_STAY_S = 0.1        # within so long.
_MOST_GAP_S = 0.01   # Without a host.
_SESSIONS = 128


class LinkWrong(AssertionError):
    """A word was lost, doubled or changed."""


@dataclasses.dataclass
class Visits:
    """What hosts did at a board: sessions, those that were broken off, bytes that came back."""

    sessions: int = 0
    left: int = 0
    checked_bytes: int = 0
    figures: LinkFigures = dataclasses.field(default_factory=LinkFigures)


class Visitor:
    """Hosts at one board, one after the other.

    Parameters
    ----------
    name
        Of the board, in messages.
    cable
        Leads to it.
    random
        Draws what hosts send, and when they leave.
    """

    def __init__(self, name: str, cable: Cable, random: Random) -> None:
        self.cable, self.visits = cable, Visits()
        self._name, self._random = name, random
        self._session = random.randrange(_SESSIONS)

    @property
    def frames(self) -> int:
        """Frames that either end has sent."""
        return self.visits.figures.frames_sent + self.cable.frames

    def run(self, frames: int) -> None:
        """Let hosts come and go until so many frames have been sent.

        Raises
        ------
        LinkWrong
            A word was lost, doubled or changed.
        LinkError
            A host has given up.
        """
        while self.frames < frames:
            self._visit(frames)

    def _visit(self, frames: int) -> None:
        """One session, which may be broken off at any moment."""
        random, visits = self._random, self.visits
        if random.random() < 0.5:  # Hosts of one program take another number than before,
            self._session = (self._session + random.randint(1, _SESSIONS - 1)) % _SESSIONS
        else:                      # and one of another program knows nothing of it.
            self._session = random.randrange(_SESSIONS)
        leaves_s = math.inf
        if random.random() < _LEAVES:
            leaves_s = self.cable.now() + random.expovariate(1 / _STAY_S)
        visits.sessions += 1
        link = None
        try:
            link = Connection(self._name, patience=PATIENCE, line=HostLine(self.cable, leaves_s),
                              session=self._session)
            most = _LONG_EXCHANGES if random.random() < _STAYS else _MOST_EXCHANGES
            for _ in range(random.randint(1, most)):
                self._exchange(link)
                if self.frames >= frames:
                    break
            link.flush()
        except Left:
            visits.left += 1
            self.cable.lose(random.randint(0, self.cable.waiting))
        finally:
            if link is not None:
                self._count(link.figures)
        self._pass(random.random() * _MOST_GAP_S)

    def _exchange(self, link: Connection) -> None:
        """Send words and compare what comes back, or as much of it as has come."""
        random = self._random
        data = random.randbytes(_BEAT_BYTES * random.randint(1, _MOST_BEATS))
        expected = bytes(byte ^ 0xFF for byte in data)
        come = 0

        def progress(count: int) -> None:
            nonlocal come
            come = count

        link.send(data)
        try:
            self._compare(link.receive(len(data), progress), expected)
        except Left:
            self._compare(link.receive(come), expected[:come])
            raise

    def _compare(self, found: bytes, expected: bytes) -> None:
        if found != expected:
            at = next(place for place, (one, other) in enumerate(zip(found, expected, strict=True))
                      if one != other)
            raise LinkWrong(
                f"{self._name}, session {self.visits.sessions}: byte {at} of {len(expected)} must "
                f"be {expected[at]:02x}, but came as {found[at]:02x}, after {self.frames} frames")
        self.visits.checked_bytes += len(found)

    def _count(self, figures: LinkFigures) -> None:
        for field in dataclasses.fields(LinkFigures):
            name = field.name
            setattr(self.visits.figures, name,
                    getattr(self.visits.figures, name) + getattr(figures, name))

    def _pass(self, seconds: float) -> None:
        """Nobody is there, and what comes is lost."""
        until = self.cable.now() + seconds
        while self.cable.now() < until:
            self.cable.advance(int(_MOST_GAP_S * 1e6))
            self.cable.drop()
