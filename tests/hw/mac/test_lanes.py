"""`Lanes` and `Serialise` alone, against sums of Python integers and lists of results."""

import dataclasses
import itertools
from random import Random

import pytest
from amaranth import *

from hw.config import TorusConfig
from hw.mac.lanes import Lanes
from hw.mac.serialise import Serialise
from tests.support.hw_bench import simulate

BASE = TorusConfig(buffer_words=64, max_fan_in=32, weight_words=256, bias_words=16)


def with_lanes(lanes_in, lanes_out):
    return dataclasses.replace(BASE, lanes_in=lanes_in, lanes_out=lanes_out)


def ref_lanes(rows):
    """The sums after each row: rows are (words, weights of each sum, start if it is the first)."""
    sums, found = [], []
    for words, weights, start in rows:
        if start is not None:
            sums = [start] * len(weights)
        sums = [before + sum(a * b for a, b in zip(words, lane, strict=True))
                for before, lane in zip(sums, weights, strict=True)]
        found.append(sums)
    return found


def rtl_lanes(config, rows, stalls):
    """The same from the hardware; before row k it is given nothing for `stalls[k]` cycles."""
    dut = Lanes(config)
    found = []

    async def run(ctx):
        line = [None] * dut.term_cycles  # Rows whose products are on their way.
        shows = False
        gaps = itertools.chain.from_iterable(
            [None] * gap + [row] for gap, row in zip(stalls, rows, strict=True))
        for row in [*gaps, *[None] * (dut.term_cycles + 1)]:
            if shows:
                found.append([ctx.get(dut.sums[lane]) for lane in range(config.lanes_out)])
            if row is not None:
                ctx.set(dut.words, row[0])
                ctx.set(dut.weights, row[1])
            line.append(row)
            now = line.pop(0)
            shows = now is not None
            ctx.set(dut.en, shows)
            ctx.set(dut.first, shows and now[2] is not None)
            ctx.set(dut.start, now[2] or 0 if shows else 0)
            await ctx.tick()

    simulate(dut, run)
    return found


