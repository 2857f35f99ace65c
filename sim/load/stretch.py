"""Stretches of a campaign on host links: jobs, each of two boards at once."""

import dataclasses
import resource
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from hw.link_config import LinkConfig
from sim.load.cable import Board, Cable
from sim.load.loop import HARDWARE_ID, loop_verilog
from sim.load.twin import BoardTwin
from sim.load.visits import LinkWrong, Visitor
from sim.load.wires import BadWire
from sim.model.board import BoardModel
from sw_driver.errors import LinkError

__all__ = ["LINKS", "MOST_GROWN_BYTES", "Held", "Ran", "Stretch", "run_stretch"]

CLOCK_HZ = 4_000_000
LINKS = (LinkConfig(CLOCK_HZ, buffer_bytes=512, registered=True),
         LinkConfig(CLOCK_HZ, buffer_bytes=2048))
"""Of the two boards: the smallest buffers with all registers, and those of an ECP5 without."""
MOST_GROWN_BYTES = 16 << 20
"""That a process may grow by from a tenth of a stretch to its end."""


@dataclasses.dataclass(frozen=True)
class Stretch:
    """A job: so many frames, both ends' and both boards' together.

    Parameters
    ----------
    kind
        "model": of the Python model of the board's end; "rtl": of the RTL, which the model is held
        to at every step.
    seed, number
        What is random follows from both.
    frames
        At least so many; each board has half of them.
    per_mille
        Of 1000 bytes on either wire, as many are damaged.
    """

    kind: str
    seed: int
    number: int
    frames: int
    per_mille: float


@dataclasses.dataclass(frozen=True)
class Ran:
    """What came of a job, of both boards together.

    Parameters
    ----------
    host_frames, board_frames
        Sent by either end.
    wire_bytes
        On all wires.
    damaged, cuts
        Damages, and how many of them were rows of bytes that were lost.
    sessions, left
        Hosts, and how many of them went away in the middle.
    checked_bytes
        That came back, each compared.
    resent, rewinds, polls
        As in `LinkFigures`.
    grown_bytes
        That the process grew by, from a tenth of the frames on.
    wrong
        What was wrong; nothing if all was right.
    seconds
        That it took.
    """

    host_frames: int
    board_frames: int
    wire_bytes: int
    damaged: int
    cuts: int
    sessions: int
    left: int
    checked_bytes: int
    resent: int
    rewinds: int
    polls: int
    grown_bytes: int
    wrong: str
    seconds: float


class Held:
    """A board of RTL to whose every byte, and its cycle, the model is held."""

    def __init__(self, rtl: BoardModel, twin: BoardTwin) -> None:
        self.rtl, self.twin = rtl, twin
        self.byte_cycles = rtl.byte_cycles

    @property
    def cycles(self) -> int:
        """Clock cycles since the creation of the boards."""
        return self.twin.cycles

    def run(self, data: bytes, cycles: int) -> tuple[int, bytes, list[int], list[int]]:
        """Run both; they must do the same.

        Raises
        ------
        LinkWrong
            They do not.
        """
        begun = self.twin.cycles
        taken, out, in_cycles, out_cycles = self.rtl.run(data, cycles)
        found = self.twin.run(data, cycles)
        if found != (taken, out, in_cycles.tolist(), out_cycles.tolist()):
            raise LinkWrong(f"the model differs from the RTL within {cycles} cycles of cycle "
                            f"{begun}: it gives {found[1].hex(' ')}, the RTL {out.hex(' ')}")
        return found


def run_stretch(
    stretch: Stretch,
    make: Callable[[LinkConfig, int], BoardTwin] = BoardTwin,
) -> Ran:
    """Run a job: two boards at once, each with hosts in a thread of its own.

    Parameters
    ----------
    stretch
        The job.
    make
        Makes the model of a board with a link and a hardware id.
    """
    begun_s = time.monotonic()
    visitors, wires, close = list[Visitor](), list[BadWire](), list[Callable[[], None]]()
    for number, link in enumerate(LINKS):
        seed = f"{stretch.kind}/{stretch.seed}/{stretch.number}/{number}"
        board: Board = make(link, HARDWARE_ID)
        if stretch.kind == "rtl":
            rtl = BoardModel(loop_verilog(link), "link_loop", link.bit_cycles)
            close.append(rtl.close)
            board = Held(rtl, make(link, HARDWARE_ID))
        to_board, from_board = (
            BadWire(stretch.per_mille, Random(seed).getrandbits(62), way) for way in (0, 1))
        wires += [to_board, from_board]
        cable = Cable(board, link.clock_hz, to_board, from_board, Random(f"slices/{seed}"))
        visitors.append(Visitor(f"board-{number}", cable, Random(f"hosts/{seed}")))
    wrong = list[str]()
    try:
        _side_by_side(visitors, max(1, stretch.frames // 20), wrong)
        before = resident_bytes()
        if not wrong:
            _side_by_side(visitors, -(-stretch.frames // 2), wrong)
        grown = max(0, resident_bytes() - before)
    finally:
        for one in close:
            one()
    if grown > MOST_GROWN_BYTES:
        wrong.append(f"the process grew by {grown} bytes, more than {MOST_GROWN_BYTES}")
    figures = [visitor.visits.figures for visitor in visitors]
    visits, cables = [one.visits for one in visitors], [one.cable for one in visitors]
    return Ran(
        sum(one.frames_sent for one in figures), sum(one.frames for one in cables),
        sum(one.bytes for one in cables), sum(one.damaged for one in wires),
        sum(one.cuts for one in wires), sum(one.sessions for one in visits),
        sum(one.left for one in visits), sum(one.checked_bytes for one in visits),
        sum(one.resent for one in figures), sum(one.rewinds for one in figures),
        sum(one.polls for one in figures), grown, "; ".join(wrong),
        round(time.monotonic() - begun_s, 3))


def resident_bytes() -> int:
    """Memory that this process has in use."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def _side_by_side(visitors: list[Visitor], frames: int, wrong: list[str]) -> None:
    """Let every board have so many frames, all boards at once."""

    def run(visitor: Visitor) -> None:
        try:
            visitor.run(frames)
        except (LinkWrong, LinkError) as error:
            wrong.append(str(error))

    threads = [threading.Thread(target=run, args=(one,), daemon=True) for one in visitors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
