"""Programs: queues of ops, their packing into memory images, and the loop over samples."""

import dataclasses
import itertools
from collections.abc import Callable, Sequence

from hw.config import LOOP_COUNT_BITS, PROGRAM_BLOCK_WORDS, QUEUES, TorusConfig
from hw.op_fields import (
    END,
    JUMP,
    LOOP,
    Fields,
    GatherKind,
    HostInKind,
    HostOutKind,
    RingKind,
    gateway_fields,
    loop_fields,
    op_lines,
    pe_fields,
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
_MOST_LOOPS = (1 << LOOP_COUNT_BITS) - 1
_NO_QUEUES: Queues = ([], [], [])


def pack_image(
    config: TorusConfig, fields: Sequence[Fields], queues: Sequence[Sequence[Op]]
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
    # Per queue, the line of each op and of its END. Before the queues, there is a JUMP to each.
    addresses: list[list[int]] = []
    end = QUEUES
    for layout, queue in zip(fields, queues, strict=True):
        sizes = [_lines(config, layout, op) for op in queue]
        addresses.append(list(itertools.accumulate(sizes, initial=end)))
        end = addresses[-1][-1] + 1
    word_count = -(-end * config.line_words // PROGRAM_BLOCK_WORDS) * PROGRAM_BLOCK_WORDS
    if word_count > config.program_words:
        raise ProgramError(
            f"program_words must be at least {word_count} for this program, "
            f"not {config.program_words}"
        )
    control = loop_fields(config)
    lines = [_pack(control, {"kind": JUMP, "target": places[0]}) for places in addresses]
    for layout, queue, places in zip(fields, queues, addresses, strict=True):
        for op in queue:
            if op["kind"] == LOOP:
                lines.append(_pack(control, {**op, "target": places[op["target"]]}))
            else:
                lines += _split(_pack(layout, op), op_lines(config, layout), config.line_bits)
        lines.append(_pack(control, {"kind": END}))
    words: list[int] = []
    for line in lines:
        words += _split(line, config.line_words, config.word_bits)
    words += [0] * (word_count - len(words))
    blocks = _split(
        len(words) // PROGRAM_BLOCK_WORDS - 1, config.header_field_words, config.word_bits
    )
    return [0] * (PROGRAM_BLOCK_WORDS - len(blocks)) + blocks + words


def _lines(config: TorusConfig, fields: Fields, op: Op) -> int:
    """Lines of program memory that an op of a queue takes."""
    return 1 if op["kind"] == LOOP else op_lines(config, fields)


def unpack_image(
    config: TorusConfig, fields: Sequence[Fields], image: Sequence[int]
) -> list[list[Op]]:
    """Read the queues back from a program image, without their END ops.

    Raises
    ------
    ProgramError
        If the image is not one that `pack_image` could have made.
    """
    size = config.line_words
    body = image[PROGRAM_BLOCK_WORDS:]
    lines = [
        _join(body[at : at + size], config.word_bits) for at in range(0, len(body) - size + 1, size)
    ]
    return [
        _unpack_queue(config, layout, lines, number) for number, layout in enumerate(fields)
    ]


def _unpack_queue(
    config: TorusConfig, fields: Fields, lines: Sequence[int], number: int
) -> list[Op]:
    jump = _unpack(loop_fields(config), lines[number]) if number < len(lines) else {"kind": END}
    if jump["kind"] != JUMP:
        raise ProgramError(f"line {number} of a program must be a JUMP to its queue {number}")
    count = op_lines(config, fields)
    index_at: dict[int, int] = {}
    queue: list[Op] = []
    at = jump["target"]
    while True:
        if at >= len(lines):
            raise ProgramError(f"queue {number} of the program has no END op")
        index_at[at] = len(queue)
        op = _unpack(loop_fields(config), lines[at])
        if op["kind"] == END:
            return queue
        if op["kind"] == LOOP:
            if op["target"] not in index_at:
                raise ProgramError(
                    f"a LOOP of queue {number} of the program must go back to one of its ops, "
                    f"not to line {op['target']}"
                )
            queue.append({**op, "target": index_at[op["target"]]})
            at += 1
        else:
            queue.append(_unpack(fields, _join(lines[at : at + count], config.line_bits)))
            at += count


def _pack(fields: Fields, op: Op) -> int:
    """The bits of an op; a field that it does not name is 0."""
    bits, position = 0, 0
    for name in op:
        if name not in fields:
            raise ProgramError(f"{name} is not a field of an op; known are {', '.join(fields)}")
    for name, width in fields.items():
        value = op.get(name, 0)
        if not 0 <= value < 1 << width:
            raise ProgramError(f"{name} must fit {width} bits of an op, not {value}")
        bits |= value << position
        position += width
    return bits


def _unpack(fields: Fields, bits: int) -> Op:
    """The fields of an op."""
    op: Op = {}
    for name, width in fields.items():
        op[name] = bits & ((1 << width) - 1)
        bits >>= width
    return op


def _join(parts: Sequence[int], bits: int) -> int:
    """One number from parts of so many bits, low part first."""
    return sum(part << (bits * index) for index, part in enumerate(parts))


def _split(number: int, count: int, bits: int) -> list[int]:
    """Split a number into `count` parts of so many bits, low part first."""
    mask = (1 << bits) - 1
    return [number >> (bits * index) & mask for index in range(count)]


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
            pe_image = pack_image(config, pe_fields(config), pe)
            blocks = len(pe_image) // PROGRAM_BLOCK_WORDS
            chunks = _chunks(blocks, 1 << config.rep_bits)
            send = {"kind": RingKind.SEND.value, "recv": 0, "send": PROGRAM_BLOCK_WORDS}
            deal = {"kind": HostInKind.BROADCAST.value, "beats": config.block_beats}
            ring = _after([{**send, "reps": chunk - 1} for chunk in chunks], ring)
            host_in = _after([{**deal, "reps": chunk - 1} for chunk in chunks], host_in)
        gateway = ring, host_in, host_out
        image = pack_image(config, gateway_fields(config), gateway)
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
    [R, biases * bias_chunks * C] in the same way, low chunk of a bias first. Where a torus trains,
    the words of a weight's record take the place of each weight and those of a bias's record that
    of each bias; and then come the `lfsr_chunks` words of every random generator.
    """
    row: list[Op] = []
    ring: list[Op] = []
    host_in: list[Op] = []
    most_words = config.buffer_words // config.cols * config.cols
    kinds = [
        (GatherKind.WEIGHTS, weights * config.weight_chunks),
        (GatherKind.BIASES, biases * config.bias_record_chunks),
    ]
    free = {"lag": 1}
    if config.training is not None:
        kinds.append((GatherKind.LFSR, config.lfsr_chunks))
        free = {}
    for kind, count in kinds:
        sizes = _chunks(count * config.cols, most_words)
        runs = [(size, sizes.count(size)) for size in sorted(set(sizes), reverse=True)]
        for words, total in runs:
            for reps in _chunks(total, 1 << config.rep_bits):
                row.append({"kind": kind.value, "reps": reps - 1, "recv": words, **free})
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
        layouts = (*pe_fields(config), *gateway_fields(config))
        counts = [
            # One sample more, a LOOP, an END, and the JUMP to the queue.
            (len(queue) + len(body) + more) * op_lines(config, layout) + 3
            for queue, body, more, layout in zip(
                self.flat[-1], self.body, extra, layouts, strict=True
            )
        ]
        longest = max(sum(counts[:3]), sum(counts[3:])) * config.line_words
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
