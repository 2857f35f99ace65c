"""The torus, word by word but without time: an oracle written from docs/architecture.md alone.

Engines, links and queues are as the page says; which of them moves next is drawn at random. So a
program that gives right words here for many seeds does not depend on timing, and one that locks up
is caught. It shares nothing with the compiler but the op layouts and the configuration.
"""

import functools
import math
from collections import deque
from random import Random

import numpy as np

from hw.config import HARDWARE_ID_BITS, PROGRAM_BLOCK_WORDS
from hw.op_fields import HostInKind, HostOutKind, RingKind
from hw.ops import gateway_queues
from tests.support.interpreted_pe import PE
from tests.support.interpreter_parts import Link, Sequencer, number, together, until

__all__ = ["Bridge", "Gateway", "Interpreter", "Stuck"]

LINK_WORDS = 2
gateway_layouts = functools.lru_cache(maxsize=16)(gateway_queues)


class Stuck(Exception):
    """Nothing can move any more, and beats are still wanted."""


class Gateway:
    """The gateway of a row."""

    def __init__(self, config, ring_in, ring_out):
        self.config, self.ring_in, self.ring_out = config, ring_in, ring_out
        self.host_in, self.host_out = Link(config.host_fifo_beats), Link(config.host_fifo_beats)
        self.sequencer = Sequencer(config, gateway_layouts(config))

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
            yield from self.carry_out()

    def carry_out(self):
        """The program that the memory holds."""
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
        self.most_out = math.inf  # Beats that wait for the host.
        self.sequencer = Sequencer(config, gateway_layouts(config))

    def run(self):
        def next_block():
            words = []
            for _ in range(self.config.block_beats):
                words += yield from self.deal(self.gateways)
            return words[:PROGRAM_BLOCK_WORDS]

        while True:
            yield from self.sequencer.load(next_block)
            yield from self.carry_out()

    def carry_out(self):
        """The program that the memory holds."""
        return together([self.distribute(), self.collect()], self.random)

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
                        yield from until(lambda gateway=gateway: (
                            gateway.host_out and len(self.host_out) < self.most_out))
                        self.host_out.append(number(gateway.host_out.popleft(),
                                                    self.config.word_bits))
                        yield True


class Interpreter:
    """A torus after reset. Memories keep their contents from one `run` to the next."""

    pe_type = PE
    gateway_type = Gateway

    def __init__(self, config, seed):
        self.config = config
        self.random = random = Random(seed)
        rows, cols = config.rows, config.cols
        # Row links: from column c (or the gateway, c = cols) to the next node; column links: from
        # row r to the next.
        row = [[Link(LINK_WORDS) for _ in range(cols + 1)] for _ in range(rows)]
        col = [[Link(LINK_WORDS) for _ in range(cols)] for _ in range(rows)]
        self.gateways = gateways = [
            self.gateway_type(config, row[r][cols - 1], row[r][cols]) for r in range(rows)]
        self.bridge = Bridge(config, gateways, random)
        self.pes = [[self.pe_type(config, c, (row[r][c - 1], row[r][c], col[r - 1][c], col[r][c]),
                                  random)
                     for c in range(cols)] for r in range(rows)]
        self.links = [link for line in (*row, *col) for link in line]
        further = self.further(gateways)
        actors = [actor.run() for actor in self.nodes]
        self.step = together(actors + further, random)

    @property
    def nodes(self):
        """All that has a program memory."""
        return [self.bridge, *self.gateways, *(pe for line in self.pes for pe in line)]

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
