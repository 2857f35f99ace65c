"""Repetitions of the ops of a training program one by one, as its checks see them."""

import dataclasses
from collections.abc import Iterator, Sequence

from hw.config import TorusConfig
from hw.op_fields import GatherKind, MacKind, Memory
from sw_driver.check.units import Event, RingUnit
from sw_driver.program.image import Op
from sw_driver.program.loops import expand

__all__ = [
    "KeepingUnit",
    "StepUnit",
    "gradient_event",
    "keeping_units",
    "result_event",
    "step_units",
]


@dataclasses.dataclass(frozen=True)
class KeepingUnit(RingUnit):
    """One repetition of a ring op, whose words stay until they have been read often enough."""

    need_read: int
    op: int  # Number of the op that it is a repetition of, LOOPs carried out.

    @property
    def takes_gradients(self) -> bool:
        """Whether it brings gradients from the host."""
        return self.kind is GatherKind.GRADIENT

    @property
    def taken(self) -> Event:
        """The gradients of this PE are in their memory."""
        return self.queue, self.number, "gradients here"


@dataclasses.dataclass(frozen=True)
class StepUnit:
    """One repetition of a MAC op, forwards or backwards, or of a DUMP.

    Its events: `start`, it may begin; `read`, it has read its last word; and then every result and
    every gradient lands, counted from 1 since the start of the program (`result_event` and
    `gradient_event`).

    Parameters
    ----------
    number, name, kind, axis, dest
        As in the op.
    read_words
        Addresses that it reads in the gather buffer of `axis`.
    results, counted, first_result
        Addresses in the gather buffer of `dest` that it writes, how many of its results count, and
        the number of the first of them.
    gradients, first_gradient
        Addresses in the gradient memory of `axis` that it writes, and the number of the first.
    read_gradients, from_host
        Addresses of the gradients that it reads, and whether they are those of the host.
    sums, chunk
        Sums for the host; and words of a block, if it has partial sums to pass on, else 0.
    need
        What it asks for when it begins.
    weights, biases, updates, fence
        Weights and biases that it visits, in the order of its steps (a bias with the first word of
        its sum); whether they change, and whether it waits for earlier changes.
    """

    number: int
    name: str
    kind: MacKind
    axis: int
    dest: int
    read_words: tuple[int, ...]
    results: tuple[int, ...]
    counted: int
    first_result: int
    gradients: tuple[int, ...]
    first_gradient: int
    read_gradients: tuple[int, ...]
    from_host: bool
    sums: int
    chunk: int
    need: int
    weights: tuple[int, ...]
    biases: tuple[tuple[int, int], ...]  # Step, address.
    updates: bool
    fence: bool

    @property
    def reads(self) -> bool:
        """Whether it counts as a reader of its gather buffer."""
        return self.kind is not MacKind.DUMP

    @property
    def start(self) -> Event:
        """It may begin."""
        return "mac", self.number, "start"

    @property
    def read(self) -> Event:
        """It has read its last word."""
        return "mac", self.number, "read"

    @property
    def landed(self) -> Event:
        """Its last result is written."""
        return result_event(self.dest, self.first_result + self.counted - 1)

    @property
    def gradients_landed(self) -> Event:
        """Its last gradient is written."""
        return gradient_event(self.axis, self.first_gradient + len(self.gradients) - 1)


def result_event(axis: int, number: int) -> Event:
    """A result has landed in the gather buffer of an axis."""
    return f"results of axis {axis}", number, "landed"


def gradient_event(axis: int, number: int) -> Event:
    """A gradient has landed in the gradient memory of an axis."""
    return f"gradients of axis {axis}", number, "landed"



def keeping_units(config: TorusConfig, name: str, queue: Sequence[Op]) -> list[KeepingUnit]:
    """List the repetitions of the row or column queue of a PE."""
    units: list[KeepingUnit] = []
    for turn, (index, op) in enumerate(expand(queue)):
        kind = GatherKind(op["kind"])
        for rep in range(op["reps"] + 1):
            units.append(
                KeepingUnit(
                    queue=name,
                    number=len(units),
                    name=f"{name} op {index} ({kind.name}, repetition {rep})",
                    kind=kind,
                    base=(op["base"] + rep * op["stride"]) % (1 << config.addr_bits),
                    own=op["own"],
                    recv=op["recv"],
                    to_gateway=op["to_gateway"],
                    need=op["need_step"] if rep else op["need_first"],
                    lag=0,
                    need_read=op["need_read_step"] if rep else op["need_read"],
                    op=turn,
                )
            )
    return units


