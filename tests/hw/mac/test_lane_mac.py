"""`MacControl` and `LaneMac` together: ops in, results out, against sums of Python integers."""

import dataclasses
from random import Random

import pytest
from amaranth import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In

from hw.config import READ_CYCLES, TorusConfig
from hw.mac.lane_mac import mac_of
from hw.mac.mac_control import MacControl
from hw.op_fields import Axis, MacKind
from hw.tops import top_verilog
from tests.support.activations import ref_activations
from tests.support.hw_bench import putter, simulate
from tests.support.knobs import mostly_slow

BASE = TorusConfig(buffer_words=64, max_fan_in=32, weight_words=1536, bias_words=64)


def with_lanes(lanes_in, lanes_out, **fields):
    return dataclasses.replace(BASE, lanes_in=lanes_in, lanes_out=lanes_out, **fields)


class Bench(wiring.Component):
    """The two blocks with two buffers of given words; a row may be read when `readable` says.

    The weights are in the memories from the start, or else as `folded` logic; or they come by
    `load_weight`.
    """

    def __init__(self, config, buffers, *, weights=(), biases=(), folded=False):
        self.config, self.buffers = config, buffers
        self.control = MacControl(config)
        self.mac = mac_of(config, weights=weights, biases=biases, folded=folded)
        super().__init__({"readable": In(1)})

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.control, m.submodules.mac = self.control, self.mac
        wiring.connect(m, self.control.step, self.mac.step)
        for name, ring, words, target in zip(("row", "col"), self.control.rings, self.buffers,
                                             (self.mac.row_word, self.mac.col_word), strict=True):
            m.d.comb += ring.readable.eq(self.readable)
            if config.word_steps:
                m.d.comb += ring.complete.eq(self.readable)
            rows = [sum((word & 0xFFFF) << (16 * at) for at, word in enumerate(row))
                    for row in zip(*[iter(words)] * config.lanes_in, strict=True)]
            m.submodules[name] = buffer = memory.Memory(
                shape=16 * config.lanes_in, depth=len(rows), init=rows)
            port = buffer.read_port()
            m.d.comb += [port.addr.eq(ring.read_addr), port.en.eq(1)]
            word = port.data
            for _ in range(READ_CYCLES - 1):
                later = Signal.like(word)
                m.d.sync += later.eq(word)
                word = later
            m.d.comb += target.eq(word)
        return m


def ref_mac(config, ops, buffers, weights, biases):
    """(dest, address, word, landed) of every result, in order."""
    results = []
    lanes, row = config.lanes_out, config.lanes_in
    for op in ops:
        weight_row, bias_addr = op["w_base"], op["b_base"]
        walks = op.get("last_walk", op.get("last_output")) + 1
        step = op.get("word_step", row)
        for rep in range(op["reps"] + 1):
            base, output = op["x_base"] + rep * op["x_stride"], 0
            for walk in range(walks):
                sums = [0] * lanes
                for number in range(0, op["last_word"] + 1, step):
                    at = (base + number) // row
                    words = buffers[op["axis"].value][at * row:(at + 1) * row]
                    for lane in range(lanes):
                        first = (weight_row * lanes + lane) * row
                        sums[lane] += sum(a * b for a, b in zip(
                            words, weights[first:first + row], strict=True))
                    weight_row += 1
                wanted = lanes if walk < walks - 1 else op.get("last_rest", 0) + 1
                for lane in range(wanted):
                    acc = sums[lane] + (biases[bias_addr] if op["bias"] else 0)
                    (word,) = ref_activations([(acc, op["shift"], op["relu"])], config.act_bits)
                    addr = op["y_base"] + output * op["y_stride"] + rep * op["y_rep_stride"]
                    last = walk == walks - 1 and lane == wanted - 1
                    results.append((op["dest"], addr % config.buffer_words, word, int(last)))
                    output, bias_addr = output + 1, bias_addr + 1
    return results


