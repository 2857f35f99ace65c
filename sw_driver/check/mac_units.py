"""Repetitions of the ops of the MAC queue one by one, as the checks of a program see them.

As in `sw_driver.check.ring_units`, what a unit waits for is a total since the start of the program.
"""

import dataclasses
from collections.abc import Iterator, Sequence

from hw.config import TorusConfig
from hw.op_fields import MacKind, Memory
from sw_driver.check.event_graph import Event
from sw_driver.program.image import Op
from sw_driver.program.landing import lands_after_results
from sw_driver.program.loops import expand
from sw_driver.program.sums import walks_of

__all__ = ["MacUnit", "gradient_event", "mac_units", "result_event"]


@dataclasses.dataclass(frozen=True)
class MacUnit:
    """One repetition of a RUN, BACK or DUMP op.

    A unit has these events. At `start` it may begin; at `read` it has read its last word; then its
    results and its gradients land (`result_event` and `gradient_event`), which are counted from 1
    since the start of the program. A torus for inference counts all results of a repetition as one.

    Parameters
    ----------
    number, name
        Number of the unit in its queue, and its name for messages.
    kind, axis, dest
        As in the op.
    read_words, word_step, row_words
        Addresses in the gather buffer of `axis` that the unit reads, the step from each to the
        next, and the words of a row, which are read at once. With a step above 1 it waits until
        all words have been received and sent on.
    results, counted, first_result
        Addresses in the gather buffer of `dest` that it writes, how many counts that makes, and
        the number of the first of these counts.
    gradients, first_gradient
        Addresses in the gradient memory of `gradient_axis` that it writes, and the number of the
        first of these gradients.
    targets
        How many targets its results are compared with.
    lands_late
        Whether its gradients come behind all results of the unit before it, whatever it waits for.
    read_gradients, from_host
        Addresses of the gradients that it reads, and whether the host sent them.
    sums, chunk
        Sums that it makes for the host; words of a block that it reduces, 0 if it passes no partial
        sums on.
    asked
        The total that must be reached before `start`: retired repetitions of the ring of `dest`; or
        for a BACK op landed gradients, those of `dest` or those of the host.
    weights, biases, updates, fence
        Rows of weights, and biases, that it visits, in the order of its steps (a bias with the
        first word of its sum); whether the weights change, and whether it waits for other changes.
    lanes
        `lanes_out` of the torus. With more than one, gradients are read before the unit begins, and
        biases are read and changed apart from its steps, never too early.
    """

    number: int
    name: str
    kind: MacKind
    axis: int
    dest: int
    read_words: Sequence[int] = ()
    word_step: int = 1
    row_words: int = 1
    results: Sequence[int] = ()
    counted: int = 0
    first_result: int = 0
    gradients: tuple[int, ...] = ()
    first_gradient: int = 0
    targets: int = 0
    lands_late: bool = False
    read_gradients: tuple[int, ...] = ()
    from_host: bool = False
    sums: int = 0
    chunk: int = 0
    asked: int = 0
    weights: Sequence[int] = ()
    biases: tuple[tuple[int, int], ...] = ()  # Each is (step, address).
    updates: bool = False
    fence: bool = False
    lanes: int = 1

    @property
    def reads(self) -> bool:
        """Whether the unit counts as a reader of its gather buffer."""
        return self.kind is not MacKind.DUMP

    @property
    def gradient_axis(self) -> int:
        """The axis of its gradients: that of its words, or that of the results compared."""
        return self.axis if self.backwards else self.dest

    @property
    def backwards(self) -> bool:
        """Whether the unit asks for gradients."""
        return self.kind is MacKind.BACK

    @property
    def updates_biases(self) -> bool:
        """Whether the biases that it visits change."""
        return self.backwards and bool(self.biases)

    @property
    def start(self) -> Event:
        """The event that the unit may begin."""
        return "mac", self.number, "start"

    @property
    def gradients_read(self) -> Event:
        """The event that the unit may read its gradients: before it begins, with lanes."""
        ahead = self.backwards and self.lanes > 1
        return ("mac", self.number, "gradients") if ahead else self.start

    @property
    def read(self) -> Event:
        """The event that the unit has read its last word."""
        return "mac", self.number, "read"

    @property
    def sums_taken(self) -> Event:
        """The event that the gateways have taken the unit's sums."""
        return "mac", self.number, "sums taken"

    @property
    def landings(self) -> list[tuple[Event, Sequence[int]]]:
        """The events of its results landing, each with the addresses of the results."""
        events = [result_event(self.dest, self.first_result + k) for k in range(self.counted)]
        if len(events) == 1:
            return [(events[0], self.results)]
        return list(zip(events, ([address] for address in self.results), strict=True))

    @property
    def gradient_landings(self) -> list[tuple[Event, int]]:
        """The events of its gradients landing, each with the gradient's address."""
        return [
            (gradient_event(self.gradient_axis, self.first_gradient + index), address)
            for index, address in enumerate(self.gradients)
        ]


def result_event(axis: int, number: int) -> Event:
    """Return the event that so many results have landed in the gather buffer of an axis."""
    return f"results of axis {axis}", number, "landed"


def gradient_event(axis: int, number: int) -> Event:
    """Return the event that so many gradients have landed in the gradient memory of an axis."""
    return f"gradients of axis {axis}", number, "landed"


