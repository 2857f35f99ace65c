"""Mistakes in what checks: each makes a flip silent, or names another place."""

import dataclasses

import pytest

from sim.faults.bench import FaultBench
from sim.proofs.rtl import Mutant, Rtl
from sw_driver.compiler import compile
from tests.support.flips import (
    CHECKED,
    MEMORIES,
    SAMPLES,
    arithmetic_flips,
    link_flips,
    memory_flips,
    small_net,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("toolchain")]

FLIPS = 200
MUTANTS = {
    "buffers": Mutant("what the MAC reads is not checked", "ring/word_checks.py", "(reads &",
                      "(Const(0) &", ""),
    "buffers, of the hop": Mutant("what the hop reads is not checked", "ring/word_checks.py",
                                  "(leaves &", "(Const(0) &", ""),
    "links": Mutant("what lands is not checked", "ring/word_checks.py", "pe.tap.valid &",
                    "Const(0) &", ""),
    "links, of a gateway": Mutant("what lands in a gateway is not checked", "host/gateway.py",
                                  "self.i.valid & parity_fails", "Const(0) & parity_fails", ""),
    "weights": Mutant("a weight is not checked", "mac/mac.py", "self.bad_weight.eq(reads &",
                      "self.bad_weight.eq(Const(0) &", ""),
    "weights, narrow ones": Mutant("bits that are dropped stay in the parity", "cells/parity.py",
                                   "parity ^= word[bits:].xor()", "parity ^= 0", ""),
    "biases": Mutant("a bias is not checked", "mac/mac.py", "self.bad_bias.eq(used & wrong)",
                     "self.bad_bias.eq(0)", ""),
    "program": Mutant("the parity of a line forgets its first words", "sequencer.py",
                      "so_far.eq(parity & ~is_whole)", "so_far.eq(0)", ""),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_mutants_are_found(name):
    verilog = Rtl(MUTANTS[name]).module("tops").top_verilog("torus", CHECKED)
    bench = FaultBench(compile(small_net(), CHECKED), samples=SAMPLES, verilog=verilog)
    try:
        kind = name.partition(",")[0]
        if kind in MEMORIES:
            _, mistake = memory_flips(bench, kind, FLIPS)
        else:
            _, mistake = link_flips(bench, 2 * FLIPS)
        assert mistake is not None
        print(mistake)
    finally:
        bench.close()


MORE_MUTANTS = {
    "accumulator": (2, Mutant("a wrong sum raises no flag", "mac/mac.py",
                              "self.bad_sum.eq(residues.bad)", "self.bad_sum.eq(0)", "")),
    "requantiser": (2, Mutant("what makes results has no twins", "covered.py",
                              '"results" in path', "False", "")),
    "queues": (3, Mutant("beats are not looked at", "host/gateway.py",
                         "in_queue.bad | out_queue.bad", "Const(0)", "")),
    "registers": (3, Mutant("twins raise no flag", "cells/doubled.py", "flag.eq(1)",
                            "flag.eq(0)", "")),
}


@pytest.mark.parametrize("kind", MORE_MUTANTS)
def test_mutants_of_residues_and_twins_are_found(kind):
    checks, mutant = MORE_MUTANTS[kind]
    config = dataclasses.replace(CHECKED, checks=checks)
    verilog = Rtl(mutant).module("tops").top_verilog("torus", config)
    bench = FaultBench(compile(small_net(config), config), samples=SAMPLES, verilog=verilog)
    try:
        _, mistake = arithmetic_flips(bench, kind, 4 * FLIPS)
        assert mistake is not None
    finally:
        bench.close()
