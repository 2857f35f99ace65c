"""Rings of `RingGather` nodes against the order that docs/architecture.md, section 2, defines."""

from random import Random

import pytest
from amaranth import *
from amaranth.lib import wiring

from hw.config import READ_CYCLES, TorusConfig
from hw.op_fields import GatherKind
from hw.ops import gather_op
from hw.ring.gather import RingGather
from hw.ring.link import chain
from tests.support.hw_bench import putter, simulate
from tests.support.knobs import mostly_slow

REGIONS = 2


class Ring(wiring.Component):
    """`nodes` gather engines in a ring, `stages` link registers on each hop."""

    def __init__(self, config, nodes, stages):
        self.config = config
        self.stages = stages
        self.nodes = [RingGather(config) for _ in range(nodes)]
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        for index, node in enumerate(self.nodes):
            m.submodules[f"node_{index}"] = node
            downstream = self.nodes[(index + 1) % len(self.nodes)]
            chain(m, f"hop_{index}", node.o, downstream.i, self.config.link_bits, self.stages)
        return m


def ref_gather(own_words):
    """Per node, the words of one op in the order in which the node sees them."""
    nodes = len(own_words)
    return [[word for hops in range(nodes) for word in own_words[(node - hops) % nodes]]
            for node in range(nodes)]


