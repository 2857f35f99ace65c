"""A processing element, word by word but without time; see `tests.support.torus_interpreter`."""

import functools
from collections import deque

from hw.config import PROGRAM_BLOCK_WORDS
from hw.op_fields import Axis, GatherKind
from hw.ops import pe_queues
from tests.support.interpreter_parts import Sequencer, number, shifted, signed, together, until

__all__ = ["PE", "Ring"]

pe_layouts = functools.lru_cache(maxsize=16)(pe_queues)


class Ring:
    """The ring engine of a PE on one axis."""

    def __init__(self, pe, link_in, link_out, last_in_row):
        self.pe, self.link_in, self.link_out = pe, link_in, link_out
        self.last_in_row = last_in_row
        self.buffer = [None] * pe.config.buffer_words

    def start(self):
        self.credit = self.gathered = 0
        self.kind, self.own_here, self.recv_ptr = None, False, 0
        self.buffer = [None] * len(self.buffer)  # No program may use what an earlier one left.

    def readable(self, address):
        if self.gathered > 0:
            return True
        return (self.gathered == 0 and self.own_here and self.kind == GatherKind.GATHER
                and address < self.recv_ptr)

    def may_begin(self, op, rep):
        """Whether the region of a repetition is free; asked until it is."""
        return self.gathered < op.lag

    def run(self, ops, on_retire, on_word):
        random, most = self.pe.random, (1 << self.pe.config.rep_bits) - 1
        for op in ops:
            for rep in range(op.reps + 1):
                base = (op.base + rep * op.stride) % (1 << self.pe.config.addr_bits)
                need = op.need_step if rep else op.need_first
                self.kind, self.own_here, free = op.kind, False, False
                self.recv_ptr = base + op.own
                send_ptr = base
                recv_left = op.recv
                send_left = op.recv
                if self.last_in_row:
                    send_left = op.own + op.recv if op.to_gateway else 0
                while not self.own_here or recv_left or send_left:
                    acted = False
                    assert self.credit <= most and self.gathered <= most
                    if free and not self.own_here and self.credit >= need:
                        self.credit -= need
                        self.own_here = acted = True
                    if not free and self.may_begin(op, rep):
                        free = acted = True
                    if free and recv_left and self.link_in and random.random() < 0.8:
                        word = self.link_in.popleft()
                        self.buffer[self.recv_ptr] = word
                        on_word(op, base, self.recv_ptr - base - op.own, word)
                        self.recv_ptr += 1
                        recv_left -= 1
                        acted = True
                    can_send = (self.own_here and send_left and send_ptr < self.recv_ptr
                                and not self.link_out.full())
                    if can_send and random.random() < 0.8:
                        self.link_out.append(self.buffer[send_ptr])
                        send_ptr += 1
                        send_left -= 1
                        acted = True
                    yield acted or bool(self.link_in and recv_left and free) or can_send
                if op.kind == GatherKind.GATHER:
                    self.gathered += 1
                self.own_here = False
                on_retire(op)
                yield True


