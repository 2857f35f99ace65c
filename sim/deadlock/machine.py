"""The steps of a whole torus that runs a program, with its gateways, its bridge and its host."""

from collections.abc import Sequence

from hw.config import TorusConfig
from hw.op_fields import HostInKind, RingKind
from sim.deadlock.nodes import PeSteps
from sim.deadlock.steps import Actor, Fifo, Steps, Wanted
from sw_driver.check.host_waits import HostAction
from sw_driver.program.image import Op
from sw_driver.program.loops import repetitions

__all__ = ["machine"]

LINK_WORDS = 2
"""Words that a link of the machine holds, as that of tests/support/torus_interpreter.py."""


def machine(
    config: TorusConfig,
    pe: Sequence[Sequence[Op]],
    gateway: Sequence[Sequence[Op]],
    host: Sequence[HostAction] | None = None,
    link_words: int = LINK_WORDS,
) -> Steps:
    """Make the steps of a program.

    Parameters
    ----------
    config
        The torus.
    pe, gateway
        Its queues, without the ops that load the PEs' program.
    host
        As in `sw_driver.check.waits.check_program`.
    link_words
        What a link holds.
    """
    steps = Steps()
    rows, cols = range(config.rows), range(config.cols)
    # From PE c, or the gateway (c = cols), eastward; from PE r southward.
    east = [[Fifo(link_words) for _ in range(config.cols + 1)] for _ in rows]
    south = [[Fifo(link_words) for _ in cols] for _ in rows]
    room = config.training.reduce_words + 1 if config.training else 1
    # From PE c, or the gateway, westward; from PE r northward.
    west = [[Fifo(room) for _ in range(config.cols + 1)] for _ in rows]
    north = [[Fifo(room) for _ in cols] for _ in rows]
    gateways: list[_Gateway] = []
    for r in rows:
        for c in reversed(cols):
            part = PeSteps(
                steps, config, (r, c),
                ((east[r][c - 1], east[r][c]), (south[r - 1][c], south[r][c])),
                ((west[r][c + 1], west[r][c]), (north[(r + 1) % config.rows][c], north[r][c])),
            )  # fmt: skip
            part.add(pe)
        gateways.append(_Gateway(steps, config, r, (east[r][-2], east[r][-1]),
                                 (west[r][0], west[r][-1]), part.to_host))  # fmt: skip
    for one in gateways:
        one.add(gateway[0])
    _bridge(steps, config, gateways, gateway, host)
    return steps


class _Gateway:
    """A gateway: its ring queue, and the partial sums that pass it."""

    def __init__(self, steps: Steps, config: TorusConfig, row: int, gathers: tuple[Fifo, Fifo],
                 reductions: tuple[Fifo, Fifo], to_host: Sequence[bool]) -> None:  # fmt: skip
        self._config = config
        self._ring = Actor(steps, f"gateway {row}")
        self._back = Actor(steps, f"gateway {row} back")
        self._gathers, self._reductions, self._to_host = gathers, reductions, to_host
        self.host_in = Fifo(config.host_fifo_beats)
        self.host_out = Fifo(config.host_fifo_beats)

    def add(self, queue: Sequence[Op]) -> None:
        """Add the steps of its queue."""
        came, sent = self._gathers
        for op, _ in repetitions(queue):
            if op["kind"] == RingKind.GRADIENT.value:
                self._sums(op)
                continue
            if op["kind"] == RingKind.SEND.value:
                for word in range(op["send"]):
                    if word % self._config.beat_words == 0:
                        self.host_in.taken.append(self._ring.do("takes a beat",
                                                                *self.host_in.may_take()))
                    sent.put.append(self._ring.do("sends", *sent.may_put()))
                continue
            for word in range(op["recv"]):
                passes = word < op["send"]
                done = self._ring.do("moves", *came.may_take(), *(sent.may_put() if passes else []))
                came.taken.append(done)
                if passes:
                    sent.put.append(done)
                if op["kind"] == RingKind.SINK.value:
                    self._give(word, op["recv"])
        self._pass()

    def _give(self, word: int, count: int) -> None:
        if (word + 1) % self._config.beat_words == 0 or word == count - 1:
            self.host_out.put.append(self._ring.do("gives a beat", *self.host_out.may_put()))

    def _sums(self, op: Op) -> None:
        """Take the next sums that are for the host."""
        for one in range(op["recv"]):
            self._pass()
            for chunk in range(self._config.sum_chunks):
                if not chunk:
                    # There may be no such sum: then the gateway waits for ever.
                    came = self._reductions[0]
                    done = self._ring.do("takes a sum", *came.may_take(), *self._order())
                    came.taken.append(done)
                self._give(one * self._config.sum_chunks + chunk,
                           op["recv"] * self._config.sum_chunks)

    def _order(self) -> list[Wanted]:
        taken = self._reductions[0].taken
        return [(taken, len(taken) - 1)] if taken else []

    def _pass(self) -> None:
        """Let partial sums go on up to the next one that is for the host."""
        came, sent = self._reductions
        while len(came.taken) < len(self._to_host) and not self._to_host[len(came.taken)]:
            done = self._back.do("passes a sum on", *came.may_take(), *self._order(),
                                 *sent.may_put())
            came.taken.append(done)
            sent.put.append(done)


def _bridge(steps: Steps, config: TorusConfig, gateways: Sequence[_Gateway],
            gateway: Sequence[Sequence[Op]],
            host: Sequence[HostAction] | None) -> None:  # fmt: skip
    """Add the steps of the bridge and of its host."""
    deals, collects = Actor(steps, "distributor"), Actor(steps, "collector")
    turns: dict[str, list[list[int]]] = {"in": [], "out": []}
    ends: dict[str, list[list[int]]] = {"in": [], "out": []}
    for name, queue in (("in", gateway[1]), ("out", gateway[2])):
        for op, _ in repetitions(queue):
            turn: list[int] = [] if host is not None else [steps.add("host", [])]
            turns[name].append(turn)
            actor = deals if name == "in" else collects
            actor.do("begins", (turn, 0))
            for target in _targets(op, name, gateways):
                for one in target:
                    fifo = one.host_in if name == "in" else one.host_out
                    waits = fifo.may_put() if name == "in" else fifo.may_take()
                    done = actor.do("moves a beat", *waits)
                    (fifo.put if name == "in" else fifo.taken).append(done)
            ends[name].append([actor.done[-1]])
    does = Actor(steps, "host")
    counts = {"in": 0, "out": 0}
    for name, reps in host or ():
        for _ in range(reps):
            number = counts[name]
            counts[name] += 1
            if number < len(turns[name]):
                turns[name][number].append(does.do(f"begins {name}"))
                does.do(f"ends {name}", (ends[name][number], 0))


def _targets(op: Op, name: str, gateways: Sequence[_Gateway]) -> list[list[_Gateway]]:
    """List the gateways that each beat of a repetition is for, in order."""
    together = name == "in" and op["kind"] == HostInKind.BROADCAST.value
    one_by_one = [[gateway] for gateway in gateways for _ in range(op["beats"])]
    return [list(gateways)] * op["beats"] if together else one_by_one