def mac_units(config: TorusConfig, queue: Sequence[Op]) -> list[MacUnit]:
    """List the repetitions of the MAC queue of a PE."""
    units: list[MacUnit] = []
    results, gradients = [1, 1], [1, 1]
    asked: dict[object, int] = {}
    for index, op in expand(queue):
        kind = MacKind(op["kind"])
        make = {MacKind.RUN: _run, MacKind.BACK: _back, MacKind.DUMP: _dump}[kind]
        for rep in range(op["reps"] + 1):
            blank = MacUnit(
                number=len(units),
                name=f"mac op {index} ({kind.name}, repetition {rep})",
                kind=kind,
                axis=op["axis"],
                dest=op["dest"],
                first_result=results[op["dest"]],
                first_gradient=gradients[op["axis" if kind is MacKind.BACK else "dest"]],
                fence=bool(op.get("fence")) and not rep,
                lanes=config.lanes_out,
            )
            unit, need = make(config, op, rep, blank)
            what = "host" if unit.from_host else (unit.backwards, unit.dest)
            asked[what] = asked.get(what, 0) + need
            unit = dataclasses.replace(unit, asked=asked[what])
            results[unit.dest] += unit.counted
            gradients[unit.gradient_axis] += len(unit.gradients)
            units.append(unit)
    return units


def _run(config: TorusConfig, op: Op, rep: int, blank: MacUnit) -> tuple[MacUnit, int]:
    wrap, row = 1 << config.addr_bits, config.lanes_in
    step = op.get("word_step", row)
    words = op["last_word"] // step + 1
    walks, rest = walks_of(config, op)
    outputs = (walks - 1) * config.lanes_out + rest
    x_base = (op["x_base"] + rep * op["x_stride"]) % wrap
    y_base = op["y_base"] + rep * op["y_rep_stride"]
    weights = op["w_base"] + rep * walks * words
    biases = op["b_base"] + rep * outputs
    results = [(y_base + output * op["y_stride"]) % wrap for output in range(outputs)]
    compared = bool(op.get("compare"))
    return dataclasses.replace(
        blank,
        gradients=tuple(results) if compared else (),
        targets=len(results) if compared else 0,
        # Two words of a row are read at once, unless words are left out.
        read_words=range(x_base, x_base + op["last_word"] + row)
        if step == row
        else range(x_base, x_base + op["last_word"] + 1, step),
        word_step=1 if step == row else step,
        row_words=row if step == row else 1,
        results=results,
        counted=1 if config.training is None else outputs,
        weights=range(weights, weights + walks * words),
        biases=tuple((one * words, biases + one) for one in range(outputs)) if op["bias"] else (),
    ), 0 if rep else op["need_free"]


def _back(config: TorusConfig, op: Op, rep: int, blank: MacUnit) -> tuple[MacUnit, int]:
    wrap = 1 << config.addr_bits
    walks, rest = walks_of(config, op)
    outputs = (walks - 1) * config.lanes_out + rest
    words, groups = op["last_word"] + 1, op["last_group"] + 1
    x_base = (op["x_base"] + rep * op["x_stride"]) % wrap
    w_base = op["w_base"] + rep * op["w_stride"]
    y_base = op["y_base"] + rep * op["y_rep_stride"]
    walk = list(_walk(op))
    sums, rows = range(groups * outputs), range(groups * walks)
    keeps = op["reduce"] and not op["host"]
    return dataclasses.replace(
        blank,
        read_words=[(x_base + offset) % wrap for _, offset in walk],
        gradients=tuple((x_base + offset) % wrap for block, offset in walk if block == 0)
        if keeps
        else (),
        lands_late=lands_after_results(config, op),
        read_gradients=tuple(
            (y_base + output * op["y_stride"] + group * op["group_stride"]) % wrap
            for group in range(groups)
            for output in range(outputs)
        ),
        from_host=bool(op["from_host"]),
        sums=len(walk) if op["reduce"] and op["host"] else 0,
        chunk=words if op["reduce"] and (op["host"] or op["last_block"]) else 0,
        weights=[w_base + offset + one * op["w_step"] for _, offset in walk for one in rows],
        biases=tuple((one, op["b_base"] + rep * len(sums) + one) for one in sums)
        if op["bias"]
        else (),
        updates=bool(op["update"]),
    ), op["need_step"] if rep else op["need_free"]


def _walk(op: Op) -> Iterator[tuple[int, int]]:
    """Go through the words of a BACK repetition as (block, address less that of the first word)."""
    offset = 0
    for block in reversed(range(op["last_block"] + 1)):
        for word in range(op["last_word"] + 1):
            yield block, offset
            offset += -op["block_jump"] if word == op["last_word"] else 1


def _dump(config: TorusConfig, op: Op, rep: int, blank: MacUnit) -> tuple[MacUnit, int]:
    memory = Memory(op["memory"])
    chunks = {
        Memory.WEIGHTS: config.weight_chunks,
        Memory.BIASES: config.bias_record_chunks,
        Memory.LFSR: config.lfsr_chunks,
    }[memory]
    records = op["last_word"] + 1
    base = op["y_base"] + rep * op["y_rep_stride"]
    first = op["w_base"] + rep * records
    found = range(first, first + records)
    return dataclasses.replace(
        blank,
        results=[(base + word) % (1 << config.addr_bits) for word in range(records * chunks)],
        counted=1,
        weights=found if memory is Memory.WEIGHTS else (),
        biases=tuple(enumerate(found)) if memory is Memory.BIASES else (),
    ), op["need_free"]
