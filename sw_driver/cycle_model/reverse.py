"""The rings that go back: reduce engines of all PEs, and the gateways' nodes between them."""

from collections import deque
from typing import Any, NamedTuple

from hw.config import REQUANTISE_CYCLES, TorusConfig
from sw_driver.cycle_model.lanes import Groups, Lanes, Mask, Registers, frozen, take_out
from sw_driver.cycle_model.reverse_links import ReverseLinks

__all__ = ["Reverse", "Segment"]

_KEPT_CYCLES = REQUANTISE_CYCLES + 1  # From the last addition until the gradient is written.


class Segment(NamedTuple):
    """Sums of the MAC, one after the other, of which the same becomes.

    Parameters
    ----------
    sums
        How many.
    takes, keeps, to_host
        See `hw.ring.reduce`; `takes` of a PE that is not the last of its row.
    last_takes
        The same of one that is.
    """

    sums: int
    takes: bool
    last_takes: bool
    keeps: bool
    to_host: bool


class _Axis:
    """The segments that the MACs have begun with, of the reduce engines of one axis.

    All MACs go through the same ones, so each is kept once, and for every engine its number.
    """

    def __init__(self, lanes: Mask) -> None:
        self._segments: list[Segment] = []
        self._left_out = 0  # Segments before the first that is kept.
        self.made: Groups[int] = {0: lanes}
        """How many the MACs have begun with."""
        self.used: Groups[int] = {0: lanes}
        """How many the engines have."""

    def state(self) -> tuple[Any, ...]:
        """What is to come, numbers counted from the first that is not over everywhere."""
        first = min(self.used)

        def groups(found: Groups[int]) -> tuple[tuple[int, Mask], ...]:
            return tuple(sorted((number - first, mask) for number, mask in found.items()))

        coming = tuple(self._segments[first - self._left_out :])
        return coming, groups(self.made), groups(self.used)

    def add(self, segments: tuple[Segment, ...], where: Mask) -> None:
        """The MACs begin with a repetition."""
        for number, here in take_out(self.made, where):
            missing = number + len(segments) - self._left_out - len(self._segments)
            if missing > 0:
                self._segments += segments[len(segments) - missing :]
            after = number + len(segments)
            self.made[after] = self.made.get(after, 0) | here

    def take(self, where: Mask) -> list[tuple[Segment, Mask]]:
        """Engines go on to their next segments, where the MACs have begun with one."""
        found: list[tuple[Segment, Mask]] = []
        for number, here in take_out(self.used, where):
            at = number - self._left_out
            if at == len(self._segments):
                self.used[number] = self.used.get(number, 0) | here
                continue
            found.append((self._segments[at], here))
            self.used[number + 1] = self.used.get(number + 1, 0) | here
        over = min(self.used) - self._left_out
        if over > 0:
            del self._segments[:over]
            self._left_out += over
        return found


