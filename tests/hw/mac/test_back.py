"""`BackControl` and a MAC that trains together: ops in; sums, weights, biases and velocities out.

The reference walks the same ops with Python integers, as docs/training.md says.
"""

import dataclasses
from random import Random

import pytest
from amaranth import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In

from hw.config import LFSR_BITS, LFSR_TAPS, READ_CYCLES, TorusConfig, TrainingConfig
from hw.mac.back_control import BackControl
from hw.mac.lane_training_mac import training_mac_of
from hw.op_fields import CLEAR, KEEP, Axis, MacKind
from tests.support.garbled import garble_small_memories
from tests.support.hw_bench import putter, simulate
from tests.support.knobs import mostly_slow

PLAIN = TorusConfig(
    buffer_words=64, max_fan_in=32, weight_words=256, bias_words=16,
    training=TrainingConfig(master_bits=24, grad_bits=14, min_update_shift=3))
CONFIGS = {
    "plain": PLAIN,
    "velocity": dataclasses.replace(PLAIN, training=dataclasses.replace(
        PLAIN.training, velocity_bits=30, grad_bits=18)),
    "narrow": dataclasses.replace(PLAIN, act_bits=6, weight_bits=7, training=TrainingConfig(
        master_bits=7, grad_bits=4, velocity_bits=16, reduce_words=4, update_shift_bits=3)),
}


def with_lanes(config, lanes, rows=4):
    """A torus of several lanes, with as few rows of gradients as the ops take."""
    return dataclasses.replace(
        config, lanes_out=lanes, weight_words=256 * lanes, bias_words=64,
        training=dataclasses.replace(config.training, gradient_rows=rows))


CONFIGS |= {f"{name}, {lanes} lanes": with_lanes(CONFIGS[name], lanes)
            for name, lanes in (("plain", 2), ("velocity", 4), ("narrow", 8))}