@pytest.mark.parametrize("stall", [0, 2])
@pytest.mark.parametrize("lanes_in, lanes_out", [(2, 1), (1, 2), (2, 2), (1, 8), (2, 4)])
def test_random_rows(lanes_in, lanes_out, stall):
    config, random = with_lanes(lanes_in, lanes_out), Random(lanes_in * 10 + lanes_out)
    extremes = (-32768, 32767, 0)

    def word():
        return random.choice(extremes) if random.random() < 0.2 else random.randint(-32768, 32767)

    edge = 1 << (config.bias_bits - 1)
    rows = []
    for _ in range(12):
        for number in range(random.randint(1, config.max_fan_in // lanes_in)):
            start = random.randint(-edge, edge - 1) if number == 0 else None
            rows.append(([word() for _ in range(lanes_in)],
                         [[word() for _ in range(lanes_in)] for _ in range(lanes_out)], start))
    stalls = [random.randint(0, stall) for _ in rows]
    assert rtl_lanes(config, rows, stalls) == ref_lanes(rows)


def ref_serialise(groups, biases):
    """(sum, address, landed, shift) of every result, in order."""
    found, addr, b_addr = [], 0, 0
    for group in groups:
        addr = group["addr"] if group["opens"] else addr
        b_addr = group["b_addr"] if group["begins"] else b_addr
        for lane in range(group["last_sum"] + 1):
            bias = biases[b_addr % len(biases)] if group["bias"] else 0
            last = group["landed"] and lane == group["last_sum"]
            found.append((group["sums"][lane] + bias, addr % BASE.buffer_words, int(last),
                          group["shift"]))
            addr, b_addr = addr + group["stride"], b_addr + 1
    return found


def rtl_serialise(config, groups, biases, stalls, block=Serialise):
    """The same from the hardware, each group so many cycles after it could come at the earliest."""
    dut = block(config)
    found, seen = [], []

    async def run(ctx):
        async def cycle(valid):
            ctx.set(dut.i.valid, valid)
            bias = biases[ctx.get(dut.b_addr)] if ctx.get(dut.reads_bias) else 0
            _, _, given, result, busy = await ctx.tick().sample(dut.o.valid, dut.o.p, dut.busy)
            ctx.set(dut.bias, bias)
            seen.append((given, busy))
            if given:
                found.append((result.acc, result.where.addr, result.where.landed,
                              result.finish.shift))

        for group, stall in zip(groups, stalls, strict=True):
            payload = dut.i.p
            ctx.set(payload.sums, group["sums"])
            ctx.set(payload.finish.shift, group["shift"])
            ctx.set(payload.where, {"dest": 1, "addr": group["addr"], "landed": group["landed"]})
            ctx.set(payload.bias, group["bias"])
            ctx.set(payload.b_addr, group["b_addr"])
            ctx.set(payload.group, {name: group[name] for name in (
                "last_sum", "stride", "opens", "begins")})
            await cycle(1)
            # What comes with no group means nothing.
            ctx.set(payload.bias, 1 - group["bias"])
            ctx.set(payload.b_addr, 15 - group["b_addr"])
            for _ in range(group["last_sum"] + stall):
                await cycle(0)
        for _ in range(4):
            await cycle(0)
        assert not ctx.get(dut.busy)

    simulate(dut, run)
    return found


def random_groups(config, random, count=40):
    groups = []
    for number in range(count):
        opens = number == 0 or random.random() < 0.4
        limit = 1 << (config.acc_bits - 2)
        groups.append({
            "sums": [random.randint(-limit, limit - 1) for _ in range(config.lanes_out)],
            "last_sum": random.choice([0, config.lanes_out - 1,
                                       random.randrange(config.lanes_out)]),
            "shift": random.randrange(64), "addr": random.randrange(64),
            "stride": random.randrange(64), "landed": random.randint(0, 1),
            "bias": random.randint(0, 1), "b_addr": random.randrange(16), "opens": int(opens),
            "begins": int(number == 0 or (opens and random.random() < 0.5)),
        })
    limit = 1 << (config.bias_bits - 2)
    return groups, [random.randint(-limit, limit) for _ in range(16)]


@pytest.mark.parametrize("stall", [0, 3])
@pytest.mark.parametrize("lanes_out", [2, 4, 8])
def test_random_groups(lanes_out, stall):
    config, random = with_lanes(1, lanes_out), Random(10 * lanes_out + stall)
    groups, biases = random_groups(config, random)
    stalls = [random.randint(0, stall) for _ in groups]
    found = rtl_serialise(config, groups, biases, stalls)
    assert found == ref_serialise(groups, biases)


class Changed(Serialise):
    """A `Serialise` with a mistake: a statement of its text is another one."""

    before, after = "", ""

    def elaborate(self, platform):
        import inspect
        import textwrap

        text = textwrap.dedent(inspect.getsource(Serialise.elaborate))
        assert self.before in text, self.before
        names = dict(vars(inspect.getmodule(Serialise)))
        exec(text.replace(self.before, self.after), names)
        return names["elaborate"](self, platform)


@pytest.mark.parametrize("before, after", [
    ("giving.eq(left != 0)", "giving.eq(left > 1)"),             # It loses a result.
    ("giving.eq(left != 0)", "giving.eq(1)"),                    # It doubles the last one.
    ("left.eq(group.group.last_sum)", "left.eq(config.lanes_out - 1)"),
    ("addr.eq(addr + stride)", "addr.eq(addr + 1)"),
    ("b_after.eq(self.b_addr + 1)", "b_after.eq(b_after + 1)"),
    ("b_after.eq(self.b_addr + 1)", "b_after.eq(self.b_addr)"),
    ("self.i.valid | (giving & (left != 0))", "giving"),
    ("self.i.valid | (giving & (left != 0))", "self.i.valid | giving"),
    ("with m.If(group.group.opens):", "with m.If(1):"),
    ("self.i.valid & group.group.begins", "group.group.begins"),
    ("self.i.valid & group.group.begins", "self.i.valid & group.group.opens"),
    ("landed & (left == 0)", "landed"),
    ("Mux(self.i.valid, group.sums[lane], above)", "Mux(giving, above, group.sums[lane])"),
    ("Mux(self.i.valid, group.bias, with_bias)", "with_bias"),
    ("Mux(self.i.valid, group.bias, with_bias)", "group.bias"),
])
def test_mistakes_are_found(before, after):
    config, random = with_lanes(1, 4), Random(1)
    groups, biases = random_groups(config, random)
    mutant = type("Mutant", (Changed,), {"before": before, "after": after})
    try:
        found = rtl_serialise(config, groups, biases, [0, 1] * (len(groups) // 2), mutant)
    except AssertionError:  # It is busy for ever.
        return
    assert found != ref_serialise(groups, biases)
