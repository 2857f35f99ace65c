"""Mistakes in what checks while a net is trained: each makes a flip silent."""

from random import Random

import pytest

from sim.faults.training_bench import SAMPLES, TrainingFaultBench, training_case
from sim.proofs.rtl import Mutant, Rtl

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("toolchain")]

FLIPS = 100
_BASE = "mac/training_mac_base.py"
MUTANTS = {
    "weights": Mutant("a weight is not checked", _BASE, "self.bad_weight.eq(reads[-1] &",
                      "self.bad_weight.eq(Const(0) &", ""),
    "velocities": Mutant("an accumulated gradient is not checked", _BASE,
                         "wrong = reads[-1] & Cat", "wrong = Const(0) & Cat", ""),
    "biases": Mutant("a bias is not checked", _BASE, "bias, used, self.bad_bias)",
                     "bias, used, Signal())", ""),
    "random": Mutant("the random generator is not checked", "mac/training_mac.py",
                     "self.bad_lfsr.eq(update.bad_lfsr)", "self.bad_lfsr.eq(0)", ""),
}


@pytest.mark.parametrize("kind", MUTANTS)
def test_mutants_are_found(kind):
    compiled = training_case(1)
    verilog = Rtl(MUTANTS[kind]).module("tops").top_verilog("torus", compiled.config)
    bench = TrainingFaultBench(compiled, samples=SAMPLES, verilog=verilog)
    try:
        outcomes = [bench.flip(kind, Random(f"{kind} {number}")).outcome
                    for number in range(FLIPS)]
        assert "silent" in outcomes
    finally:
        bench.close()
