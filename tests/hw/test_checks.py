"""The option `checks`: what it refuses, what it is known by, and what a bus reads of it."""

import dataclasses
from random import Random

import pytest
from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.board_top import check_board
from hw.bus.register_file import RegisterFile
from hw.bus.register_map import Register, Status
from hw.cells.parity import carried, memory_pattern, parity_fails, plain_words, with_parity
from hw.config import ConfigError, TorusConfig, TrainingConfig
from hw.fault_places import fault_units, flag_bits
from hw.link_config import LinkConfig
from hw.presets import TEST
from hw.tops import baked_verilog, board_verilog, top_verilog
from tests.support.hw_bench import simulate

CHECKED = dataclasses.replace(TEST, rows=2, cols=1, checks=1)


@pytest.mark.parametrize("fields, message", [
    ({"checks": 4}, "checks must be 0 to 3, not 4"),
    ({"checks": -1}, "checks must be 0 to 3, not -1"),
    ({"checks": 3, "training": TrainingConfig()}, "must be 0 or 1 where a torus trains, not 3"),
    ({"checks": True}, "checks must be a whole number, not True"),
])
def test_refuses(fields, message):
    with pytest.raises(ConfigError, match=message):
        TorusConfig(**fields)


def test_a_torus_that_trains_may_have_parities():
    """Other options of inference are still refused there."""
    assert TorusConfig(checks=1, training=TrainingConfig()).checks
    with pytest.raises(ConfigError, match="leaky must be 0 where a torus trains, not 1"):
        TorusConfig(checks=1, leaky=1, training=TrainingConfig())


def test_a_board_of_too_many_nodes_is_refused():
    """A frame of its host link has room for the flags of 118."""
    config = dataclasses.replace(CHECKED, rows=9, cols=13)
    words = [[[0]] * 13] * 9
    with pytest.raises(ConfigError, match="has 127 nodes, since a frame of the host link tells of "
                                          "118 at most"):
        board_verilog(config, LinkConfig(clock_hz=12_000_000))
    with pytest.raises(ConfigError, match="checks must be 0 on a board"):
        baked_verilog("board", config, LinkConfig(clock_hz=12_000_000), weights=words,
                      biases=words)
    check_board(dataclasses.replace(CHECKED, rows=9, cols=12))  # 118 nodes.


def test_the_hardware_id_tells_it():
    assert "checks" not in TEST.canonical_json()
    assert dataclasses.replace(TEST, checks=1).hardware_id != TEST.hardware_id
    assert TorusConfig.from_dict(dataclasses.asdict(CHECKED)) == CHECKED


@pytest.mark.parametrize("top", [
    "pe", *(pytest.param(top, marks=pytest.mark.slow) for top in ("torus", "axi", "wishbone"))])
def test_without_it_no_top_has_flags(top):
    assert "faults" not in top_verilog(top, dataclasses.replace(CHECKED, checks=0))
    assert "faults" in top_verilog(top, CHECKED)


def test_it_is_one_more_bit():
    for fields in ({}, {"lanes_in": 2, "link_words": 2}):
        config = dataclasses.replace(CHECKED, **fields)
        without = dataclasses.replace(config, checks=0)
        assert config.ring_word_bits == without.ring_word_bits + 1 == without.word_bits + 1
        assert config.ring_bits == config.link_bits + config.link_words
        assert (config.link_bits, config.beat_words) == (without.link_bits, without.beat_words)


class Parities(wiring.Component):
    """Words with their parities; some of their bits, carried on; and whether they are right."""

    def __init__(self, config, bits):
        self.config, self.bits = config, bits
        super().__init__({
            "words": In(2 * config.word_bits), "flips": In(2 * config.ring_word_bits),
            "plain": Out(2 * config.word_bits), "bad": Out(1),
            "carried": Out(bits + 1), "bad_carried": Out(1)})

    def elaborate(self, platform):
        m = Module()
        config = self.config
        ring = Signal(2 * config.ring_word_bits)
        m.d.sync += ring.eq(with_parity(config, self.words) ^ self.flips)
        m.d.comb += [
            self.plain.eq(plain_words(config, ring)),
            self.bad.eq(parity_fails(ring, config.ring_word_bits)),
            self.carried.eq(carried(config, ring, self.bits)),
            self.bad_carried.eq(parity_fails(self.carried, self.bits + 1)),
        ]
        return m


@pytest.mark.parametrize("bits", [9, 16, 25, 32])
def test_every_single_flip_shows(bits):
    """In the words themselves, and in the bits of them that are kept; and no word of its own."""
    dut, random = Parities(CHECKED, bits), Random(bits)

    async def testbench(ctx):
        for _ in range(100):
            words = random.getrandbits(2 * CHECKED.word_bits)
            flip = random.randrange(-1, 2 * CHECKED.ring_word_bits)
            ctx.set(dut.words, words)
            ctx.set(dut.flips, 0 if flip < 0 else 1 << flip)
            await ctx.tick()
            assert ctx.get(dut.bad) == ctx.get(dut.bad_carried) == (flip >= 0)
            if flip < 0:
                kept = words & ((1 << bits) - 1)
                assert ctx.get(dut.plain) == words
                assert ctx.get(dut.carried) == memory_pattern(kept, bits, True)
    simulate(dut, testbench)


def test_registers_of_a_bus():
    """FAULT has the flags of the node that FAULT_UNIT names, and STATUS says that there are any."""
    dut, width = RegisterFile(CHECKED), flag_bits(CHECKED)
    flags = [Random(unit).getrandbits(width) for unit in range(fault_units(CHECKED))]

    async def access(ctx, register, data=None):
        ctx.set(dut.access.read_place, register // 4)
        ctx.set(dut.access.write_place, register // 4)
        if data is not None:
            assert ctx.get(dut.access.writable)
            ctx.set(dut.access.write_data, data)
            ctx.set(dut.access.write_bytes, 15)
            ctx.set(dut.access.write, 1)
        else:
            assert ctx.get(dut.access.readable)
        found = ctx.get(dut.access.read_data)
        await ctx.tick()
        ctx.set(dut.access.write, 0)
        return found

    async def testbench(ctx):
        assert not await access(ctx, Register.STATUS) >> Status.FAULTY
        ctx.set(dut.faults, sum(of << width * unit for unit, of in enumerate(flags)))
        await ctx.tick()
        await ctx.tick()
        assert await access(ctx, Register.STATUS) >> Status.FAULTY == 1
        for unit in [*range(len(flags)), 7]:
            await access(ctx, Register.FAULT_UNIT, unit)
            await ctx.tick()
            assert await access(ctx, Register.FAULT_UNIT) == unit
            assert await access(ctx, Register.FAULT) == (flags[unit] if unit < len(flags) else 0)
    assert len(flags) == 5 and len(set(flags)) > 2
    simulate(dut, testbench)