def rtl_mac(config, ops, buffers, stall, seed, *, weights=(), biases=(), load=False, folded=False):
    """The same from the hardware, and the number of cycles between the first and the last step."""
    contents = {} if load else {"weights": weights, "biases": biases, "folded": folded}
    bench = Bench(config, buffers, **contents)
    wanted = sum((op["reps"] + 1) * (
        op.get("last_walk", op.get("last_output")) * config.lanes_out + op.get("last_rest", 0) + 1)
        for op in ops)
    results, steps = [], []

    async def watch(ctx):
        random = Random(seed)
        mac = bench.mac
        for port, name, words in ((mac.load_weight, "weight", weights),
                                  (mac.load_bias, "bias", biases)):
            words = words if load else ()
            if name == "weight" and config.link_words > 1:
                words = [*zip(*[iter(words)] * config.link_words, strict=True)]
            for addr, word in enumerate(words):
                ctx.set(port.valid, 1)
                ctx.set(port.payload, {"addr": addr, name: word})
                await ctx.tick()
            ctx.set(port.valid, 0)
        cycle = 0
        while len(results) < wanted:
            ctx.set(bench.readable, random.random() >= stall)
            _, _, step, valid, result = await ctx.tick().sample(
                bench.control.step.valid, mac.result.valid, mac.result.payload)
            cycle += 1
            if step:
                steps.append(cycle)
            if valid:
                results.append((result.where.dest, result.where.addr, result.word,
                                result.where.landed))
        await ctx.tick().repeat(4)
        assert ctx.get(mac.idle) and ctx.get(bench.control.idle)

    simulate(bench, watch, putter(bench.control.op, ops))
    return results, steps[-1] - steps[0] + 1


def random_case(config, seed, ops=6, least_steps=1):
    random = Random(seed)
    buffers = [[random.randint(-32768, 32767) for _ in range(64)] for _ in range(2)]
    weights = [random.randint(-32768, 32767) for _ in range(config.weight_words)]
    limit = 1 << (config.bias_bits - 1)
    biases = [random.randint(-limit, limit - 1) >> random.randint(0, 20) for _ in range(64)]
    found, row = [], config.lanes_in
    for _ in range(ops):
        steps = random.randint(least_steps, least_steps + 5)
        walks, reps = random.randint(1, 3), random.randint(0, 2)
        sums = {"last_output": walks - 1} if config.lanes_out == 1 else {
            "last_walk": walks - 1, "last_rest": random.randrange(config.lanes_out)}
        found.append({
            "kind": MacKind.RUN, "axis": random.choice(list(Axis)),
            "dest": random.choice(list(Axis)), "reps": reps,
            "last_word": (steps - 1) * row, **sums,
            "x_base": random.randint(0, 10) * row, "x_stride": random.randint(0, 5) * row,
            "w_base": random.randint(0, 30), "bias": random.randint(0, 1),
            "b_base": random.randint(0, 5), "y_base": random.randint(0, 20),
            "y_stride": random.randint(0, 5), "y_rep_stride": random.randint(0, 9),
            "shift": random.randint(8, 22), "relu": random.randint(0, 1), "need_free": 0,
        })
        if config.word_steps:
            found[-1]["word_step"] = row
    return found, buffers, weights, biases


LANES = [(1, 2), (2, 1), (2, 2), (2, 4), (1, 8)]


@pytest.mark.parametrize("stall", mostly_slow([0.0, 0.5], (1,)))
@pytest.mark.parametrize("seed", mostly_slow(range(2), (0,)))
@pytest.mark.parametrize("lanes_in, lanes_out", LANES)
def test_random_ops(lanes_in, lanes_out, seed, stall):
    """Walks of any length: the sums of one may still be leaving when the next one ends."""
    config = with_lanes(lanes_in, lanes_out)
    ops, buffers, weights, biases = random_case(config, seed)
    results, _ = rtl_mac(config, ops, buffers, stall, seed, weights=weights, biases=biases,
                         load=seed == 0 and lanes_out == 2)
    assert results == ref_mac(config, ops, buffers, weights, biases)


@pytest.mark.parametrize("lanes_out, bits, words", [(1, 16, 1536), (2, 16, 1536), (2, 16, 4096),
                                                    (2, 9, 1536), (4, 8, 1536)])
