"""`MacControl` and `Mac` together: ops in, results out, against sums of Python integers."""

import dataclasses
from random import Random

import pytest
from amaranth import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In

from hw.config import READ_CYCLES, TorusConfig, TrainingConfig
from hw.mac.mac import Mac
from hw.mac.mac_control import MacControl
from hw.op_fields import Axis, MacKind
from tests.support.activations import ref_activations
from tests.support.hw_bench import putter, simulate

CONFIG = TorusConfig(buffer_words=64, max_fan_in=32, weight_words=256, bias_words=16)
SKIPPING = dataclasses.replace(CONFIG, word_steps=1)


class Bench(wiring.Component):
    """The two blocks with two buffers of given words, every word readable when `readable` says.

    Where words can be skipped, repetitions are complete when `complete` says so.
    """

    def __init__(self, buffers, weights, biases, config=CONFIG):
        self.buffers, self.config = buffers, config
        self.control = MacControl(config)
        self.mac = Mac(config, weights=weights, biases=biases)
        super().__init__({"readable": In(1), "complete": In(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.control, m.submodules.mac = self.control, self.mac
        wiring.connect(m, self.control.step, self.mac.step)
        for name, ring, words, target in zip(("row", "col"), self.control.rings, self.buffers,
                                             (self.mac.row_word, self.mac.col_word), strict=True):
            m.d.comb += ring.readable.eq(self.readable)
            if self.config.word_steps:
                m.d.comb += ring.complete.eq(self.complete)
            m.submodules[name] = buffer = memory.Memory(
                shape=CONFIG.word_bits, depth=len(words), init=[word % 65536 for word in words])
            port = buffer.read_port()
            m.d.comb += [port.addr.eq(ring.read_addr), port.en.eq(1)]
            word = port.data
            for _ in range(READ_CYCLES - 1):
                later = Signal.like(word)
                m.d.sync += later.eq(word)
                word = later
            m.d.comb += target.eq(word)
        return m


def ref_mac(ops, buffers, weights, biases):
    """(dest, address, word, landed) of every result, in order."""
    results = []
    for op in ops:
        weight_addr, bias_addr = op["w_base"], op["b_base"]
        for rep in range(op["reps"] + 1):
            base = op["x_base"] + rep * op["x_stride"]
            words = buffers[op["axis"].value][
                base:base + (op["last_word"] + 1):op.get("word_step", 1)]
            for output in range(op["last_output"] + 1):
                acc = biases[bias_addr] if op["bias"] else 0
                acc += sum(word * weight for word, weight in zip(
                    words, weights[weight_addr:weight_addr + len(words)], strict=True))
                weight_addr += len(words)
                bias_addr += 1
                (word,) = ref_activations([(acc, op["shift"], op["relu"])], CONFIG.act_bits)
                addr = op["y_base"] + output * op["y_stride"] + rep * op["y_rep_stride"]
                results.append((op["dest"], addr, word, int(output == (op["last_output"] + 1) - 1)))
    return results


def rtl_mac(ops, buffers, weights, biases, stall, seed, config=CONFIG):
    """The same from the hardware, and the number of cycles between the first and the last step."""
    bench = Bench(buffers, weights, biases, config)
    wanted = sum((op["reps"] + 1) * (op["last_output"] + 1) for op in ops)
    results, steps = [], []

    async def watch(ctx):
        random = Random(seed)
        cycle = 0
        while len(results) < wanted:
            ctx.set(bench.readable, random.random() >= stall)
            ctx.set(bench.complete, random.random() >= stall)
            _, _, step, valid, result = await ctx.tick().sample(
                bench.control.step.valid, bench.mac.result.valid, bench.mac.result.payload)
            cycle += 1
            if step:
                steps.append(cycle)
            if valid:
                results.append((result.where.dest, result.where.addr, result.word,
                                result.where.landed))

    # The queue is one op ahead, as the sequencer's is.
    simulate(bench, watch, putter(bench.control.op, ops))
    return results, steps[-1] - steps[0] + 1


def random_case(seed):
    random = Random(seed)
    buffers = [[random.randint(-32768, 32767) for _ in range(64)] for _ in range(2)]
    weights = [random.randint(-32768, 32767) for _ in range(256)]
    biases = [random.randint(-1 << (CONFIG.bias_bits - 1), (1 << (CONFIG.bias_bits - 1)) - 1)
              >> random.randint(0, 20) for _ in range(16)]
    ops = []
    for _ in range(6):
        words, outputs, reps = random.randint(1, 8), random.randint(1, 3), random.randint(0, 2)
        ops.append({
            "kind": MacKind.RUN, "axis": random.choice(list(Axis)),
            "dest": random.choice(list(Axis)), "reps": reps,
            "last_word": words - 1, "last_output": outputs - 1,
            "x_base": random.randint(0, 30), "x_stride": random.randint(0, 10),
            "w_base": random.randint(0, 100), "bias": random.randint(0, 1),
            "b_base": random.randint(0, 5), "y_base": random.randint(0, 20),
            "y_stride": random.randint(0, 5), "y_rep_stride": random.randint(0, 9),
            "shift": random.randint(8, 22), "relu": random.randint(0, 1), "need_free": 0,
        })
    return ops, buffers, weights, biases


@pytest.mark.parametrize("stall", [0.0, 0.5])
@pytest.mark.parametrize("seed", range(6))
def test_random_ops(seed, stall):
    ops, buffers, weights, biases = random_case(seed)
    results, _ = rtl_mac(ops, buffers, weights, biases, stall, seed)
    assert results == ref_mac(ops, buffers, weights, biases)


@pytest.mark.parametrize("stall", [0.0, 0.5])
@pytest.mark.parametrize("seed", range(6))
def test_sums_over_every_nth_word(seed, stall):
    """Ops that skip words and ops that do not, in turn; without stalls no cycle is lost."""
    ops, buffers, weights, biases = random_case(seed)
    random, steps = Random(seed), 0
    for op in ops:
        count = op["last_word"] + 1
        op["word_step"] = random.choice([1, 2, 3, 7])
        op["last_word"] *= op["word_step"]
        op["x_base"] = min(op["x_base"], 63 - op["last_word"])
        op["x_stride"] = min(op["x_stride"], (63 - op["last_word"] - op["x_base"]) // 3)
        steps += (op["reps"] + 1) * (op["last_output"] + 1) * count
    results, cycles = rtl_mac(ops, buffers, weights, biases, stall, seed, SKIPPING)
    assert results == ref_mac(ops, buffers, weights, biases)
    assert stall or cycles == steps


@pytest.mark.parametrize("step, waits", [(1, False), (2, True)])
def test_an_op_that_skips_words_waits_for_all_of_them(step, waits):
    dut = MacControl(SKIPPING)
    op = dict(kind=MacKind.RUN, axis=Axis.COL, dest=Axis.ROW, last_word=2 * step, last_output=0,
              word_step=step)
    steps = []

    async def run(ctx):
        ctx.set(dut.rings[Axis.COL].readable, 1)
        for cycle in range(40):
            ctx.set(dut.rings[Axis.COL].complete, cycle >= 20)
            _, _, now, addr = await ctx.tick().sample(
                dut.step.valid, dut.rings[Axis.COL].read_addr)
            if now:
                steps.append((cycle, addr))

    simulate(dut, run, putter(dut.op, [op]))
    assert [addr for _, addr in steps] == [0, step, 2 * step]
    assert (steps[0][0] >= 20) is waits


@pytest.mark.parametrize("seed", range(4))
def test_no_cycle_is_lost_between_ops(seed):
    ops, buffers, weights, biases = random_case(seed)
    _, cycles = rtl_mac(ops, buffers, weights, biases, 0.0, seed)
    assert cycles == sum((op["reps"] + 1) * (op["last_output"] + 1) * (op["last_word"] + 1)
                         for op in ops)


@pytest.mark.parametrize("trains, steps_each, lost", [
    (False, 3, 0), (False, 2, 0), (False, 1, 1), (True, 3, 0), (True, 2, 1), (True, 1, 2)])
def test_an_op_is_taken_behind_the_last_beginning(trains, steps_each, lost):
    """Ops of one repetition each: cycles between them are lost if it has very few steps."""
    config = dataclasses.replace(CONFIG, training=TrainingConfig() if trains else None)
    dut = MacControl(config)
    op = dict(kind=MacKind.RUN, axis=Axis.ROW, dest=Axis.COL, last_word=steps_each - 1,
              last_output=0, need_free=0)
    steps = []

    async def run(ctx):
        ctx.set(dut.rings[Axis.ROW].readable, 1)
        for _ in range(40):
            _, _, step = await ctx.tick().sample(dut.step.valid)
            steps.append(step)

    simulate(dut, run, putter(dut.op, [op] * 3))
    one, gap = [1] * steps_each, [0] * lost
    first = steps.index(1)
    assert steps[first:first + 3 * steps_each + 2 * lost] == one + gap + one + gap + one


def test_waits_until_the_destination_is_free():
    """The second op asks for two retired ops at its destination; the first asks for none."""
    dut = MacControl(CONFIG)
    steps = []
    base = dict(kind=MacKind.RUN, axis=Axis.ROW, dest=Axis.COL, last_word=1, last_output=0)

    async def run(ctx):
        ctx.set(dut.rings[Axis.ROW].readable, 1)
        for cycle in range(40):
            ctx.set(dut.rings[Axis.COL].retired, cycle in (14, 22))
            ctx.set(dut.rings[Axis.ROW].retired, 1)
            _, _, step = await ctx.tick().sample(dut.step.valid)
            if step:
                steps.append(cycle)

    simulate(dut, run, putter(dut.op, [base | {"need_free": 0}, base | {"need_free": 2}]))
    assert steps[:2] == [2, 3]
    assert steps[2] > 22 and len(steps) == 4


def test_latency():
    """A result comes `LATENCY_CYCLES` after the last step of its sum."""
    ops = [dict(kind=MacKind.RUN, axis=Axis.ROW, dest=Axis.ROW, last_word=2, last_output=0)]
    bench = Bench([[1] * 64, [1] * 64], [1] * 256, [0] * 16)
    cycles = {}

    async def watch(ctx):
        ctx.set(bench.readable, 1)
        for cycle in range(40):
            _, _, step, result = await ctx.tick().sample(
                bench.control.step.valid, bench.mac.result.valid)
            if step:
                cycles["step"] = cycle
            if result:
                cycles["result"] = cycle

    simulate(bench, watch, putter(bench.control.op, ops))
    assert cycles["result"] - cycles["step"] == Mac.LATENCY_CYCLES
