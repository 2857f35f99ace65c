"""`Position`: how far `BackControl` is in a repetition, and the addresses of its next step."""

from amaranth import *

from ..cells.loop import Loop

__all__ = ["Position"]


class _Gradients:
    """Where the gradient of a step's output is, and the bias of the output.

    Attributes
    ----------
    dy_addr, b_addr
        Addresses of the gradient, and of the bias.
    dy_group, dy_first
        Addresses of the first gradient of the group, and of the repetition.
    """

    def __init__(self, config):
        self.dy_addr = Signal(config.addr_bits)
        self.dy_group = Signal(config.addr_bits)
        self.dy_first = Signal(config.addr_bits)
        self.b_addr = Signal(config.bias_addr_bits)

    def start(self, dy_addr):
        return [addr.eq(dy_addr) for addr in (self.dy_addr, self.dy_group, self.dy_first)]

    def step(self, op, first_word):
        return [
            self.dy_addr.eq(self.dy_addr + op.y_stride),
            self.b_addr.eq(self.b_addr + first_word),
        ]

    def group(self, op):
        following = (self.dy_group + op.group_stride)[:len(self.dy_group)]
        return [self.dy_addr.eq(following), self.dy_group.eq(following)]

    def word(self):
        return [self.dy_addr.eq(self.dy_first), self.dy_group.eq(self.dy_first)]

    def repetition(self):
        return []


class _Rows:
    """Which row of gradients a step takes, where a MAC has lanes.

    Rows are taken in the order in which `GradientReader` fills them, those of a repetition anew for
    each of its words.

    Attributes
    ----------
    row, first_row
        The row, and the first one of the repetition.
    """

    def __init__(self, config):
        self.row = Signal(range(config.training.gradient_rows))
        self.first_row = Signal.like(self.row)

    def start(self, dy_addr):
        return []

    def step(self, op, first_word):
        return [self.row.eq(self.row + 1)]

    def group(self, op):
        return []

    def word(self):
        return [self.row.eq(self.first_row)]

    def repetition(self):
        return [self.row.eq(self.row + 1), self.first_row.eq(self.row + 1)]


class Position:
    """How far a repetition of a BACK op is, and the addresses of its next step.

    Attributes
    ----------
    output, group, word, block : Loop
        The nested loops of a repetition, the innermost first; with lanes, `output` counts rows.
    farthest
        The step is in the last block, whose words no other PE has added a share to before.
    first_word, first_output
        The step is in the first word of the repetition; it is the first step of its word.
    x_addr, w_addr
        Addresses of the step's word, and its weight, or row of weights.
    w_word
        Address of the word's first weight, or row.
    gradients : _Gradients or _Rows
        Where the gradients of the step's outputs are.
    """

    def __init__(self, config, op):
        self._lanes = config.lanes_out > 1
        self.last_output = self.last_of(op)
        self.block = Loop(op.last_block, "block")
        self.word = Loop(op.last_word, "word")
        self.group = Loop(op.last_group, "group")
        self.output = Loop(self.last_output, "output")
        self.farthest = Signal()
        self.first_word = Signal()
        self.first_output = Signal()
        self.x_addr = Signal(config.addr_bits)
        self.w_addr = Signal(config.weight_row_bits)
        self.w_word = Signal(config.weight_row_bits)
        self.gradients = (_Gradients if config.lanes_out == 1 else _Rows)(config)

    def last_of(self, op):
        """Number of outputs of a group of an op, or of rows, less one."""
        return op.last_walk if self._lanes else op.last_output

    def start(self, op, x_addr, w_addr, dy_addr):
        """Statements that go to the first step of a repetition; `b_addr` stays what it was."""
        return [
            self.x_addr.eq(x_addr),
            *(addr.eq(w_addr) for addr in (self.w_addr, self.w_word)),
            *self.gradients.start(dy_addr),
            *(flag.eq(1) for flag in (self.farthest, self.first_word, self.first_output)),
            *self.output.start(self.last_of(op)), *self.group.start(op.last_group),
            *self.word.start(op.last_word), *self.block.start(op.last_block),
        ]
