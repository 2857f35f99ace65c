"""Programs of a torus in blocks of words, by docs/architecture.md and without the compiler."""

from hw.config import PROGRAM_BLOCK_WORDS, QUEUES
from hw.op_fields import JUMP, LOOP
from hw.ops import loop_op


def split(value, bits, count):
    return [(value >> (bits * index)) & ((1 << bits) - 1) for index in range(count)]


def blocks(words):
    padded = words + [0] * (-len(words) % PROGRAM_BLOCK_WORDS)
    return [padded[start:start + PROGRAM_BLOCK_WORDS]
            for start in range(0, len(padded), PROGRAM_BLOCK_WORDS)]


def program_blocks(config, layouts, queues):
    """Header block and program blocks of three lists of ops.

    An op is a dict of its fields, or ("loop", index of an op of its queue, count).
    """
    width = config.line_bits
    loop = loop_op(config)
    jumps, lines = [], []
    for layout, ops in zip(layouts, queues, strict=True):
        start = QUEUES + len(lines)
        jumps.append(loop.const(dict(kind=JUMP, target=start)).as_bits())
        at = []
        for op in [*ops, {}]:
            at.append(QUEUES + len(lines))
            if isinstance(op, tuple):
                target, count = op[1:]
                op = dict(kind=LOOP, target=at[target], count=count)
                lines.append(loop.const(op).as_bits())
            else:
                lines += split(layout.const(op).as_bits(), width, -(-layout.size // width) if op
                               else 1)
    words = [word for line in jumps + lines
             for word in split(line, config.word_bits, config.line_words)]
    body = blocks(words)
    count = split(len(body) - 1, config.word_bits, config.header_field_words)
    return [[0] * (PROGRAM_BLOCK_WORDS - len(count)) + count, *body]