def rtl_gather(config, ops_own_words, stages=0, stall=0.0, seed=0):
    """What each node of a ring reads for every op; `ops_own_words[op][node]` are its own words."""
    nodes = len(ops_own_words[0])
    region = config.buffer_words // REGIONS
    ring = Ring(config, nodes, stages)
    seen = [[] for _ in range(nodes)]
    testbenches = []
    for index, node in enumerate(ring.nodes):
        retired = [0]
        ops = []
        for number, own_words in enumerate(ops_own_words):
            own = len(own_words[index])
            ops.append({
                "kind": GatherKind.GATHER, "reps": 0, "own": own, "recv": own * (nodes - 1),
                "base": number % REGIONS * region, "need_first": 1 if own else 0, "lag": REGIONS})

        async def progress(ctx, node=node, retired=retired):
            while retired[0] < len(ops_own_words):
                _, _, done = await ctx.tick().sample(node.pe.retired)
                retired[0] += done

        # A result may land where the last user of the region has been sent and read.
        async def produce(ctx, node=node, index=index, retired=retired):
            random = Random(seed * 100 + index)
            for number, own_words in enumerate(ops_own_words):
                while (min(retired[0], len(seen[index])) < number - REGIONS + 1
                       or random.random() < stall):
                    await ctx.tick()
                words = own_words[index]
                for offset, word in enumerate(words):
                    ctx.set(node.pe.write.valid, 1)
                    ctx.set(node.pe.write.payload,
                            {"addr": number % REGIONS * region + offset, "word": word})
                    ctx.set(node.pe.landed, offset == len(words) - 1)
                    await ctx.tick()
                    ctx.set(node.pe.write.valid, 0)
                    ctx.set(node.pe.landed, 0)

        async def consume(ctx, node=node, index=index):
            random = Random(seed * 100 + index + 50)
            in_row, bits = config.lanes_in, config.word_bits
            for number, own_words in enumerate(ops_own_words):
                words = []
                total = len(own_words[index]) * nodes
                rows = -(-total // in_row)
                for position in range(rows):
                    while random.random() < stall:
                        await ctx.tick()
                    ctx.set(node.pe.read_next, position + 1)
                    ctx.set(node.pe.read_addr, number % REGIONS * region // in_row + position)
                    while not ctx.get(node.pe.readable):
                        await ctx.tick()
                    last = position == rows - 1
                    ctx.set(node.pe.read_en, 1)
                    ctx.set(node.pe.advance, not last)
                    ctx.set(node.pe.consume, last)
                    await ctx.tick()
                    for signal in (node.pe.read_en, node.pe.advance, node.pe.consume):
                        ctx.set(signal, 0)
                    await ctx.tick().repeat(READ_CYCLES - 1)
                    row = ctx.get(node.pe.read_word)
                    words += [row >> (bits * at) & ((1 << bits) - 1) for at in range(in_row)]
                # The last row may have a word that is none of the region's.
                seen[index].append(words[:total])

        testbenches += [progress, produce, consume, putter(node.pe.op, ops, stall, seed + index)]
    simulate(ring, *testbenches)
    return [[seen[node][op] for node in range(nodes)] for op in range(len(ops_own_words))]


@pytest.mark.parametrize("seed", mostly_slow(range(4), range(1)))
@pytest.mark.parametrize("nodes, stages, stall", [
    (1, 0, 0.0), (2, 0, 0.0), (2, 1, 0.5), (3, 0, 0.3), (5, 0, 0.0), (5, 2, 0.2), (8, 0, 0.1),
])
def test_ring(nodes, stages, stall, seed):
    config = TorusConfig(buffer_words=128, max_fan_in=64)
    random = Random(seed)
    ops = []
    for _ in range(8):
        own = random.randint(1, 64 // nodes)
        ops.append([[random.getrandbits(16) for _ in range(own)] for _ in range(nodes)])
    assert rtl_gather(config, ops, stages, stall, seed) == [ref_gather(op) for op in ops]


@pytest.mark.parametrize("nodes, stages, stall", [(1, 0, 0.0), (2, 0, 0.0), (3, 1, 0.3)])
def test_ring_read_in_rows(nodes, stages, stall):
    """Two words a row; a repetition of odd length ends with a row of one word."""
    config = TorusConfig(buffer_words=128, max_fan_in=64, lanes_in=2)
    random = Random(nodes)
    ops = []
    for own in (1, 1, 3, 2, 1, 5, 4, 7):
        ops.append([[random.getrandbits(16) for _ in range(own)] for _ in range(nodes)])
    assert rtl_gather(config, ops, stages, stall, 1) == [ref_gather(op) for op in ops]


@pytest.mark.parametrize("nodes, stages, stall", [(1, 0, 0.0), (2, 0, 0.4), (3, 1, 0.3)])
def test_ring_of_pairs(nodes, stages, stall):
    """Links move two words at once; the MAC writes one by one, the last of an odd number, too."""
    config = TorusConfig(buffer_words=128, max_fan_in=64, lanes_in=2, link_words=2)
    random = Random(nodes)
    ops = []
    for own in (2, 2, 4, 2, 6, 8, 2, 10):
        ops.append([[random.getrandbits(16) for _ in range(own)] for _ in range(nodes)])
    assert rtl_gather(config, ops, stages, stall, 1) == [ref_gather(op) for op in ops]


def test_pairs_go_on_at_one_a_cycle():
    """A row of two words passes an idle node in 1 cycle; 20 rows follow without a gap."""
    config = TorusConfig(buffer_words=64, max_fan_in=64, lanes_in=2, link_words=2)
    rows = [index << 16 | 0x8000 + index for index in range(20)]
    arrivals, departures = passing(RingGather(config), 40, rows)
    assert [row for _, row in departures] == rows
    assert departures == [(cycle + 1, row) for cycle, row in arrivals]
    assert [cycle for cycle, _ in arrivals] == list(range(arrivals[0][0], arrivals[0][0] + 20))


def test_region_as_large_as_the_buffer():
    config = TorusConfig(buffer_words=32, max_fan_in=16)
    ops = [[[100 * op + 10 * node + word for word in range(4)] for node in range(4)]
           for op in range(4)]
    assert rtl_gather(config, ops) == [ref_gather(op) for op in ops]


def passing(dut, recv, words):
    """The cycle of each arrival and each departure, and what moved, of an op that passes words."""
    arrivals, departures = [], []

    async def run(ctx):
        ctx.set(dut.pe.op.payload, {"kind": GatherKind.PASS, "recv": recv, "lag": 1})
        ctx.set(dut.pe.op.valid, 1)
        ctx.set(dut.o.ready, 1)
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.i.payload, words[0])
        for cycle in range(60):
            _, _, taken, ready, valid, word = await ctx.tick().sample(
                dut.pe.op.ready, dut.i.ready, dut.o.valid, dut.o.payload)
            if taken:
                ctx.set(dut.pe.op.valid, 0)
            if valid:
                departures.append((cycle, word))
            if ready and len(arrivals) < len(words):
                arrivals.append((cycle, words[len(arrivals)]))
                ctx.set(dut.i.payload, words[len(arrivals) % len(words)])
            ctx.set(dut.i.valid, len(arrivals) < len(words))

    simulate(dut, run)
    return arrivals, departures


def test_hop_is_one_cycle_and_rate_is_one_word_a_cycle():
    """A word passes an idle node in 1 cycle; 40 words follow each other without a gap."""
    words = list(range(1, 41))
    arrivals, departures = passing(
        RingGather(TorusConfig(buffer_words=64, max_fan_in=64)), 40, words)
    assert [word for _, word in departures] == words
    assert departures == [(cycle + 1, word) for cycle, word in arrivals]
    assert [cycle for cycle, _ in arrivals] == list(range(arrivals[0][0], arrivals[0][0] + 40))


def test_op_layout_round_trip():
    layout = gather_op(TorusConfig())
    fields = {"kind": GatherKind.PASS, "reps": 3, "own": 2, "recv": 6, "to_gateway": 1, "base": 17,
              "stride": 8, "need_first": 4, "need_step": 1, "lag": 2}
    op = layout.from_bits(layout.const(fields).as_bits())
    assert {name: getattr(op, name) for name in fields} == fields
