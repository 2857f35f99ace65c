"""The torus, word by word but without time: an oracle written from docs/architecture.md alone.

Engines, links and queues are as the page says; which of them moves next is drawn at random. So a
program that gives right words here for many seeds does not depend on timing, and one that locks up
is caught. It shares nothing with the compiler but the op layouts and the configuration.
"""

from collections import deque
from fractions import Fraction
from random import Random
from types import SimpleNamespace

import numpy as np

from hw.config import HARDWARE_ID_BITS, PROGRAM_BLOCK_WORDS
from hw.op_fields import (
    END,
    JUMP,
    LOOP,
    Axis,
    GatherKind,
    HostInKind,
    HostOutKind,
    RingKind,
)
from hw.ops import gateway_queues, loop_op, pe_queues

LINK_WORDS = 2


class Stuck(Exception):
    """Nothing can move any more, and beats are still wanted."""


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
                    can_send = self.own_here and send_left and send_ptr < self.recv_ptr
                    if can_send and not self.link_out.full() and random.random() < 0.8:
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
        self.sequencer = Sequencer(config, pe_queues(config))
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
        mine = self.loaded % self.config.cols == self.col
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
        for rep in range(op.reps + 1):
            x_base = (op.x_base + rep * op.x_stride) % wrap
            y_base = op.y_base + rep * op.y_rep_stride
            for output in range(op.last_output + 1):
                acc = self.bias(bias) if op.bias else 0
                bias += 1
                for address in range(x_base, x_base + op.last_word + 1):
                    yield from until(lambda address=address: ring.readable(address))
                    factor = self.weight(weight)
                    if factor:
                        acc += factor * signed(ring.buffer[address], config.act_bits)
                    weight += 1
                    if self.random.random() < 0.2:
                        yield True
                assert -(1 << (config.acc_bits - 1)) <= acc < 1 << (config.acc_bits - 1)
                word = shifted(acc, config.min_shift + op.shift, config.act_bits)
                word = max(word, 0) if op.relu else word
                if output == op.last_output:
                    self.consumed(ring)
                # A torus that trains counts results, another one repetitions.
                counts = output == op.last_output or config.training is not None
                self.results.append((op.dest, (y_base + output * op.y_stride) % wrap, word,
                                     counts))
                yield True

    def land(self):
        """Results arrive in order, some time later."""
        while not (self.mac_ended and not self.results):
            if self.results and self.random.random() < 0.5:
                dest, address, word, last = self.results.popleft()
                self.rings[dest].buffer[address] = word & ((1 << self.config.word_bits) - 1)
                self.rings[dest].credit += last
            yield bool(self.results)


class Gateway:
    """The gateway of a row."""

    def __init__(self, config, ring_in, ring_out):
        self.config, self.ring_in, self.ring_out = config, ring_in, ring_out
        self.host_in, self.host_out = Link(config.host_fifo_beats), Link(config.host_fifo_beats)
        self.sequencer = Sequencer(config, gateway_queues(config))

    def take_words(self, count):
        words = []
        while len(words) < count:
            yield from until(lambda: self.host_in)
            words += self.host_in.popleft()
            yield True
        return words[:count]

    def run(self):
        while True:
            yield from self.sequencer.load(lambda: self.take_words(PROGRAM_BLOCK_WORDS))
            for op in self.sequencer.ops(0):
                for _ in range(op.reps + 1):
                    if op.kind == RingKind.SEND:
                        words = yield from self.take_words(op.send)
                        for word in words:
                            yield from until(lambda: not self.ring_out.full())
                            self.ring_out.append(word)
                            yield True
                    else:
                        yield from self.pass_on(op)

    def pass_on(self, op):
        per_beat, beat = self.config.beat_words, []
        for index in range(op.recv):
            yield from until(lambda: self.ring_in)
            if index < op.send:
                yield from until(lambda: not self.ring_out.full())
            word = self.ring_in.popleft()
            if index < op.send:
                self.ring_out.append(word)
            if op.kind == RingKind.SINK:
                beat.append(0 if word is None else word)
                if len(beat) == per_beat or index == op.recv - 1:
                    yield from until(lambda: not self.host_out.full())
                    self.host_out.append(beat + [0] * (per_beat - len(beat)))
                    beat = []
            yield True


