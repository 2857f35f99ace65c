"""What all parts of the interpreted torus are made of: links, words as numbers, programs, turns."""

from collections import deque
from fractions import Fraction
from types import SimpleNamespace

from hw.op_fields import END, JUMP, LOOP
from hw.ops import loop_op

__all__ = ["Link", "Sequencer", "number", "shifted", "signed", "together", "until"]


class Link(deque):
    """Words on their way, at most `room`."""

    def __init__(self, room):
        super().__init__()
        self.room = room

    def full(self):
        return len(self) >= self.room


def number(words, bits):
    return sum(word << (bits * index) for index, word in enumerate(words))


def signed(value, bits):
    value &= (1 << bits) - 1
    return value - (value >> (bits - 1) << bits)


def shifted(acc, shift, bits):
    """A sum as a word: shifted right, rounded half to even, saturated."""
    limit = 1 << (bits - 1)
    return min(max(round(Fraction(acc, 1 << shift)), -limit), limit - 1)


def until(condition):
    while not condition():
        yield False


class Sequencer:
    """A program memory; loads blocks of words and walks queues."""

    def __init__(self, config, layouts):
        self.config = config
        self.layouts = layouts

    def load(self, next_block):
        """Take the header and the program with `next_block`, a generator function of words."""
        config = self.config
        header = yield from next_block()
        blocks = number(header[-config.header_field_words:], config.word_bits)
        self.memory = []
        for _ in range(blocks + 1):
            self.memory += yield from next_block()
        assert len(self.memory) <= config.program_words

    def ops(self, queue):
        """The ops of a queue as they are run."""
        layout, line = self.layouts[queue], self.config.line_words
        lines = -(-layout.size // (line * self.config.word_bits))
        pc, turns = queue, None
        while True:
            bits = number(self.memory[pc * line:(pc + lines) * line], self.config.word_bits)
            loop = loop_op(self.config).from_bits(bits & ((1 << loop_op(self.config).size) - 1))
            if loop.kind == END:
                return
            pc += 1
            if loop.kind == JUMP:
                pc = loop.target
                continue
            if loop.kind == LOOP:
                turns = loop.count if turns is None else turns
                if turns:
                    turns, pc = turns - 1, loop.target
                else:
                    turns = None
                continue
            pc += lines - 1
            op = layout.from_bits(bits & ((1 << layout.size) - 1))
            yield SimpleNamespace(**{name: op[name] for name, _ in layout})


def together(actors, random):
    """Run generators in turns, in random order, until all have ended."""
    actors = list(actors)
    while actors:
        random.shuffle(actors)
        acted = False
        for actor in list(actors):
            try:
                acted |= bool(next(actor))
            except StopIteration:
                actors.remove(actor)
                acted = True
        yield acted
