"""A torus that trains, word by word but without time: an oracle written from docs/training.md.

As `tests.support.torus_interpreter`, which it goes on from: it knows what the ops say and nothing
of who made them. A weight that is written lands as late as the hardware may be, counted in steps,
so a program that reads one too early gets the old one.
"""

from collections import deque
from types import SimpleNamespace
from typing import Any

from hw.config import LFSR_TAPS, UPDATE_CYCLES
from hw.op_fields import CLEAR, KEEP, Axis, GatherKind, MacKind, Memory, RingKind
from tests.support.interpreted_pe import PE, Ring
from tests.support.interpreter_parts import Link, number, shifted, signed, until
from tests.support.torus_interpreter import Gateway, Interpreter, Stuck


def saturated(value, bits):
    limit = 1 << (bits - 1)
    return min(max(value, -limit), limit - 1)


class TrainingRing(Ring):
    """A ring engine that keeps words until they have been read as often as its op says."""

    def start(self):
        super().start()
        self.reads = 0

    def may_begin(self, op, rep):
        need = op.need_read_step if rep else op.need_read
        assert self.reads < 1 << self.pe.config.rep_bits
        if self.reads < need:
            return False
        self.reads -= need
        return True


class TrainingPE(PE):
    """A processing element that trains. `reverse` are its links [axis]: (in, out)."""

    ring_type = TrainingRing

    def __init__(self, config, col, links, random):
        super().__init__(config, col, links, random)
        self.training = config.training
        self.velocities: list[Any] = [None] * config.weight_words
        self.bias_velocities: list[Any] = [None] * config.bias_words
        self.lfsr: Any = None
        self.gradients = {axis: [None] * config.buffer_words for axis in Axis}
        self.host_gradients = [None] * self.training.result_words

    # Loading

    def start(self):
        super().start()
        self.records = {kind: [] for kind in
                        (GatherKind.WEIGHTS, GatherKind.BIASES, GatherKind.LFSR)}
        self.addresses = dict.fromkeys(self.records, 0)
        self.host_landed = 0
        self.gradients_landed = dict.fromkeys(Axis, 0)
        self.contributions = {axis: deque() for axis in Axis}
        self.complete = {axis: deque() for axis in Axis}
        self.writes = deque()
        self.steps = 0

    def engines(self):
        reducers = [engine(axis) for axis in Axis for engine in (self.reduce, self.land_gradients)]
        return super().engines() + reducers

    def on_word(self, op, base, index, word):
        kind = op.kind
        if kind == GatherKind.GRADIENT:
            # The last column's come first; its own last word completes a PE's.
            cols = self.config.cols
            lane, turn = divmod(index, cols)
            if turn == cols - 1 - self.col:
                self.host_gradients[base + lane] = signed(word, self.training.grad_bits)
                self.host_landed += lane == op.recv // cols - 1
            return
        if kind not in self.records:
            return
        mine = self.loaded % self.config.cols == self.col
        self.loaded += 1
        if not mine:
            return
        config = self.config
        record = self.records[kind]
        record.append(word)
        head = {GatherKind.WEIGHTS: config.master_chunks, GatherKind.BIASES: config.bias_chunks,
                GatherKind.LFSR: config.lfsr_chunks}[kind]
        total = head + (0 if kind == GatherKind.LFSR else config.velocity_chunks)
        if len(record) < total:
            return
        value, velocity = (number(part, config.word_bits) for part in (record[:head],
                                                                       record[head:]))
        address = self.addresses[kind]
        velocity = signed(velocity, self.training.velocity_bits) if record[head:] else 0
        if kind == GatherKind.WEIGHTS:
            self.weights[address] = signed(value, self.training.master_bits)
            self.velocities[address] = velocity
        elif kind == GatherKind.BIASES:
            self.biases[address] = signed(value, config.bias_bits)
            self.bias_velocities[address] = velocity
        else:
            self.lfsr = value & 0xFFFFFFFF
        self.addresses[kind] += 1
        record.clear()

    # The MAC

    def multiply(self):
        for op in self.sequencer.ops(2):
            if op.fence:
                self.land_writes(None)
            yield from {MacKind.RUN: self.sum_up, MacKind.BACK: self.walk_back,
                        MacKind.DUMP: self.dump}[op.kind](op)
        self.land_writes(None)
        self.mac_ended = True

    def land_writes(self, step):
        """Carry out the writes that have landed when a step begins; all, if no step does."""
        while self.writes and (step is None or self.writes[0][0] + UPDATE_CYCLES < step):
            self.writes.popleft()[1]()

    def weight(self, address):
        self.land_writes(self.steps)
        self.steps += 1
        return self.weights[address] >> (self.training.master_bits - self.config.weight_bits)

    def bias(self, address):
        self.land_writes(self.steps)
        return self.biases[address]

    def consumed(self, ring):
        super().consumed(ring)
        ring.reads += 1

    def walk_back(self, op):
        """A BACK op."""
        config, wrap = self.config, 1 << self.config.addr_bits
        ring = self.rings[op.axis]
        outputs, groups, blocks = op.last_output + 1, op.last_group + 1, op.last_block + 1
        bias = op.b_base
        last_in_row = self.col == config.cols - 1
        for rep in range(op.reps + 1):
            need = op.need_step if rep else op.need_free
            if op.from_host:
                yield from until(lambda need=need: self.host_landed >= need)
                self.host_landed -= need
                memory = self.host_gradients
            else:
                yield from until(lambda need=need: self.gradients_landed[op.dest] >= need)
                self.gradients_landed[op.dest] -= need
                memory = self.gradients[op.dest]
            x_address = (op.x_base + rep * op.x_stride) % wrap
            weight = op.w_base + rep * op.w_stride
            y_base = op.y_base + rep * op.y_rep_stride
            first = True
            for block in reversed(range(blocks)):
                for word in range(op.last_word + 1):
                    x = signed(ring.buffer[x_address], config.act_bits)
                    total = 0
                    for group in range(groups):
                        for output in range(outputs):
                            neuron = group * outputs + output
                            y = (y_base + output * op.y_stride + group * op.group_stride) % wrap
                            dy = memory[y]
                            total += self.step_back(op, weight + neuron * op.w_step, x, dy)
                            if op.bias and first:
                                self.update_bias(op, bias + neuron, dy)
                            if self.random.random() < 0.2:
                                yield True
                    first = False
                    if op.reduce:
                        queue, room = self.contributions[op.axis], self.training.reduce_words
                        yield from until(lambda queue=queue, room=room: len(queue) < room)
                        queue.append(SimpleNamespace(
                            sum=total, to_host=op.host, address=x_address,
                            takes=not last_in_row if op.host else block < op.last_block,
                            keeps=block == 0 and not op.host,
                            shift=self.training.min_grad_shift + op.shift,
                            zero=op.relu and x <= 0))
                    on = -op.block_jump if word == op.last_word else 1
                    x_address += on
                    weight += on
            if op.bias:
                bias += groups * outputs
            ring.reads += 1
            yield True

    def step_back(self, op, address, x, dy):
        """One step: the product of weight and gradient, and the change of the weight."""
        factor = self.weight(address)  # Lands writes, and counts the step.
        if not op.update:
            return factor * dy
        training = self.training
        assert training is not None
        master = self.weights[address]
        total = self.accumulated(op, self.velocities[address], x * dy)
        if op.apply:
            shift = training.min_update_shift + op.update_shift
            rounding = self.lfsr & ((1 << shift) - 1)
            self.lfsr = self.lfsr >> 1 ^ (LFSR_TAPS if self.lfsr & 1 else 0)
            master = saturated(master - (total + rounding >> shift), training.master_bits)

        def write():
            self.weights[address] = master
            if training.velocity_bits:
                self.velocities[address] = total
        self.writes.append((self.steps - 1, write))
        return factor * dy

    def accumulated(self, op, held, product) -> int:
        bits = self.training.velocity_bits
        if not bits:
            return product
        base = 0 if op.decay == CLEAR else held if op.decay == KEEP else held - (held >> op.decay)
        return saturated(base + product, bits)

    def update_bias(self, op, address, dy):
        training, bits = self.training, self.config.bias_bits
        total = self.accumulated(op, self.bias_velocities[address], dy)
        bias = self.biases[address]
        if op.apply:
            shift = training.min_bias_shift + op.bias_shift
            bias = saturated(bias - (total << shift), bits)

        def write():
            self.biases[address] = bias
            if training.velocity_bits:
                self.bias_velocities[address] = total
        self.writes.append((self.steps - 1, write))

    def dump(self, op):
        """A DUMP op."""
        config, record = self.config, op.w_base
        mask = (1 << config.word_bits) - 1
        for rep in range(op.reps + 1):
            yield from until(lambda: self.freed[op.dest] >= op.need_free)
            self.freed[op.dest] -= op.need_free
            words = []
            for _ in range(op.last_word + 1):
                for value, chunks in self.record(op.memory, record):
                    words += [value >> (config.word_bits * chunk) & mask for chunk in range(chunks)]
                record += 1
            address = op.y_base + rep * op.y_rep_stride
            for index, word in enumerate(words):
                self.results.append((op.dest, (address + index) % (1 << config.addr_bits), word,
                                     index == len(words) - 1))
                yield True

    def record(self, memory, address):
        config = self.config
        return {
            Memory.WEIGHTS: lambda: [(self.weights[address], config.master_chunks),
                                     (self.velocities[address], config.velocity_chunks)],
            Memory.BIASES: lambda: [(self.biases[address], config.bias_chunks),
                                    (self.bias_velocities[address], config.velocity_chunks)],
            Memory.LFSR: lambda: [(self.lfsr, config.lfsr_chunks)],
        }[memory]()

    # Gradients

    def reduce(self, axis):
        """The reduce engine of an axis."""
        link_in, link_out = self.reverse[axis]
        queue = self.contributions[axis]
        while not (self.mac_ended and not queue):
            if not queue or queue[0].takes and not link_in:
                yield False
                continue
            one = queue[0]
            if not one.keeps and link_out.full():
                yield False
                continue
            total = one.sum
            if one.takes:
                partial, to_host = link_in.popleft()
                assert to_host == one.to_host
                total += partial
            limit = 1 << (self.config.acc_bits - 1)
            assert -limit <= total < limit
            if one.keeps:
                self.complete[axis].append((one, total))
            else:
                link_out.append((total, one.to_host))
            queue.popleft()
            yield True

    def land_gradients(self, axis):
        """Complete gradients arrive in order, some time later."""
        queue = self.complete[axis]
        while not (self.mac_ended and not queue and not self.contributions[axis]):
            if queue and self.random.random() < 0.5:
                one, total = queue.popleft()
                word = 0 if one.zero else shifted(total, one.shift, self.training.grad_bits)
                self.gradients[axis][one.address] = word
                self.gradients_landed[axis] += 1
                assert self.gradients_landed[axis] < 1 << self.config.rep_bits
                yield True
            yield bool(queue)


