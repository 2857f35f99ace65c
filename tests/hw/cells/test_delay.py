"""`delayed` and `later`: every item comes out of every stage in its turn."""

from random import Random

import pytest
from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.cells.delay import delayed, later
from tests.support.hw_bench import simulate

PAYLOAD = data.StructLayout({"addr": 3, "word": signed(5)})


class Pipeline(wiring.Component):
    """All stages of a `delayed`, and of a `later`, as ports; `clear` resets the registers."""

    def __init__(self, n):
        self.n = n
        items = stream.Signature(PAYLOAD, always_ready=True)
        super().__init__({"i": In(items), "clear": In(1), "o": Out(items).array(n + 1),
                          "words": Out(signed(5)).array(n + 1)})

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = ClockDomain()  # There is no register in it where n is 0.
        stages = delayed(m, self.i.valid, self.i.p, self.n, "item")
        words = later(m, self.i.p.word, self.n, "word", reset_less=False)
        assert len(stages) == len(words) == self.n + 1
        for out, (valid, payload) in zip(self.o, stages, strict=True):
            assert payload.shape() == PAYLOAD
            m.d.comb += [out.valid.eq(valid), out.payload.eq(payload)]
        for out, word in zip(self.words, words, strict=True):
            m.d.comb += out.eq(word)
        return ResetInserter(self.clear)(m)


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_every_stage_has_the_item_in_its_turn(n):
    dut, random = Pipeline(n), Random(n)
    items = [(random.getrandbits(1),
              {"addr": random.randrange(8), "word": random.randrange(-16, 16)})
             for _ in range(40)]

    async def bench(ctx):
        for cycle, (valid, payload) in enumerate(items):
            ctx.set(dut.i.valid, valid)
            ctx.set(dut.i.payload, payload)
            for stage in range(n + 1):
                was_valid, was = items[cycle - stage] if cycle >= stage else (0, None)
                assert ctx.get(dut.o[stage].valid) == was_valid
                if was is not None:
                    payload = ctx.get(dut.o[stage].payload)
                    assert (payload.addr, payload.word) == (was["addr"], was["word"])
                assert ctx.get(dut.words[stage]) == (was["word"] if was else 0)
            await ctx.tick()

    simulate(dut, bench)


def test_a_reset_forgets_what_was_under_way():
    """The payload stays as it is: it means nothing without its `valid`."""
    dut = Pipeline(3)

    async def bench(ctx):
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.i.payload, {"addr": 5, "word": -7})
        await ctx.tick().repeat(3)
        assert [ctx.get(out.valid) for out in dut.o] == [1] * 4
        ctx.set(dut.i.valid, 0)
        ctx.set(dut.clear, 1)
        await ctx.tick()
        ctx.set(dut.clear, 0)
        for _ in range(4):
            assert [ctx.get(out.valid) for out in dut.o] == [0] * 4
            await ctx.tick()
        assert ctx.get(dut.o[3].payload.word) == -7

    async def words(ctx):
        await ctx.tick().repeat(4)
        assert [ctx.get(word) for word in dut.words] == [-7, 0, 0, 0]

    simulate(dut, bench, words)
