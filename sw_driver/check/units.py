"""Repetitions of the ops of a program one by one, as the checks of a program see them."""

import dataclasses
from collections.abc import Sequence

from hw.config import TorusConfig
from hw.op_fields import GatherKind
from sw_driver.program.image import Op
from sw_driver.program.loops import expand

__all__ = ["Event", "MacUnit", "RingUnit", "mac_units", "ring_units"]

# Queue, number of the unit in it, and what happens.
Event = tuple[str, int, str]


@dataclasses.dataclass(frozen=True)
class RingUnit:
    """One repetition of a ring op of a PE.

    Its events: `open`, it begins, since its region is free, and receives; `own_here`, its own words
    have landed, so it sends and the MAC may read; `done`, it retires.
    """

    queue: str
    number: int
    name: str
    kind: GatherKind
    base: int
    own: int
    recv: int
    to_gateway: int
    need: int
    lag: int

    @property
    def open(self) -> Event:
        """Its region is free."""
        return self.queue, self.number, "open"

    @property
    def own_here(self) -> Event:
        """Its own words have landed."""
        return self.queue, self.number, "own words here"

    @property
    def done(self) -> Event:
        """It retires."""
        return self.queue, self.number, "done"

    @property
    def gathers(self) -> bool:
        """Whether the MAC consumes it."""
        return self.kind is GatherKind.GATHER

    @property
    def own_words(self) -> range:
        """Addresses of its own words."""
        return range(self.base, self.base + self.own)

    @property
    def received_words(self) -> range:
        """Addresses of the words that it receives."""
        return range(self.base + self.own, self.base + self.own + self.recv)


@dataclasses.dataclass(frozen=True)
class MacUnit:
    """One repetition of a MAC op.

    Its events: `start`, it may begin; `read`, its last word is read; `landed`, its last result is
    written.
    """

    number: int
    name: str
    axis: int
    dest: int
    x_base: int
    words: int
    results: tuple[int, ...]
    need_free: int
    w_end: int
    b_end: int

    @property
    def start(self) -> Event:
        """It may begin."""
        return "mac", self.number, "start"

    @property
    def read(self) -> Event:
        """Its last word is read."""
        return "mac", self.number, "read"

    @property
    def landed(self) -> Event:
        """Its last result is written."""
        return "mac", self.number, "landed"

    @property
    def read_words(self) -> range:
        """Addresses that it reads."""
        return range(self.x_base, self.x_base + self.words)


def ring_units(config: TorusConfig, name: str, queue: Sequence[Op]) -> list[RingUnit]:
    """List the repetitions of the row or column queue of a PE."""
    units: list[RingUnit] = []
    for index, op in expand(queue):
        kind = GatherKind(op["kind"])
        for rep in range(op["reps"] + 1):
            units.append(
                RingUnit(
                    queue=name,
                    number=len(units),
                    name=f"{name} op {index} ({kind.name}, repetition {rep})",
                    kind=kind,
                    base=(op["base"] + rep * op["stride"]) % (1 << config.addr_bits),
                    own=op["own"],
                    recv=op["recv"],
                    to_gateway=op["to_gateway"],
                    need=op["need_step"] if rep else op["need_first"],
                    lag=op["lag"],
                )
            )
    return units


def mac_units(config: TorusConfig, queue: Sequence[Op]) -> list[MacUnit]:
    """List the repetitions of the MAC queue of a PE."""
    wrap = 1 << config.addr_bits
    units: list[MacUnit] = []
    for index, op in expand(queue):
        for rep in range(op["reps"] + 1):
            y_base = op["y_base"] + rep * op["y_rep_stride"]
            outputs = op["last_output"] + 1
            sums = (rep + 1) * outputs
            units.append(
                MacUnit(
                    number=len(units),
                    name=f"mac op {index} (repetition {rep})",
                    axis=op["axis"],
                    dest=op["dest"],
                    x_base=(op["x_base"] + rep * op["x_stride"]) % wrap,
                    words=op["last_word"] + 1,
                    results=tuple(
                        (y_base + output * op["y_stride"]) % wrap for output in range(outputs)
                    ),
                    need_free=0 if rep else op["need_free"],
                    w_end=op["w_base"] + sums * (op["last_word"] + 1),
                    b_end=op["b_base"] + sums * op["bias"],
                )
            )
    return units
