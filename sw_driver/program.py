"""Programs: queues of ops, their packing into memory images, and the loop over samples."""

import dataclasses
import enum
from collections.abc import Callable, Sequence
from typing import Any

from hw.config import PROGRAM_BLOCK_WORDS, TorusConfig
from hw.ops import (
    END,
    LOOP,
    LOOP_COUNT_BITS,
    GatherKind,
    HostInKind,
    HostOutKind,
    RingKind,
    gateway_queues,
    loop_op,
    op_words,
    pe_queues,
)
from sw_driver.errors import ProgramError

__all__ = [
    "Op",
    "Program",
    "Queues",
    "SampleLoop",
    "find_sample_loop",
    "id_program",
    "load_program",
    "pack_image",
    "unpack_image",
]

# An op: its fields by name. A LOOP's target is an op's index in its own queue.
Op = dict[str, int]
# Row, column and MAC queue of the PEs; ring, host input and host output queue of the gateways.
Queues = tuple[list[Op], ...]
# An `amaranth.lib.data.StructLayout`; Amaranth has no types.
Layout = Any

_MOST_LOOPS = (1 << LOOP_COUNT_BITS) - 1
_NO_QUEUES: Queues = ([], [], [])


def pack_image(
    config: TorusConfig, layouts: Sequence[Layout], queues: Sequence[Sequence[Op]]
) -> list[int]:
    """Pack three queues, without their END ops, into a program image.

    Returns
    -------
    list of int
        Link words: the header block, and the blocks of the program.

    Raises
    ------
    ProgramError
        If a field's value does not fit, or the program does not fit `program_words`.
    """
    words: list[int] = []
    starts: list[int] = []
    for layout, queue in zip(layouts, queues, strict=True):
        count = op_words(config, layout)
        start = len(words)
        starts.append(start)
        for op in [*queue, {"kind": END}]:
            if op["kind"] in (END, LOOP):
                fields = {**op, "target": start + op["target"] * count} if "target" in op else op
                bits = _pack(loop_op(config), fields)
            else:
                bits = _pack(layout, op)
            words += _words(bits, count, config)
    padded = words + [0] * (-len(words) % PROGRAM_BLOCK_WORDS)
    if len(padded) > config.program_words:
        raise ProgramError(
            f"program_words must be at least {len(padded)} for this program, "
            f"not {config.program_words}"
        )
    header: list[int] = []
    for field in (len(padded) // PROGRAM_BLOCK_WORDS - 1, *starts[1:]):
        header += _words(field, config.header_field_words, config)
    return header + [0] * (PROGRAM_BLOCK_WORDS - len(header)) + padded


def unpack_image(
    config: TorusConfig, layouts: Sequence[Layout], image: Sequence[int]
) -> list[list[Op]]:
    """Read the queues back from a program image, without their END ops."""

    def number(words: Sequence[int]) -> int:
        return sum(word << (config.word_bits * index) for index, word in enumerate(words))

    width = config.header_field_words
    starts = [0, *(number(image[width * field : width * (field + 1)]) for field in (1, 2))]
    body = image[PROGRAM_BLOCK_WORDS:]
    queues: list[list[Op]] = []
    for layout, start in zip(layouts, starts, strict=True):
        count = op_words(config, layout)
        queue: list[Op] = []
        while True:
            address = start + len(queue) * count
            if address + count > len(body):
                raise ProgramError(f"a queue of the program at word {start} has no END op")
            bits = number(body[address : address + count])
            loop = _unpack(loop_op(config), bits)
            if loop["kind"] == END:
                break
            if loop["kind"] == LOOP:
                queue.append({**loop, "target": (loop["target"] - start) // count})
            else:
                queue.append(_unpack(layout, bits))
        queues.append(queue)
    return queues


def _pack(layout: Layout, op: Op) -> int:
    """The bits of an op."""
    for name, value in op.items():
        width = layout[name].width
        if not 0 <= value < 1 << width:
            raise ProgramError(f"{name} must fit {width} bits of an op, not {value}")
    return layout.const(op).as_bits()


def _unpack(layout: Layout, bits: int) -> Op:
    """The fields of an op."""
    const = layout.from_bits(bits & ((1 << layout.size) - 1))

    def plain(value: Any) -> int:
        return int(value.value) if isinstance(value, enum.Enum) else int(value)

    return {name: plain(const[name]) for name, _ in layout}


def _words(bits: int, count: int, config: TorusConfig) -> list[int]:
    """Split a number into `count` link words, low word first."""
    mask = (1 << config.word_bits) - 1
    return [bits >> (config.word_bits * index) & mask for index in range(count)]


@dataclasses.dataclass(frozen=True, eq=False)
class Program:
    """One program of the torus, as its host must send it.

    Parameters
    ----------
    config
        The torus that it is for.
    pe_image
        Link words of the PEs' program, header block first; empty if the PEs have none.
    gateway_image
        Link words of the gateways' program, header block first.
    gateway
        The queues of the gateways' program.
    """

    config: TorusConfig
    pe_image: list[int]
    gateway_image: list[int]
    gateway: Queues

    @classmethod
    def build(cls, config: TorusConfig, queues: Queues) -> "Program":
        """Pack queues, and put the loading of the PEs' program before those of the gateways.

        Raises
        ------
        ProgramError
            If a field or a program memory is too small.
        """
        pe, (ring, host_in, host_out) = queues[:3], queues[3:]
        pe_image: list[int] = []
        if any(pe):
            pe_image = pack_image(config, pe_queues(config), pe)
            blocks = len(pe_image) // PROGRAM_BLOCK_WORDS
            chunks = _chunks(blocks, 1 << config.rep_bits)
            send = {"kind": RingKind.SEND.value, "recv": 0, "send": PROGRAM_BLOCK_WORDS}
            deal = {"kind": HostInKind.BROADCAST.value, "beats": config.block_beats}
            ring = _after([{**send, "reps": chunk - 1} for chunk in chunks], ring)
            host_in = _after([{**deal, "reps": chunk - 1} for chunk in chunks], host_in)
        gateway = ring, host_in, host_out
        image = pack_image(config, gateway_queues(config), gateway)
        return cls(config, pe_image, image, gateway)


def _after(first: list[Op], queue: list[Op]) -> list[Op]:
    """A queue with ops put before it."""
    return first + [
        {**op, "target": op["target"] + len(first)} if op["kind"] == LOOP else op for op in queue
    ]


def _chunks(total: int, most: int) -> list[int]:
    """Cut `total` into parts of `most` and a rest."""
    return [most] * (total // most) + [total % most] * (total % most > 0)


def load_program(config: TorusConfig, weights: int, biases: int) -> Program:
    """Make the program that loads `weights` weights and `biases` biases into every PE.

    Its host words are [R, weights * C], word a * C + c for address a of column c, and then
    [R, biases * bias_chunks * C] in the same way, low chunk of a bias first.
    """
    row: list[Op] = []
    ring: list[Op] = []
    host_in: list[Op] = []
    most_words = config.buffer_words // config.cols * config.cols
    kinds = (GatherKind.WEIGHTS, weights), (GatherKind.BIASES, biases * config.bias_chunks)
    for kind, count in kinds:
        sizes = _chunks(count * config.cols, most_words)
        runs = [(size, sizes.count(size)) for size in sorted(set(sizes), reverse=True)]
        for words, total in runs:
            for reps in _chunks(total, 1 << config.rep_bits):
                row.append({"kind": kind.value, "reps": reps - 1, "recv": words, "lag": 1})
                ring.append(
                    {"kind": RingKind.SEND.value, "reps": reps - 1, "recv": 0, "send": words}
                )
                beats = -(-words // config.beat_words)
                host_in.append({"kind": HostInKind.SCATTER.value, "reps": reps - 1, "beats": beats})
    return Program.build(config, (row, [], [], ring, host_in, []))


def id_program(config: TorusConfig) -> Program:
    """Make the program that asks for the hardware id."""
    host_out: list[Op] = [{"kind": HostOutKind.ID.value, "reps": 0, "beats": 0}]
    return Program.build(config, (*_NO_QUEUES, [], [], host_out))


@dataclasses.dataclass(frozen=True)
class SampleLoop:
    """The queues of a run for any number of samples.

    Parameters
    ----------
    flat
        The queues of a run of 1, 2, ... samples, every op listed.
    body
        What one further sample adds to each queue of the last of them, and
    cut
        where: the index of the op that comes after it.
    """

    flat: tuple[Queues, ...]
    body: Queues
    cut: tuple[int, ...]

    @property
    def max_samples(self) -> int:
        """Most samples of one program."""
        return len(self.flat) + _MOST_LOOPS + 1

    def queues(self, samples: int) -> Queues:
        """The queues of a run of `samples` samples, 1 to `max_samples`.

        Raises
        ------
        ProgramError
            If `samples` is out of range.
        """
        if not 1 <= samples <= self.max_samples:
            raise ProgramError(f"samples must be 1 to {self.max_samples}, not {samples}")
        if samples <= len(self.flat):
            return self.flat[samples - 1]
        turns = samples - len(self.flat)
        found: list[list[Op]] = []
        for queue, body, cut in zip(self.flat[-1], self.body, self.cut, strict=True):
            loop: list[Op] = [{"kind": LOOP, "target": cut, "count": turns - 1}] * (turns > 1)
            found.append(queue[:cut] + body + loop + queue[cut:])
        return tuple(found)

    def program_words(self, config: TorusConfig) -> int:
        """Words of the longer of the two programs, for any number of samples."""
        # A gateway also loads the PEs' program, of at most one block more than `rep_bits` counts.
        extra = (0, 0, 0, 2, 2, 0)
        layouts = (*pe_queues(config), *gateway_queues(config))
        counts = [
            # One sample more, a LOOP and an END.
            (len(queue) + len(body) + 2 + more) * op_words(config, layout)
            for queue, body, more, layout in zip(
                self.flat[-1], self.body, extra, layouts, strict=True
            )
        ]
        longest = max(sum(counts[:3]), sum(counts[3:]))
        return -(-longest // PROGRAM_BLOCK_WORDS) * PROGRAM_BLOCK_WORDS

    def program(self, config: TorusConfig, samples: int) -> Program:
        """Pack a run of `samples` samples; errors as for `queues` and `Program.build`."""
        return Program.build(config, self.queues(samples))


def find_sample_loop(queues_of: Callable[[int], Queues], most_flat: int) -> SampleLoop:
    """Find what repeats: the run of n + 1 samples is that of n with one piece put in.

    Parameters
    ----------
    queues_of
        The queues of a run of so many samples.
    most_flat
        Samples after which the run must have become regular.

    Raises
    ------
    ProgramError
        If it has not.
    """
    flat = [queues_of(1)]
    ahead = [queues_of(samples) for samples in (2, 3, 4)]
    while len(flat) <= most_flat:
        pieces = [_inserted(*runs) for runs in zip(flat[-1], *ahead, strict=True)]
        found = [piece for piece in pieces if piece is not None]
        if len(found) == len(pieces):
            cuts, bodies = zip(*found, strict=True)
            return SampleLoop(tuple(flat), tuple(bodies), tuple(cuts))
        flat.append(ahead.pop(0))
        ahead.append(queues_of(len(flat) + 3))
    raise ProgramError(f"the schedule does not become regular within {most_flat} samples")


def _inserted(
    run: list[Op], second: list[Op], third: list[Op], fourth: list[Op]
) -> tuple[int, list[Op]] | None:
    """Where a run is cut, and what is put in once, twice and three times to get the others."""
    size = len(second) - len(run)
    same = (index for index, (a, b) in enumerate(zip(run, second, strict=False)) if a != b)
    cut = next(same, len(run))
    body = second[cut : cut + size]
    for count, longer in enumerate((second, third, fourth), 1):
        if longer != run[:cut] + body * count + run[cut:]:
            return None
    return cut, body