def test_weights_that_are_loaded_in_pairs(lanes_out, bits, words):
    """A memory has one, two or four words of a row: a pair may lie in two of them."""
    config = with_lanes(2, lanes_out, link_words=2, weight_bits=bits, weight_words=words)
    ops, buffers, weights, biases = random_case(config, lanes_out, ops=3)
    weights = [weight >> (16 - bits) for weight in weights]
    results, _ = rtl_mac(config, ops, buffers, 0.0, 1, weights=weights, biases=biases, load=True)
    assert results == ref_mac(config, ops, buffers, weights, biases)


@pytest.mark.parametrize("lanes_in, lanes_out", [(2, 1), (2, 2)])
def test_folded_weights(lanes_in, lanes_out):
    config = with_lanes(lanes_in, lanes_out)
    ops, buffers, weights, biases = random_case(config, 7, ops=3)
    results, _ = rtl_mac(config, ops, buffers, 0.2, 7, weights=weights, biases=biases, folded=True)
    assert results == ref_mac(config, ops, buffers, weights, biases)


@pytest.mark.parametrize("seed", range(2))
def test_sums_over_every_nth_word(seed):
    """One word of a row is used: the weight of the other one is 0."""
    config, random = with_lanes(2, 2, word_steps=1), Random(seed)
    ops, buffers, weights, biases = random_case(config, seed)
    for op in ops:
        op["word_step"] = random.choice([2, 3, 5])
        op["last_word"] = op["word_step"] * random.randint(0, 5)
        op["x_base"], op["x_stride"] = 0, 2 * random.randint(0, 4)
    results, _ = rtl_mac(config, ops, buffers, 0.3, seed, weights=weights, biases=biases)
    assert results == ref_mac(config, ops, buffers, weights, biases)


@pytest.mark.parametrize("lanes_in, lanes_out", LANES)
def test_no_cycle_is_lost_between_ops(lanes_in, lanes_out):
    """Walks of as many steps as the MAC has sums never wait."""
    config = with_lanes(lanes_in, lanes_out)
    ops, buffers, weights, biases = random_case(config, 3, ops=4, least_steps=max(lanes_out, 2))
    _, cycles = rtl_mac(config, ops, buffers, 0.0, 3, weights=weights, biases=biases)
    assert cycles == sum(
        (op["reps"] + 1) * (op.get("last_walk", op.get("last_output")) + 1)
        * (op["last_word"] // lanes_in + 1) for op in ops)


@pytest.mark.parametrize("lanes_in, lanes_out", LANES)
def test_latency(lanes_in, lanes_out):
    """The first result comes `result_cycles` after the last step, the others behind it."""
    config = with_lanes(lanes_in, lanes_out)
    sums = {"last_output": 0} if lanes_out == 1 else {"last_walk": 0, "last_rest": lanes_out - 1}
    op = dict(kind=MacKind.RUN, axis=Axis.ROW, dest=Axis.ROW, last_word=2 * lanes_in, **sums)
    bench = Bench(config, [[1] * 64, [1] * 64])
    steps, results = [], []

    async def watch(ctx):
        ctx.set(bench.readable, 1)
        for cycle in range(40):
            _, _, step, result = await ctx.tick().sample(
                bench.control.step.valid, bench.mac.result.valid)
            steps.extend([cycle] * step)
            results.extend([cycle] * result)

    simulate(bench, watch, putter(bench.control.op, [op]))
    first = steps[-1] + config.result_cycles
    assert results == list(range(first, first + lanes_out))


@pytest.mark.parametrize("lanes_in", mostly_slow([1, 2], (0,)))
def test_only_a_pe_with_lanes_has_more_than_the_plain_mac(lanes_in):
    text = top_verilog("pe", with_lanes(lanes_in, 1))
    assert ("weight_memory_0" in text) is (lanes_in > 1)
    more = top_verilog("pe", with_lanes(lanes_in, 2))
    assert "serialise" in more and "$signal" not in more  # What Amaranth calls what has no name.
