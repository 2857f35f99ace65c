"""The cocotb benches of the link, the engines and the routers, and mutants that they catch."""

import dataclasses

import pytest
from amaranth import *
from amaranth.lib import wiring

from hw.config import TrainingConfig
from hw.ring.gather import RingGather
from hw.ring.link import Link
from hw.ring.reduce import RingReduce
from hw.ring.router import InferenceRouter
from hw.ring.training_router import TrainingRouter
from sim.errors import BenchFailed
from sim.proofs.rtl import Mutant as SourceMutant
from sim.proofs.rtl import Rtl
from sim.testbenches.runner import run_bench
from tests.support.knobs import mostly_slow
from tests.support.routers import CONFIG, parameters

NARROW = dataclasses.replace(CONFIG, act_bits=5, weight_bits=7, buffer_words=32)
TRAINING = dataclasses.replace(CONFIG, training=TrainingConfig(reduce_words=4))
TRAINING_NARROW = dataclasses.replace(NARROW, training=TrainingConfig(
    master_bits=7, grad_bits=6, reduce_words=2, grad_shift_bits=3))

pytestmark = [pytest.mark.cocotb, pytest.mark.router]


@pytest.mark.parametrize("stall_per_mille, seed", [(0, 1), (300, 2), (700, 3)])
def test_link(stall_per_mille, seed, tmp_path, waves):
    run_bench(Link(16), "sim.testbenches.link", folder=tmp_path, seed=seed,
              waves=waves, parameters={"word_bits": 16, "stall_per_mille": stall_per_mille})


@pytest.mark.parametrize("config", [CONFIG, NARROW], ids=["16 bits", "7 bits"])
@pytest.mark.parametrize("stall_per_mille, seed", mostly_slow(
    [pytest.param(0, 1), pytest.param(200, 2), pytest.param(600, 3)], [0, 2]))
def test_ring_gather(config, stall_per_mille, seed, tmp_path, waves):
    run_bench(RingGather(config), "sim.testbenches.ring_gather", folder=tmp_path, seed=seed,
              waves=waves, parameters=parameters(config, stall_per_mille))


@pytest.mark.parametrize("stall_per_mille, seed", [(0, 1), (0, 2), (200, 3), (600, 4)])
def test_inference_router(stall_per_mille, seed, tmp_path, waves):
    run_bench(InferenceRouter(CONFIG), "sim.testbenches.router", folder=tmp_path, seed=seed,
              waves=waves, parameters=parameters(CONFIG, stall_per_mille))


@pytest.mark.parametrize("stall_per_mille, seed", [(0, 1), (400, 2)])
def test_ring_gather_that_trains(stall_per_mille, seed, tmp_path, waves):
    run_bench(RingGather(TRAINING), "sim.testbenches.ring_gather", folder=tmp_path, seed=seed,
              waves=waves, parameters=parameters(TRAINING, stall_per_mille))


@pytest.mark.parametrize("config", [TRAINING, TRAINING_NARROW], ids=["4 words", "2 words"])
@pytest.mark.parametrize("stall_per_mille, seed", mostly_slow(
    [pytest.param(0, 1), pytest.param(200, 2), pytest.param(600, 3)], [1]))
def test_ring_reduce(config, stall_per_mille, seed, tmp_path, waves):
    run_bench(RingReduce(config), "sim.testbenches.ring_reduce", folder=tmp_path, seed=seed,
              waves=waves, parameters=parameters(config, stall_per_mille))


@pytest.mark.parametrize("stall_per_mille, seed", mostly_slow(
    [pytest.param(0, 1), pytest.param(200, 2), pytest.param(600, 3)], [1]))
def test_training_router(stall_per_mille, seed, tmp_path, waves):
    run_bench(TrainingRouter(TRAINING), "sim.testbenches.training_router", folder=tmp_path,
              seed=seed, waves=waves, parameters=parameters(TRAINING, stall_per_mille))


class Mutant(wiring.Component):
    """A `RingGather` with one line of its PE side changed."""

    def __init__(self, config, mistake):
        self.inner = RingGather(config)
        self.mistake = mistake
        super().__init__(dict(self.inner.signature.members.items()))

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = inner = self.inner
        wiring.connect(m, wiring.flipped(self.i), inner.i)
        wiring.connect(m, inner.o, wiring.flipped(self.o))
        wiring.connect(m, wiring.flipped(self.pe), inner.pe)
        m.d.comb += inner.last_in_row.eq(self.last_in_row)
        # The last connection wins.
        config = self.inner.config
        if self.mistake == "region is always free" and config.training is None:
            m.d.comb += inner.pe.op.p.lag.eq((1 << config.rep_bits) - 1)
        elif self.mistake == "region is always free":
            m.d.comb += [inner.pe.op.p.need_read.eq(0), inner.pe.op.p.need_read_step.eq(0)]
        if self.mistake == "own words are always there":
            m.d.comb += [inner.pe.op.p.need_first.eq(0), inner.pe.op.p.need_step.eq(0)]
        if self.mistake == "readable too early":
            m.d.comb += self.pe.readable.eq(1)
        return m


@pytest.mark.parametrize(("config", "mistake"), [
    (CONFIG, "own words are always there"),
    *(pytest.param(*case, marks=pytest.mark.slow) for case in (
        (CONFIG, "region is always free"), (CONFIG, "readable too early"),
        (TRAINING, "region is always free"))),
], ids=lambda value: value if isinstance(value, str) else "trains" if value.training else "infers")
def test_bench_catches(config, mistake, tmp_path):
    """Each of the checks that an engine makes is needed: without it some word is wrong."""
    with pytest.raises(BenchFailed):
        run_bench(Mutant(config, mistake), "sim.testbenches.ring_gather", folder=tmp_path, seed=5,
                  parameters=parameters(config, 300))


@pytest.mark.parametrize(("old", "new"), mostly_slow([
    pytest.param("self.taken.eq(step)", "self.taken.eq(self.own.valid)", id="credit too early"),
    pytest.param("partials.o.ready.eq(step & share.takes)", "partials.o.ready.eq(step)",
                 id="partial sum lost"),
    pytest.param("Mux(waits, waited, self.i.p.sum)",
                 "Mux(self.i.valid, self.i.p.sum, waited)", id="partial sum overtakes"),
    pytest.param("Mux(share.takes, partial, 0)", "partial", id="partial sum not asked for"),
    pytest.param("share.keeps | may_send", "1", id="output does not wait"),
    pytest.param("self.o.p.to_host.eq(share.to_host)", "self.o.p.to_host.eq(self.i.p.to_host)",
                 id="host by arrival"),
    pytest.param("~mine.valid & ~self.o.valid & ~self.complete.valid",
                 "~mine.valid & ~self.o.valid", id="idle too early"),
], {0}))
def test_bench_of_sums_catches(old, new, tmp_path):
    mutant = Rtl(SourceMutant("see the id", "ring/reduce.py", old, new, ""))
    with pytest.raises(BenchFailed):
        run_bench(mutant.module("ring.reduce").RingReduce(TRAINING), "sim.testbenches.ring_reduce",
                  folder=tmp_path, seed=5, parameters=parameters(TRAINING, 300))