class PE:
    """A processing element."""

    ring_type = Ring

    def __init__(self, config, col, links, random):
        self.config, self.col, self.random = config, col, random
        west, east, north, south = links
        self.rings = {
            Axis.ROW: self.ring_type(self, west, east, col == config.cols - 1),
            Axis.COL: self.ring_type(self, north, south, False),
        }
        self.sequencer = Sequencer(config, pe_layouts(config))
        self.weights = [None] * config.weight_words
        self.biases = [None] * config.bias_words

    def run(self):
        west, east = self.rings[Axis.ROW].link_in, self.rings[Axis.ROW].link_out

        def next_block():
            words = []
            for _ in range(PROGRAM_BLOCK_WORDS):
                yield from until(lambda: west)
                words.append(west.popleft())
                if self.col != self.config.cols - 1:
                    yield from until(lambda: not east.full())
                    east.append(words[-1])
                yield True
            return words

        while True:
            yield from self.sequencer.load(next_block)
            yield from self.carry_out()

    def carry_out(self):
        """The program that the memory holds."""
        self.start()
        yield from together(self.engines(), self.random)

    def start(self):
        """Forget the progress of the program before."""
        self.loaded, self.weight_count, self.bias_parts, self.bias_count = 0, 0, [], 0
        self.freed = dict.fromkeys(Axis, 0)
        self.results = deque()
        self.mac_ended = False
        for ring in self.rings.values():
            ring.start()

    def engines(self):
        """All that works side by side."""
        return [
            self.rings[axis].run(self.sequencer.ops(queue), self.on_retire(axis), self.on_word)
            for queue, axis in enumerate(Axis)
        ] + [self.multiply(), self.land()]

    def on_retire(self, axis):
        def retire(op):
            self.freed[axis] += 1
            assert self.freed[axis] < 1 << self.config.rep_bits
        return retire

    def on_word(self, op, base, index, word):
        """Word number `index` of those that a repetition of a ring op receives, from `base` on."""
        kind = op.kind
        if kind not in (GatherKind.WEIGHTS, GatherKind.BIASES):
            return
        mine = self.loaded // self.config.link_words % self.config.cols == self.col
        self.loaded += 1
        if not mine:
            return
        if kind == GatherKind.WEIGHTS:
            self.weights[self.weight_count] = signed(word, self.config.weight_bits)
            self.weight_count += 1
            return
        self.bias_parts.append(word)
        if len(self.bias_parts) == self.config.bias_chunks:
            bias = number(self.bias_parts, self.config.word_bits)
            self.biases[self.bias_count] = signed(bias, self.config.bias_bits)
            self.bias_count += 1
            self.bias_parts = []

    def multiply(self):
        for op in self.sequencer.ops(2):
            yield from self.sum_up(op)
        self.mac_ended = True

    def weight(self, address):
        """The weight at an address, as it is multiplied in the step of the MAC that comes now."""
        return self.weights[address]

    def bias(self, address):
        """The bias at an address."""
        return self.biases[address]

    def consumed(self, ring):
        """The MAC has read the last word of a repetition."""
        ring.gathered -= 1

    def sum_up(self, op):
        """A RUN op."""
        config, wrap = self.config, 1 << self.config.addr_bits
        yield from until(lambda: self.freed[op.dest] >= op.need_free)
        self.freed[op.dest] -= op.need_free
        ring = self.rings[op.axis]
        weight, bias = op.w_base, op.b_base
        if config.row_weights > 1:
            yield from self.sum_up_in_lanes(op, ring)
            return
        for rep in range(op.reps + 1):
            x_base = (op.x_base + rep * op.x_stride) % wrap
            y_base = op.y_base + rep * op.y_rep_stride
            for output in range(op.last_output + 1):
                acc = self.bias(bias) if op.bias else 0
                bias += 1
                step = op.word_step if config.word_steps else 1
                for address in range(x_base, x_base + op.last_word + 1, step):
                    # Words are left out only of repetitions that are complete.
                    yield from until(lambda address=address, step=step: (
                        ring.readable(address) if step == 1 else ring.gathered > 0))
                    factor = self.weight(weight)
                    if factor:
                        acc += factor * signed(ring.buffer[address], config.act_bits)
                    weight += 1
                    if self.random.random() < 0.2:
                        yield True
                word = self.finished(op, acc)
                if output == op.last_output:
                    self.consumed(ring)
                # A torus that trains counts results, another one repetitions.
                counts = output == op.last_output or config.training is not None
                self.results.append((op.dest, (y_base + output * op.y_stride) % wrap, word,
                                     counts))
                yield True

    def finished(self, op, acc):
        """The word of a sum."""
        config = self.config
        assert -(1 << (config.acc_bits - 1)) <= acc < 1 << (config.acc_bits - 1)
        negative = config.leaky and acc < 0
        shift = op.negative_shift if negative else op.shift
        word = shifted(acc, config.min_shift + shift, config.act_bits)
        if config.bounded:
            low, high = (signed(bound, config.act_bits) for bound in (op.low, op.high))
            word = min(max(word, low), high)
        return max(word, 0) if op.relu else word

    def sum_up_in_lanes(self, op, ring):
        """A RUN op whose steps take a row of words, for one sum or for several at once."""
        config, wrap = self.config, 1 << self.config.addr_bits
        words, sums = config.lanes_in, config.lanes_out
        walks, rest = (op.last_walk, op.last_rest + 1) if sums > 1 else (op.last_output, 1)
        step = op.word_step if config.word_steps else words
        row, bias = op.w_base, op.b_base
        for rep in range(op.reps + 1):
            x_base = (op.x_base + rep * op.x_stride) % wrap
            addr = op.y_base + rep * op.y_rep_stride
            for walk in range(walks + 1):
                accs = [0] * sums
                for first in range(x_base, x_base + op.last_word + 1, step):
                    base = row * words * sums
                    row += 1
                    for half in range(words):
                        address = first // words * words + half
                        factors = [self.weight(base + lane * words + half) for lane in range(sums)]
                        if not any(factors):  # Padding, which may have no word.
                            continue
                        yield from until(lambda address=address: (
                            ring.readable(address) if step == words else ring.gathered > 0))
                        word = signed(ring.buffer[address], config.act_bits)
                        accs = [acc + word * factor
                                for acc, factor in zip(accs, factors, strict=True)]
                    if self.random.random() < 0.2:
                        yield True
                last = walk == walks
                if last:
                    # All words are there before the repetition counts as read.
                    yield from until(lambda at=x_base + op.last_word: (
                        ring.readable(at) or ring.gathered > 0))
                    self.consumed(ring)
                count = rest if last else sums
                for lane, acc in enumerate(accs[:count]):
                    acc += self.bias(bias) if op.bias else 0
                    bias += 1
                    self.results.append((op.dest, addr % wrap, self.finished(op, acc),
                                         last and lane == count - 1))
                    addr += op.y_stride
                yield True

    def land(self):
        """Results arrive in order, some time later."""
        while not (self.mac_ended and not self.results):
            if self.results and self.random.random() < 0.5:
                dest, address, word, last = self.results.popleft()
                self.rings[dest].buffer[address] = word & ((1 << self.config.word_bits) - 1)
                self.rings[dest].credit += last
            yield bool(self.results)
