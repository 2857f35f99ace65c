"""`TargetGradients` and `HostGradients`: results less their targets, and what is summed beside."""

from random import Random

import pytest
from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.config import TorusConfig, TrainingConfig
from hw.layouts import complete_layout, finished_layout, gradient_load_layout
from hw.mac.gradient_memory import HostGradients, TargetGradients
from tests.support.hw_bench import simulate

CONFIGS = {
    "plain": TorusConfig(buffer_words=64, max_fan_in=32, training=TrainingConfig(
        targets=1, target_gain_bits=5)),
    "narrow": TorusConfig(act_bits=6, weight_bits=7, buffer_words=64, max_fan_in=32,
                          training=TrainingConfig(grad_bits=4, targets=1)),
}
RESULTS = 12


class Bench(wiring.Component):
    """The two blocks, wired as in a PE."""

    def __init__(self, config):
        self.config = config
        complete = stream.Signature(complete_layout(config), always_ready=True)
        super().__init__({
            "load": In(stream.Signature(gradient_load_layout(config), always_ready=True)),
            "result": In(stream.Signature(finished_layout(config), always_ready=True)),
            "summed": In(complete), "complete": Out(complete),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = HostGradients(self.config)
        m.submodules.made = made = TargetGradients(self.config)
        for own, part in ((self.load, memory.load), (self.result, made.result),
                          (self.summed, made.summed)):
            wiring.connect(m, wiring.flipped(own), part)
        wiring.connect(m, made.complete, wiring.flipped(self.complete))
        m.d.comb += [made.target.eq(memory.target), memory.take.eq(made.take)]
        return m


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_differences_and_sums(config, seed):
    """Targets in the order of results, twice; results without one, and sums, in between."""
    random, training = Random(seed), config.training
    dut, found, expected = Bench(config), [], []

    def signed(bits):
        return random.randrange(-(1 << (bits - 1)), 1 << (bits - 1))

    async def drive(ctx):
        cycle = 0

        async def tick():
            nonlocal cycle
            if ctx.get(dut.complete.valid):
                found.append((cycle, ctx.get(dut.complete.p.sum),
                              ctx.get(dut.complete.p.place.addr),
                              ctx.get(dut.complete.p.place.shift),
                              ctx.get(dut.complete.p.place.zero)))
            await ctx.tick()
            cycle += 1

        for _ in range(2):
            targets = [signed(min(config.act_bits, training.grad_bits)) for _ in range(RESULTS)]
            ctx.set(dut.load.valid, 1)
            for addr, word in enumerate(targets):
                ctx.set(dut.load.payload, {"addr": addr, "word": word})
                await tick()
            ctx.set(dut.load.valid, 0)
            while targets:
                kind = random.choice(["compare", "compare", "plain", "summed", "rest"])
                addr, shift = random.randrange(config.buffer_words), random.randrange(
                    1 << training.grad_shift_bits)
                if kind in ("compare", "plain"):
                    word = signed(config.act_bits)
                    ctx.set(dut.result.valid, 1)
                    ctx.set(dut.result.payload, {"word": word, "where": {
                        "dest": 0, "addr": addr, "landed": 1, "compare": kind == "compare",
                        "compare_shift": shift}})
                    if kind == "compare":
                        difference = (word - targets.pop(0)) << training.target_gain_bits
                        expected.append((cycle + 1, difference, addr, shift, 0))
                    await tick()
                    ctx.set(dut.result.valid, 0)
                    await tick()
                elif kind == "summed":
                    total, zero = signed(config.acc_bits), random.randrange(2)
                    ctx.set(dut.summed.valid, 1)
                    ctx.set(dut.summed.payload, {"sum": total, "place": {
                        "addr": addr, "shift": shift, "zero": zero}})
                    expected.append((cycle, total, addr, shift, zero))
                    await tick()
                    ctx.set(dut.summed.valid, 0)
                else:
                    await tick()
        await tick()

    simulate(dut, drive)
    assert found == expected