class Reverse:
    """Registers of the reduce engines, as `hw.ring.reduce` has them, in the lanes of the ring
    engines.

    A queue is a count of what is in it. What becomes of a sum follows from its place in the order
    of all sums.
    """

    REGISTERS = (
        "taken", "_mine", "_partials", "_sent", "_for_host", "_left", "_unknown", "_takes",
        "_keeps", "_to_host", "_shares", "_kept", "_chunk",
    )  # fmt: skip

    def __init__(self, lanes: Lanes, config: TorusConfig, depth: int) -> None:
        self._lanes = lanes
        self.depth: Registers = lanes.pes * depth
        """Sums that each queue holds."""
        self._last_chunk: Registers = lanes.gateways * (config.sum_chunks - 1)
        self.links = ReverseLinks(lanes, config.link_stages)
        self._axes = _Axis(lanes.row_pes), _Axis(lanes.row_pes << lanes.half_bits)

        self.taken: Mask = 0
        """Where a sum of the MAC left its queue in the cycle before."""
        self._mine: Registers = 0
        self._partials: Registers = 0
        self._sent: Mask = 0  # Output registers that hold a sum, and
        self._for_host: Mask = 0  # those whose sum is the host's.
        self._left: Registers = 0  # Sums left of the segment in hand.
        self._unknown: Mask = lanes.pes  # No segment is in hand.
        self._takes: Mask = 0
        self._keeps: Mask = 0
        self._to_host: Mask = 0
        self._shares: deque[Mask] = deque([0] * config.share_cycles)
        self._kept: deque[Mask] = deque([0] * _KEPT_CYCLES)
        self._chunk: Registers = 0  # Of the sum at each gateway, words handed out.

    def state(self) -> tuple[Any, ...]:
        """All that decides what happens from now on."""
        registers = frozen([getattr(self, name) for name in self.REGISTERS])
        return registers, self.links.state(), *(axis.state() for axis in self._axes)

    @property
    def landed(self) -> Mask:
        """Where a gradient is written in the next cycle: it counts from there on."""
        return self._kept[1]

    @property
    def busy(self) -> Mask:
        """PEs with sums that have not left, or gradients that are not written."""
        mask = self._lanes.nonzero(self._mine) | self._sent
        for kept in self._kept:
            mask |= kept
        return (mask | mask >> self._lanes.half_bits) & self._lanes.row_pes

    def expect(self, on_columns: bool, segments: tuple[Segment, ...], where: Mask) -> None:
        """MACs begin with a repetition, whose sums are these."""
        self._axes[on_columns].add(
            segments, where << self._lanes.half_bits if on_columns else where
        )

    def hand_out(self, wanted: Mask) -> tuple[Mask, Mask]:
        """Hand words of sums to gateways where they are `wanted`; where, and where a sum ends."""
        words = wanted and wanted & self.links.for_host()
        if not words:
            return 0, 0
        lanes = self._lanes
        ended = words ^ words & lanes.nonzero(self._chunk ^ self._last_chunk)
        self._chunk = (self._chunk + words) & ~lanes.filled(ended)
        return words, ended

    def move(self, given: Mask, handed_out: Mask) -> None:
        """Add, keep and send sums.

        Parameters
        ----------
        given
            Where the last step of a sum is done.
        handed_out
            Gateways that are done with a sum for the host.
        """
        lanes, links = self._lanes, self.links
        arrives = self._shares.popleft()
        self._shares.append(given)
        if arrives:
            self._mine += arrives
        # What has come in this cycle can leave from the next one on.
        mine = lanes.nonzero(self._mine - arrives) if self._mine else 0
        if mine and (unknown := self._unknown & mine):
            self._load(unknown)
        sent = self._sent
        if not (mine or sent or links.busy):
            self.taken = 0
            self._kept.popleft()
            self._kept.append(0)
            return

        partials = self._partials
        room = lanes.nonzero(self.depth - partials)
        ready, came = links.move(sent, self._for_host, room, handed_out)
        free = lanes.pes ^ sent | ready
        step = mine & (self._keeps | free)
        if takers := step & self._takes:
            step ^= takers ^ takers & (lanes.nonzero(partials) | came)
        received = came & room
        kept = step & self._keeps
        self._partials = partials + received - (step & self._takes)
        self._sent = step ^ kept | sent ^ sent & free
        self._for_host = self._for_host & ~free | free & step & self._to_host
        self.taken = step
        if step:
            self._mine -= step
            self._left -= step
            self._unknown |= step ^ step & lanes.nonzero(self._left)
        self._kept.popleft()
        self._kept.append(kept)

    def _load(self, where: Mask) -> None:
        """Go on to the next segments."""
        last = self._lanes.last_in_row
        for axis in self._axes:
            for segment, here in axis.take(where):
                self._unknown ^= here
                self._left += here * segment.sums
                keep = ~here
                takes = here & ~last * segment.takes | here & last * segment.last_takes
                self._takes = self._takes & keep | takes
                self._keeps = self._keeps & keep | here * segment.keeps
                self._to_host = self._to_host & keep | here * segment.to_host