class TrainingGateway(Gateway):
    """A gateway with a reverse ring beside."""

    def pass_on(self, op):
        if op.kind != RingKind.GRADIENT:
            yield from super().pass_on(op)
            return
        config, words = self.config, []
        for _ in range(op.recv):
            yield from until(lambda: self.reverse_in and self.reverse_in[0][1])
            total, _ = self.reverse_in.popleft()
            words += [total >> (config.word_bits * chunk) & ((1 << config.word_bits) - 1)
                      for chunk in range(config.sum_chunks)]
            yield True
        for first in range(0, len(words), config.beat_words):
            beat = words[first:first + config.beat_words]
            yield from until(lambda: not self.host_out.full())
            self.host_out.append(beat + [0] * (config.beat_words - len(beat)))
            yield True

    def pass_back(self):
        """Partial sums that are not for the host go on."""
        while True:
            can = self.reverse_in and not self.reverse_in[0][1] and not self.reverse_out.full()
            if can:
                self.reverse_out.append(self.reverse_in.popleft())
            yield bool(can)


class TrainingInterpreter(Interpreter):
    """A training torus after reset."""

    pe_type = TrainingPE
    gateway_type = TrainingGateway

    def further(self, gateways):
        rows, cols = self.config.rows, self.config.cols
        # The FIFO of who receives, and the register of who sends.
        room = self.config.training.reduce_words + 1
        # From column c to the node west of it, and from the gateway (c = cols) to the last column.
        row = [[Link(room) for _ in range(cols + 1)] for _ in range(rows)]
        col = [[Link(room) for _ in range(cols)] for _ in range(rows)]
        for r, line in enumerate(self.pes):
            for c, pe in enumerate(line):
                pe.reverse = {Axis.ROW: (row[r][c + 1], row[r][c]),
                              Axis.COL: (col[(r + 1) % rows][c], col[r][c])}
            gateways[r].reverse_in, gateways[r].reverse_out = row[r][0], row[r][cols]
        self.links += [link for line in (*row, *col) for link in line]
        return [gateway.pass_back() for gateway in gateways]

    def exchange(self, events):
        """Carry out what a host does, and return what came of it."""
        given = None
        while True:
            try:
                event = events.send(given)
            except StopIteration as end:
                self.run(self.take(0), 0)
                return end.value
            given = None
            if hasattr(event.beats, "shape"):
                self.send(event.beats)
            else:
                wanted = event.beats
                self.settle(lambda wanted=wanted: len(self.bridge.host_out) >= wanted)
                if len(self.bridge.host_out) < wanted:
                    raise Stuck(f"{len(self.bridge.host_out)} of {wanted} beats given, "
                                f"{len(self.bridge.host_in)} not taken")
                given = self.take(wanted)