def step_units(config: TorusConfig, queue: Sequence[Op]) -> list[StepUnit]:
    """List the repetitions of the MAC queue of a PE."""
    units: list[StepUnit] = []
    results, gradients = [1, 1], [1, 1]
    for index, op in expand(queue):
        for rep in range(op["reps"] + 1):
            kind = MacKind(op["kind"])
            make = {MacKind.RUN: _run, MacKind.BACK: _back, MacKind.DUMP: _dump}[kind]
            unit = make(config, op, rep)
            unit = dataclasses.replace(
                unit,
                number=len(units),
                name=f"mac op {index} ({kind.name}, repetition {rep})",
                first_result=results[unit.dest],
                first_gradient=gradients[unit.axis],
            )
            results[unit.dest] += unit.counted
            gradients[unit.axis] += len(unit.gradients)
            units.append(unit)
    return units


def _blank(op: Op) -> StepUnit:
    return StepUnit(
        number=0,
        name="",
        kind=MacKind(op["kind"]),
        axis=op["axis"],
        dest=op["dest"],
        read_words=(),
        results=(),
        counted=0,
        first_result=0,
        gradients=(),
        first_gradient=0,
        read_gradients=(),
        from_host=False,
        sums=0,
        chunk=0,
        need=0,
        weights=(),
        biases=(),
        updates=False,
        fence=False,
    )


def _run(config: TorusConfig, op: Op, rep: int) -> StepUnit:
    wrap, words, outputs = 1 << config.addr_bits, op["last_word"] + 1, op["last_output"] + 1
    x_base = (op["x_base"] + rep * op["x_stride"]) % wrap
    y_base = op["y_base"] + rep * op["y_rep_stride"]
    weights = op["w_base"] + rep * outputs * words
    biases = op["b_base"] + rep * outputs
    return dataclasses.replace(
        _blank(op),
        read_words=tuple(range(x_base, x_base + words)),
        results=tuple((y_base + output * op["y_stride"]) % wrap for output in range(outputs)),
        counted=outputs,
        need=0 if rep else op["need_free"],
        weights=tuple(range(weights, weights + outputs * words)),
        biases=tuple((one * words, biases + one) for one in range(outputs)) if op["bias"] else (),
        fence=bool(op["fence"]) and not rep,
    )


def _back(config: TorusConfig, op: Op, rep: int) -> StepUnit:
    wrap, outputs = 1 << config.addr_bits, op["last_output"] + 1
    words, groups = op["last_word"] + 1, op["last_group"] + 1
    x_base = (op["x_base"] + rep * op["x_stride"]) % wrap
    w_base = op["w_base"] + rep * op["w_stride"]
    y_base = op["y_base"] + rep * op["y_rep_stride"]
    walk = list(_walk(op))
    sums = range(groups * outputs)
    keeps = op["reduce"] and not op["host"]
    return dataclasses.replace(
        _blank(op),
        read_words=tuple((x_base + offset) % wrap for _, offset in walk),
        gradients=tuple((x_base + offset) % wrap for block, offset in walk if block == 0)
        if keeps
        else (),
        read_gradients=tuple(
            (y_base + output * op["y_stride"] + group * op["group_stride"]) % wrap
            for group in range(groups)
            for output in range(outputs)
        ),
        from_host=bool(op["from_host"]),
        sums=words if op["reduce"] and op["host"] else 0,
        chunk=words if op["reduce"] and (op["host"] or op["last_block"]) else 0,
        need=op["need_step"] if rep else op["need_free"],
        weights=tuple(w_base + offset + one * op["w_step"] for _, offset in walk for one in sums),
        biases=tuple((one, op["b_base"] + rep * len(sums) + one) for one in sums)
        if op["bias"]
        else (),
        updates=bool(op["update"]),
        fence=bool(op["fence"]) and not rep,
    )


def _walk(op: Op) -> Iterator[tuple[int, int]]:
    """Words of a BACK repetition as (block, address less that of the first)."""
    offset = 0
    for block in reversed(range(op["last_block"] + 1)):
        for word in range(op["last_word"] + 1):
            yield block, offset
            offset += -op["block_jump"] if word == op["last_word"] else 1


def _dump(config: TorusConfig, op: Op, rep: int) -> StepUnit:
    memory = Memory(op["memory"])
    chunks = {
        Memory.WEIGHTS: config.weight_chunks,
        Memory.BIASES: config.bias_record_chunks,
        Memory.LFSR: config.lfsr_chunks,
    }[memory]
    records = op["last_word"] + 1
    base = op["y_base"] + rep * op["y_rep_stride"]
    first = op["w_base"] + rep * records
    found = tuple(range(first, first + records))
    return dataclasses.replace(
        _blank(op),
        results=tuple((base + word) % (1 << config.addr_bits) for word in range(records * chunks)),
        counted=1,
        need=op["need_free"],
        weights=found if memory is Memory.WEIGHTS else (),
        biases=tuple(enumerate(found)) if memory is Memory.BIASES else (),
        fence=bool(op["fence"]) and not rep,
    )