class Bridge:
    """Deals the host's beats, and collects those for the host."""

    def __init__(self, config, gateways, random):
        self.config, self.gateways, self.random = config, gateways, random
        self.host_in, self.host_out = deque(), []
        self.sequencer = Sequencer(config, gateway_queues(config))

    def run(self):
        def next_block():
            words = []
            for _ in range(self.config.block_beats):
                words += yield from self.deal(self.gateways)
            return words[:PROGRAM_BLOCK_WORDS]

        while True:
            yield from self.sequencer.load(next_block)
            yield from together([self.distribute(), self.collect()], self.random)

    def deal(self, gateways):
        yield from until(lambda: self.host_in)
        beat = self.host_in.popleft()
        for gateway in gateways:
            yield from until(lambda gateway=gateway: not gateway.host_in.full())
            gateway.host_in.append(beat)
            yield True
        return beat

    def distribute(self):
        for op in self.sequencer.ops(1):
            targets = [self.gateways]
            if op.kind == HostInKind.SCATTER:
                targets = [[gateway] for gateway in self.gateways]
            for _ in range(op.reps + 1):
                for target in targets:
                    for _ in range(op.beats):
                        yield from self.deal(target)

    def collect(self):
        for op in self.sequencer.ops(2):
            if op.kind == HostOutKind.ID:
                bits = self.config.host_bits
                for index in range(-(-HARDWARE_ID_BITS // bits)):
                    part = self.config.hardware_id >> (bits * index) & ((1 << bits) - 1)
                    self.host_out.append(part)
                continue
            for _ in range(op.reps + 1):
                for gateway in self.gateways:
                    for _ in range(op.beats):
                        yield from until(lambda gateway=gateway: gateway.host_out)
                        self.host_out.append(number(gateway.host_out.popleft(),
                                                    self.config.word_bits))
                        yield True


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


class Interpreter:
    """A torus after reset. Memories keep their contents from one `run` to the next."""

    pe_type = PE
    gateway_type = Gateway

    def __init__(self, config, seed):
        self.config = config
        random = Random(seed)
        rows, cols = config.rows, config.cols
        # Row links: from column c (or the gateway, c = cols) to the next node; column links: from
        # row r to the next.
        row = [[Link(LINK_WORDS) for _ in range(cols + 1)] for _ in range(rows)]
        col = [[Link(LINK_WORDS) for _ in range(cols)] for _ in range(rows)]
        gateways = [self.gateway_type(config, row[r][cols - 1], row[r][cols]) for r in range(rows)]
        self.bridge = Bridge(config, gateways, random)
        self.pes = [[self.pe_type(config, c, (row[r][c - 1], row[r][c], col[r - 1][c], col[r][c]),
                                  random)
                     for c in range(cols)] for r in range(rows)]
        self.links = [link for line in (*row, *col) for link in line]
        further = self.further(gateways)
        pes = [pe for line in self.pes for pe in line]
        actors = [actor.run() for actor in (self.bridge, *gateways, *pes)]
        self.step = together(actors + further, random)

    def further(self, gateways):
        """Further actors of a torus that can do more."""
        return []

    def run(self, beats, output_beats):
        """Send all beats (uint32 [n, parts]) and go on until nothing moves; the beats sent back."""
        self.send(beats)
        self.settle()
        given = len(self.bridge.host_out)
        if self.bridge.host_in or any(self.links) or given != output_beats:
            raise Stuck(f"{len(self.bridge.host_in)} beats not taken, {given} of "
                        f"{output_beats} given, {sum(map(bool, self.links))} links not empty")
        return self.take(given)

    def send(self, beats):
        """Let the host offer beats."""
        mask = (1 << self.config.word_bits) - 1
        for beat in beats.tolist():
            value = number(beat, 32)
            self.bridge.host_in.append([value >> (self.config.word_bits * lane) & mask
                                        for lane in range(self.config.beat_words)])

    def settle(self, enough=lambda: False):
        """Go on until nothing moves, or it is enough."""
        idle = 0
        while idle < 50 and not enough():  # Some waits are random.
            idle = 0 if next(self.step) else idle + 1

    def take(self, count):
        """Take beats uint32 [count, parts] that were sent to the host."""
        parts = self.config.host_bits // 32
        given, self.bridge.host_out = self.bridge.host_out[:count], self.bridge.host_out[count:]
        return np.array([[beat >> (32 * part) & 0xFFFFFFFF for part in range(parts)]
                         for beat in given], np.uint32).reshape(-1, parts)
