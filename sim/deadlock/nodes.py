"""The steps of a processing element: two ring engines, a MAC, what lands, and two reductions."""

from collections.abc import Sequence

from hw.config import TorusConfig
from hw.op_fields import Axis, GatherKind, MacKind
from sim.deadlock.steps import Actor, Fifo, Steps, Wanted
from sw_driver.program.image import Op
from sw_driver.program.loops import repetitions
from sw_driver.program.sums import walks_of

__all__ = ["PeSteps"]

_AXES = (Axis.ROW.value, Axis.COL.value)


def _asked(counted: list[int], total: int) -> list[Wanted]:
    """Wait until so many steps of a list are done; they are done in its order."""
    return [(counted, total - 1)] if total > 0 else []


class PeSteps:
    """A processing element, from docs/architecture.md, section 3, and docs/training.md.

    Parameters
    ----------
    steps, config
        Gets the steps; the torus.
    place
        Row and column.
    gathers
        For each axis, the FIFOs that words come from and go to.
    reductions
        For each axis, the FIFOs that partial sums come from and go to; none in a torus that infers.
    """

    def __init__(self, steps: Steps, config: TorusConfig, place: tuple[int, int],
                 gathers: Sequence[tuple[Fifo, Fifo]],
                 reductions: Sequence[tuple[Fifo, Fifo]]) -> None:  # fmt: skip
        self._steps, self._config, self._place = steps, config, place
        self._last_in_row = place[1] == config.cols - 1
        self._gathers, self._reductions = gathers, reductions
        self._landed: tuple[list[int], list[int]] = ([], [])
        self._gradients: tuple[list[int], list[int]] = ([], [])
        self._retired: tuple[list[int], list[int]] = ([], [])
        self._read: tuple[list[int], list[int]] = ([], [])
        self._from_host: list[int] = []
        self._sources: tuple[list[_Gather], list[_Gather]] = ([], [])
        self.to_host: list[bool] = []
        """For each partial sum that leaves on the row ring, whether it is for the host."""

    def add(self, pe: Sequence[Sequence[Op]]) -> None:
        """Add the steps of three queues."""
        for axis in _AXES:
            self._ring(axis, pe[axis])
        self._mac(pe[2])

    def _actor(self, name: str) -> Actor:
        return Actor(self._steps, f"PE {self._place} {name}")

    def _ring(self, axis: int, queue: Sequence[Op]) -> None:
        came, sent = self._gathers[axis]
        ring = self._actor("row" if axis == Axis.ROW else "col")
        landed = read = gathered = 0
        for op, rep in repetitions(queue):
            landed += op["need_step"] if rep else op["need_first"]
            if self._config.training is not None:
                read += op["need_read_step"] if rep else op["need_read"]
            else:
                read = max(gathered - op["lag"] + 1, 0)
            gather = _Gather(op["own"])
            opened = ring.do("opens", *_asked(self._read[axis], read))
            gather.own_here = [self._steps.add(f"{self._place} own words of axis {axis}",
                                               [([opened], 0), *_asked(self._landed[axis],
                                                                       landed)])]  # fmt: skip
            receiver = self._actor(f"receiver of axis {axis}")
            for _ in range(op["recv"]):
                gather.words.append(receiver.do("receives", ([opened], 0), *came.may_take()))
                came.taken.append(gather.words[-1])
            ends = [gather.own_here[0], *gather.words[-1:], *self._send(axis, op, gather, sent)]
            done = ring.do("retires", *(([end], 0) for end in ends))
            self._retired[axis].append(done)
            if op["kind"] == GatherKind.GATHER.value:
                gathered += 1
                gather.done = [done]
                self._sources[axis].append(gather)
            elif op["kind"] == GatherKind.GRADIENT.value and axis == Axis.ROW:
                cols = self._config.cols
                last = (op["recv"] // cols - 1) * cols + cols - 1 - self._place[1]
                if 0 <= last < len(gather.words):
                    self._from_host.append(gather.words[last])

    def _send(self, axis: int, op: Op, gather: "_Gather", sent: Fifo) -> list[int]:
        """Add the words that a repetition sends; its last step."""
        count = op["recv"]
        if self._last_in_row and axis == Axis.ROW:
            count = op["own"] + op["recv"] if op["to_gateway"] else 0
        sender = self._actor(f"sender of axis {axis}")
        for word in range(count):
            sent.put.append(sender.do("sends", *gather.has(word), *sent.may_put()))
        return sender.done[-1:]

    def _mac(self, queue: Sequence[Op]) -> None:
        mac, landing = self._actor("MAC"), self._actor("result")
        landings = (self._actor("gradient of rows"), self._actor("gradient of columns"))
        reducers = (self._actor("reduction of rows"), self._actor("reduction of columns"))
        queued = (Fifo(self._room), Fifo(self._room))
        freed, given, from_host, runs = [0, 0], [0, 0], 0, [0, 0]
        for op, rep in repetitions(queue):
            if op["kind"] != MacKind.BACK.value:
                freed[op["dest"]] += 0 if rep else op["need_free"]
                mac.do("begins", *_asked(self._retired[op["dest"]], freed[op["dest"]]))
                if op["kind"] == MacKind.RUN.value:
                    self._run(op, mac, landing, landings, self._source(op["axis"], runs))
                else:
                    self._landed[op["dest"]].append(landing.do("lands", (mac.done, _last(mac))))
                continue
            need = op["need_step"] if rep else op["need_free"]
            if op["from_host"]:
                from_host += need
                mac.do("begins", *_asked(self._from_host, from_host))
            else:
                given[op["dest"]] += need
                mac.do("begins", *_asked(self._gradients[op["dest"]], given[op["dest"]]))
            axis = op["axis"]
            self._back(op, mac, queued[axis], reducers[axis], landings[axis])

    @property
    def _room(self) -> int:
        return self._config.training.reduce_words if self._config.training else 1

    def _source(self, axis: int, runs: list[int]) -> "_Gather":
        number = runs[axis]
        runs[axis] += 1
        sources = self._sources[axis]
        return sources[number] if number < len(sources) else _Gather(0, never=True)

    def _run(self, op: Op, mac: Actor, landing: Actor, gradients: Sequence[Actor],
             source: "_Gather") -> None:  # fmt: skip
        config, axis = self._config, op["axis"]
        walks, rest = walks_of(config, op)
        results = (walks - 1) * config.lanes_out + rest
        plain = op.get("word_step", config.lanes_in) == config.lanes_in
        for word in range(min(op["last_word"] + config.lanes_in, source.total())):
            mac.do("reads", *(source.has(word) if plain else source.whole()))
        if source.never:
            mac.do("reads", *source.whole())
        read = (mac.done, _last(mac))
        self._read[axis].append(mac.done[-1])
        for result in range(results):
            if config.training is not None or result == results - 1:
                self._landed[op["dest"]].append(landing.do("lands", read))
            if op.get("compare"):
                lands = gradients[op["dest"]].do("lands", read)
                self._gradients[op["dest"]].append(lands)

    def _back(self, op: Op, mac: Actor, queued: Fifo, reducer: Actor, landing: Actor) -> None:
        axis = op["axis"]
        for block in reversed(range(op["last_block"] + 1)):
            for _ in range(op["last_word"] + 1):
                if not op["reduce"]:
                    continue
                queued.put.append(mac.do("contributes", *queued.may_put()))
                came, sent = self._reductions[axis]
                takes = not self._last_in_row if op["host"] else block < op["last_block"]
                keeps = block == 0 and not op["host"]
                waits = [*queued.may_take(), *(came.may_take() if takes else []),
                         *([] if keeps else sent.may_put())]  # fmt: skip
                done = reducer.do("adds", *waits)
                queued.taken.append(done)
                if takes:
                    came.taken.append(done)
                if keeps:
                    self._gradients[axis].append(landing.do("lands", ([done], 0)))
                else:
                    sent.put.append(done)
                    if axis == Axis.ROW:
                        self.to_host.append(bool(op["host"]))
        self._read[axis].append(mac.do("has read"))


class _Gather:
    """The words of a repetition of a ring engine."""

    def __init__(self, own: int, never: bool = False) -> None:
        self._own, self.never = own, never
        self.own_here: list[int] = []
        self.words: list[int] = []
        self.done: list[int] = []

    def total(self) -> int:
        """Words of the region."""
        return self._own + len(self.words)

    def has(self, word: int) -> list[Wanted]:
        """What the word waits for of this number."""
        received = [(self.words, word - self._own)] if word >= self._own else []
        return [(self.own_here, 0), *received]

    def whole(self) -> list[Wanted]:
        """What waits for all words."""
        return [(self.done, 0)]


def _last(actor: Actor) -> int:
    return len(actor.done) - 1
