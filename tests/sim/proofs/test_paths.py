"""No round of `ready` signals, and engines that share nothing, read from netlists."""

import re

import pytest

from fpga.errors import FlowFailed
from hw.emit import emit_verilog
from hw.presets import PROOF
from sim.proofs.gather import small_training
from sim.proofs.paths import all_inputs, combinational_inputs
from sim.proofs.rtl import Mutant, Rtl

pytestmark = pytest.mark.formal
slow = pytest.mark.slow


def link(rtl):
    return rtl.module("ring.link").Link(4)


def credits_of(rtl):
    return rtl.module("cells.credits").Credits(4)


def gather(rtl):
    return rtl.module("ring.gather").RingGather(PROOF)


def router(rtl):
    return rtl.module("ring.router").InferenceRouter(PROOF)


def reduce(rtl):
    return rtl.module("ring.reduce").RingReduce(small_training(2))


def training_router(rtl):
    return rtl.module("ring.training_router").TrainingRouter(small_training(2))


@pytest.mark.parametrize(("make", "output", "inputs"), [
    (link, "i_ready", set()),
    (gather, "i_ready", {"pe_write_valid"}),
    (router, "west_ready", {"row_write_valid"}),
    pytest.param(router, "north_ready", {"col_write_valid"}, marks=slow),
    (reduce, "i_ready", set()),
    (training_router, "west_ready", {"row_write_valid"}),
    pytest.param(training_router, "north_ready", {"col_write_valid"}, marks=slow),
    pytest.param(training_router, "from_east_ready", set(), marks=slow),
    pytest.param(training_router, "from_south_ready", set(), marks=slow),
])
def test_ready_comes_from_registers(make, output, inputs):
    assert combinational_inputs(make(Rtl()), output) == inputs


def test_whoever_waits_asks_a_register():
    assert combinational_inputs(credits_of(Rtl()), "enough") == set()


def test_a_path_is_found():
    """An op is taken on the cycle on which it is offered."""
    assert "pe_op_valid" in combinational_inputs(gather(Rtl()), "pe_op_ready")


@pytest.mark.parametrize(("make", "output", "mutant", "found"), [
    (link, "i_ready", Mutant(
        "the link takes a word as it gives one away", "ring/link.py",
        "self.i.ready.eq(~spare_full)", "self.i.ready.eq(~spare_full | self.o.ready)", ""),
     "o_ready"),
    (gather, "i_ready", Mutant(
        "the hop waits for its output", "ring/hop.py",
        "self.receiving & ~self.own.valid", "self.receiving & ~self.own.valid & self.o.ready", ""),
     "o_ready"),
    (router, "west_ready", Mutant(
        "the hop waits for its output", "ring/hop.py",
        "self.receiving & ~self.own.valid", "self.receiving & ~self.own.valid & self.o.ready", ""),
     "east_ready"),
    (reduce, "i_ready", Mutant(
        "a full queue takes an item as it gives one away", "cells/lut_queue.py",
        "self.i.ready.eq(~full)", "self.i.ready.eq(~full | self.o.ready)", ""),
     "o_ready"),
], ids=["link", "gather", "router", "reduce"])
def test_a_mutant_has_such_a_path(make, output, mutant, found):
    assert found in combinational_inputs(make(Rtl(mutant)), output)


# What belongs to each engine of a training router: the beginnings of the names of its ports.
ENGINES = {"row": ("west_", "east_", "row_"), "col": ("north_", "south_", "col_"),
           "row_back": ("from_east_", "to_west_", "row_back_"),
           "col_back": ("from_south_", "to_north_", "col_back_")}
COMMON = {"clk", "rst", "last_in_row"}


def ports_by_engine(component):
    """Names of inputs and of outputs, per engine."""
    ports = {engine: ([], []) for engine in ENGINES}
    verilog = emit_verilog(component, "dut")
    top = verilog.split("module dut(")[1].split("endmodule")[0]
    for direction, name in re.findall(r"^  (input|output) (?:\[\d+:0\] )?(\w+);", top, re.M):
        if name not in COMMON:
            # The longest beginning counts: `row_back_idle` is not a port of `row`.
            _, engine = max((len(beginning), engine) for engine, beginnings in ENGINES.items()
                            for beginning in beginnings if name.startswith(beginning))
            ports[engine][direction == "output"].append(name)
    return ports


def engines_that_share(component):
    """Engines with an output that ever depends on a port of another engine."""
    shared = []
    for engine, (inputs, outputs) in ports_by_engine(component).items():
        assert inputs and outputs
        if all_inputs(component, outputs) - COMMON - set(inputs):
            shared.append(engine)
    return shared


@pytest.mark.slow
def test_engines_of_a_training_router_share_nothing():
    """Gathers and reductions cannot disturb each other, whichever are under way."""
    assert engines_that_share(training_router(Rtl())) == []


@pytest.mark.parametrize(("old", "new", "engines"), [
    pytest.param(
        "engine.taken), side.idle.eq(engine.idle)",
        "engine.taken), side.idle.eq(engine.idle & forward.row.idle)", ["row_back", "col_back"],
        id="idle of both", marks=pytest.mark.slow),
    pytest.param(
        "m.d.comb += forward.last_in_row.eq(self.last_in_row)",
        "m.d.sync += forward.last_in_row.eq(self.from_south.valid)", ["row"],
        id="through a register", marks=pytest.mark.slow),
    pytest.param(
        "(row_back, self.from_east, self.to_west, self.row_back),",
        "(row_back, self.from_east, self.to_west, self.col_back),", ["row_back"],
        id="the other axis", marks=pytest.mark.slow),
])
def test_sharing_is_found(old, new, engines):
    mutant = Mutant("engines share something", "ring/training_router.py", old, new, "")
    assert engines_that_share(training_router(Rtl(mutant))) == engines


def test_a_port_that_is_not_there():
    with pytest.raises(FlowFailed, match="selection"):
        combinational_inputs(link(Rtl()), "no_such_port")
