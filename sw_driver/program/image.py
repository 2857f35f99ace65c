"""Queues of ops, and their packing into the image of a program memory."""

import itertools
from collections.abc import Sequence

from hw.config import PROGRAM_BLOCK_WORDS, QUEUES, TorusConfig
from hw.op_fields import END, JUMP, LOOP, Fields, loop_fields, op_lines
from sw_driver.errors import ProgramError

__all__ = ["Op", "pack_image", "unpack_image"]

# An op is its fields by name. The target of a LOOP is the index of an op of the same queue.
Op = dict[str, int]


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
    # For each queue, the lines of its ops and of its END. Before the queues is a JUMP to each.
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
    """Count the lines of program memory that an op of a queue takes."""
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
    """Return the bits of an op; a field that it does not name is 0."""
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
    """Return the fields of an op from its bits."""
    op: Op = {}
    for name, width in fields.items():
        op[name] = bits & ((1 << width) - 1)
        bits >>= width
    return op


def _join(parts: Sequence[int], bits: int) -> int:
    """Join parts of so many bits to one number, low part first."""
    return sum(part << (bits * index) for index, part in enumerate(parts))


def _split(number: int, count: int, bits: int) -> list[int]:
    """Split a number into `count` parts of so many bits, low part first."""
    mask = (1 << bits) - 1
    return [number >> (bits * index) & mask for index in range(count)]