class Bench(wiring.Component):
    """The two blocks; buffers and gradient memories of given words; no reduce engines."""

    def __init__(self, config, words, gradients, weights, biases):
        self.config = config
        self.words, self.gradients = words, gradients
        self.back = BackControl(config)
        self.mac = training_mac_of(config, weights=weights, biases=biases)
        super().__init__({"look": In(1), "look_addr": In(len(self.mac.look_addr))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.back, m.submodules.mac = self.back, self.mac
        wiring.connect(m, self.back.step, self.mac.back)
        step = self.back.step.p
        if self.config.lanes_out > 1:
            wiring.connect(m, self.back.read, self.mac.gradient_read)
            m.d.comb += self.back.bias_busy.eq(self.mac.bias_busy)
            dy_addr = self.back.read.p.addr
        else:
            dy_addr = step.dy_addr
        m.d.comb += [
            self.back.writing.eq(self.mac.writing),
            self.mac.look.eq(self.look),
            self.mac.look_addr.eq(self.look_addr),
        ]
        for name, words, addr, target in (
                ("row", self.words[0], step.x_addr, self.mac.row_word),
                ("col", self.words[1], step.x_addr, self.mac.col_word),
                ("row_gradients", self.gradients[0], dy_addr, self.mac.row_gradient),
                ("col_gradients", self.gradients[1], dy_addr, self.mac.col_gradient),
                ("host_gradients", self.gradients[2], dy_addr, self.mac.host_gradient)):
            m.submodules[name] = block = memory.Memory(
                shape=signed(len(target)), depth=len(words), init=words)
            port = block.read_port()
            m.d.comb += [port.addr.eq(addr), port.en.eq(1)]
            word = port.data
            for _ in range(READ_CYCLES - 1):
                later = Signal.like(word)
                m.d.sync += later.eq(word)
                word = later
            m.d.comb += target.eq(word)
        return m


def clip(value, bits):
    return max(-(1 << (bits - 1)), min(value, (1 << (bits - 1)) - 1))


def outputs_of(op, lanes):
    """Outputs of a group."""
    return op["last_output"] + 1 if lanes == 1 else op["last_walk"] * lanes + op["last_rest"] + 1


def taken_in_turn(op, lanes):
    """(row, lane, output) of the weights of a word, in order; the output is None for padding."""
    in_group = outputs_of(op, lanes)
    walks = -(-in_group // lanes)
    for group in range(op["last_group"] + 1):
        for place in range(walks * lanes):
            walk, lane = divmod(place, lanes)
            output = group * in_group + place if place < in_group else None
            yield group * walks + walk, lane, output


class Reference:
    """The state of a PE, and what BACK ops do to it."""

    def __init__(self, config, words, gradients, weights, biases):
        self.config = config
        self.words, self.gradients = words, gradients
        self.weights, self.biases = list(weights), list(biases)
        self.velocities = [0] * len(weights)
        self.bias_velocities = [0] * len(biases)
        self.lfsr = 1
        self.shares = []  # (axis, sum, takes, keeps, to_host, address, zero)

    def accumulated(self, before, term, op):
        bits = self.config.training.velocity_bits
        if not bits:
            return term
        decay = op["decay"]
        base = before if decay == KEEP else 0 if decay == CLEAR else before - (before >> decay)
        return clip(base + term, bits)

    def run(self, op, last_in_row):
        config, training = self.config, self.config.training
        words = self.words[op["axis"]]
        gradients = self.gradients[2 if op["from_host"] else op["dest"]]
        low_bits = training.master_bits - config.weight_bits
        shift = training.min_update_shift + op["update_shift"]
        lanes = config.lanes_out
        in_group = outputs_of(op, lanes)
        outputs = (op["last_group"] + 1) * in_group
        for rep in range(op["reps"] + 1):
            x_addr = op["x_base"] + rep * op["x_stride"]
            w_addr = op["w_base"] + rep * op["w_stride"]
            places = [(block, word) for block in range(op["last_block"] + 1)
                      for word in range(op["last_word"] + 1)]
            for number, (block, word) in enumerate(places):
                on = word - block * (op["block_jump"] - op["last_word"])
                x = words[x_addr + on]
                total = 0
                for row, lane, output in taken_in_turn(op, lanes):
                    gradient = 0  # Of a lane without an output.
                    if output is not None:
                        group, one = divmod(output, in_group)
                        gradient = gradients[op["y_base"] + rep * op["y_rep_stride"]
                                             + group * op["group_stride"] + one * op["y_stride"]]
                    weight = (w_addr + on + row * op["w_step"]) * lanes + lane
                    total += (self.weights[weight] >> low_bits) * gradient
                    if op["update"]:
                        moved = self.accumulated(self.velocities[weight], x * gradient, op)
                        self.velocities[weight] = moved
                    if op["update"] and op["apply"]:
                        random_bits = self.lfsr & ((1 << shift) - 1)
                        self.weights[weight] = clip(
                            self.weights[weight] - ((moved + random_bits) >> shift),
                            training.master_bits)
                        self.lfsr = self.lfsr >> 1 ^ (LFSR_TAPS if self.lfsr & 1 else 0)
                    if op["bias"] and number == 0 and output is not None:
                        bias = op["b_base"] + rep * outputs + output
                        moved = self.accumulated(self.bias_velocities[bias], gradient, op)
                        self.bias_velocities[bias] = moved
                        if op["apply"]:
                            change = moved << (training.min_bias_shift + op["bias_shift"])
                            self.biases[bias] = clip(self.biases[bias] - change,
                                                     config.bias_bits)
                if op["reduce"]:
                    self.shares.append((
                        op["axis"], total,
                        int(not last_in_row if op["host"] else block > 0),
                        int(not op["host"] and block == op["last_block"]),
                        op["host"], x_addr + on, int(op["relu"] and x <= 0)))


def random_op(random, config):
    """A BACK op whose addresses fit the memories."""
    lanes = config.lanes_out
    blocks, words, groups, outputs, reps = (
        random.randint(1, most) for most in (3, 3, 2, 3, 2))
    walks, sums = outputs, {"last_output": outputs - 1}
    if lanes > 1:
        walks = random.randint(1, 2 if lanes == 2 else 1)
        sums = {"last_walk": walks - 1, "last_rest": random.randrange(lanes)}
    own = words + random.choice([0, 0, 2])
    region = blocks * own
    shift_range = min(1 << config.training.update_shift_bits,
                      LFSR_BITS + 1 - config.training.min_update_shift)
    velocity = config.training.velocity_bits > 0
    w_stride = groups * walks * region
    return {
        "kind": MacKind.BACK.value, "axis": random.randrange(2), "dest": random.randrange(2),
        "reps": reps - 1, "last_word": words - 1, "last_block": blocks - 1,
        "block_jump": own + words - 1, **sums, "last_group": groups - 1,
        "x_base": (blocks - 1) * own, "x_stride": region,
        "w_base": random.randrange(64) + (blocks - 1) * own,
        "w_step": region, "w_stride": w_stride,
        "y_base": random.randrange(8), "y_stride": random.randrange(3),
        "y_rep_stride": random.randrange(3), "group_stride": random.randrange(3),
        "bias": random.randrange(2), "b_base": random.randrange(4),
        "shift": random.randrange(4), "relu": random.randrange(2),
        "reduce": random.randrange(2), "host": int(random.random() < 0.2),
        "from_host": random.randrange(2),
        "update": int(random.random() < 0.9), "update_shift": random.randrange(shift_range),
        "bias_shift": random.randrange(24),
        "decay": random.choice([KEEP, CLEAR, 1, 3, 14]) if velocity else CLEAR,
        "apply": random.randrange(2) if velocity else 1, "fence": 1,
    }


def rtl(config, ops, words, gradients, weights, biases, last_in_row, seed):
    """Shares in order; then weight and bias records and the LFSR; and cycles of stepping."""
    bench = Bench(config, words, gradients, weights, biases)
    back, mac = bench.back, bench.mac
    shares, records, biases_read, steps = [], [], [], []
    done = []

    async def watch(ctx):
        random = Random(seed)
        ctx.set(back.last_in_row, last_in_row)
        waiting = {"row": 0, "col": 0}
        while not done:
            for name in waiting:
                taken = waiting[name] > 0 and random.random() < 0.7
                waiting[name] -= taken
                ctx.set(back.rings[Axis[name.upper()]].taken, taken)
            steps.append(ctx.get(back.step.valid))
            for axis, name in enumerate(waiting):
                share = getattr(mac, f"{name}_share")
                if ctx.get(share.valid):
                    waiting[name] += 1
                    assert waiting[name] <= config.training.reduce_words
                    p = share.p
                    shares.append((axis, ctx.get(p.sum), ctx.get(p.takes), ctx.get(p.keeps),
                                   ctx.get(p.to_host), ctx.get(p.place.addr),
                                   ctx.get(p.place.zero)))
            await ctx.tick()

    async def read_back(ctx):
        await putter(back.op, [dict(op) for op in ops])(ctx)
        idle = 0
        while not idle:
            idle = ctx.get(back.idle) and ctx.get(mac.idle)
            await ctx.tick()
        for addr in range(len(weights)):
            ctx.set(bench.look, 1)
            ctx.set(bench.look_addr, addr)
            await ctx.tick()
            ctx.set(bench.look, 0)
            for _ in range(READ_CYCLES - 1):
                await ctx.tick()
            if addr < len(biases):
                biases_read.append(ctx.get(mac.bias_record))
            records.append(ctx.get(mac.weight_record))
        records.append(ctx.get(mac.lfsr_record))
        done.append(True)

    simulate(bench, read_back, background=(watch,))
    return shares, records[:-1], biases_read, records[-1], steps


def record(config, chunks, value, velocity):
    """A record as it is read back, whole words of each part."""
    bits = chunks * config.word_bits
    velocity_bits = config.velocity_chunks * config.word_bits
    return value % (1 << bits) | velocity % (1 << velocity_bits) << bits


@pytest.mark.parametrize("seed", mostly_slow(range(6), (0,)))
@pytest.mark.parametrize("name", mostly_slow(CONFIGS, (1, 2, 3)))
def test_random_ops(name, seed):
    check_random_ops(CONFIGS[name], Random(seed), seed)


@pytest.mark.parametrize("seed", mostly_slow(range(4), (0,)))
@pytest.mark.parametrize("name", ["velocity", "velocity, 4 lanes"])
def test_no_bias_is_read_in_the_cycle_of_its_write(name, seed, monkeypatch):
    """Memories of biases that give garbage there change nothing: they promise no more."""
    made = garble_small_memories(monkeypatch)
    check_random_ops(CONFIGS[name], Random(seed), seed)
    assert len(made) == 2


def check_random_ops(config, random, seed):

    def draw(bits, count):
        return [clip(int(random.gauss(0, 1 << (bits - 2))), bits) for _ in range(count)]

    training = config.training
    weights = draw(training.master_bits, config.weight_words)
    biases = draw(config.bias_bits, config.bias_words)
    words = [draw(config.act_bits, 64) for _ in range(2)]
    gradients = [draw(training.grad_bits, count) for count in (64, 64, 64)]
    ops = [random_op(random, config) for _ in range(8)]
    last_in_row = random.randrange(2)
    shares, records, biases_read, lfsr, _ = rtl(
        config, ops, words, gradients, weights, biases, last_in_row, seed)
    ref = Reference(config, words, gradients, weights, biases)
    for op in ops:
        ref.run(op, last_in_row)
    assert shares == ref.shares
    assert lfsr == ref.lfsr
    assert records == [record(config, config.master_chunks, *pair)
                       for pair in zip(ref.weights, ref.velocities, strict=True)]
    assert biases_read == [record(config, config.bias_chunks, *pair)
                           for pair in zip(ref.biases, ref.bias_velocities, strict=True)]
    assert ref.weights != weights


def test_a_step_a_cycle():
    """No cycle is lost from word to word, block to block, or repetition to repetition."""
    config = CONFIGS["plain"]
    op = random_op(Random(1), config) | {
        "reps": 2, "last_word": 2, "last_block": 2, "block_jump": 5, "last_output": 1,
        "last_group": 0, "x_base": 6, "x_stride": 9, "w_base": 6, "w_step": 9, "w_stride": 18,
        "reduce": 0, "bias": 0}
    zeros = [0] * 64
    *_, steps = rtl(config, [op], [zeros, zeros], [zeros] * 3, [1] * 256, [0] * 16, 0, 0)
    first = steps.index(1)
    assert steps[first:first + 54] == [1] * 54
    assert sum(steps) == 54


@pytest.mark.parametrize("lanes, words, groups", [
    (2, 3, 2), *(pytest.param(*one, marks=pytest.mark.slow) for one in [(4, 8, 1), (8, 17, 1)])])
def test_a_step_a_cycle_with_lanes(lanes, words, groups):
    """No cycle is lost if each repetition has as many steps as outputs, and a few more."""
    config = with_lanes(PLAIN, lanes, rows=16)
    steps_each = 2 * words * groups
    op = random_op(Random(1), config) | {
        "reps": 2, "last_word": words - 1, "last_block": 0, "last_walk": 0, "last_rest": lanes - 1,
        "last_group": 2 * groups - 1, "x_base": 0, "x_stride": 0, "w_base": 0, "w_step": 1,
        "w_stride": 0, "y_stride": 1, "group_stride": 0, "reduce": 0, "bias": 0}
    zeros = [0] * 64
    weights = [1] * config.weight_words
    *_, steps = rtl(config, [op], [zeros, zeros], [zeros] * 3, weights, [0] * 64, 0, 0)
    first = steps.index(1)
    assert steps[first:first + 3 * steps_each] == [1] * 3 * steps_each
    assert sum(steps) == 3 * steps_each


@pytest.mark.parametrize("steps_each, lost", [(6, 0), (4, 0), (3, 1), (1, 3)])
def test_an_op_is_taken_behind_the_last_beginning(steps_each, lost):
    """Ops of one repetition each: cycles between them are lost below four steps."""
    config = CONFIGS["plain"]
    op = random_op(Random(1), config) | {
        "reps": 0, "last_word": steps_each - 1, "last_block": 0, "last_output": 0, "last_group": 0,
        "need_free": 0, "need_step": 0, "reduce": 0, "bias": 0, "fence": 0}
    zeros = [0] * 64
    *_, steps = rtl(config, [op] * 3, [zeros, zeros], [zeros] * 3, [1] * 256, [0] * 16, 0, 0)
    first = steps.index(1)
    one = [1] * steps_each
    gap = [0] * lost
    assert steps[first:first + 3 * steps_each + 2 * lost] == one + gap + one + gap + one
