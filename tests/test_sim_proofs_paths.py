"""No round of `ready` signals: `ready` of an input does not depend on `ready` of an output."""

import pytest

from fpga.errors import FlowFailed
from sim.proofs.gather import SMALL
from sim.proofs.paths import combinational_inputs
from sim.proofs.rtl import Mutant, Rtl

pytestmark = pytest.mark.formal


def link(rtl):
    return rtl.module("link").Link(4)


def gather(rtl):
    return rtl.module("gather").RingGather(SMALL)


def router(rtl):
    return rtl.module("router").InferenceRouter(SMALL)


@pytest.mark.parametrize(("make", "output", "inputs"), [
    (link, "i_ready", set()),
    (gather, "i_ready", {"pe_write_valid"}),
    (router, "west_ready", {"row_write_valid"}),
    (router, "north_ready", {"col_write_valid"}),
])
def test_ready_comes_from_registers(make, output, inputs):
    assert combinational_inputs(make(Rtl()), output) == inputs


def test_a_path_is_found():
    """An op is taken on the cycle on which it is offered."""
    assert "pe_op_valid" in combinational_inputs(gather(Rtl()), "pe_op_ready")


@pytest.mark.parametrize(("make", "output", "mutant", "found"), [
    (link, "i_ready", Mutant(
        "the link takes a word as it gives one away", "link.py",
        "self.i.ready.eq(~spare_full)", "self.i.ready.eq(~spare_full | self.o.ready)", ""),
     "o_ready"),
    (gather, "i_ready", Mutant(
        "the hop waits for its output", "hop.py",
        "self.receiving & ~self.own.valid", "self.receiving & ~self.own.valid & self.o.ready", ""),
     "o_ready"),
    (router, "west_ready", Mutant(
        "the hop waits for its output", "hop.py",
        "self.receiving & ~self.own.valid", "self.receiving & ~self.own.valid & self.o.ready", ""),
     "east_ready"),
], ids=["link", "gather", "router"])
def test_a_mutant_has_such_a_path(make, output, mutant, found):
    assert found in combinational_inputs(make(Rtl(mutant)), output)


def test_a_port_that_is_not_there():
    with pytest.raises(FlowFailed, match="selection"):
        combinational_inputs(link(Rtl()), "no_such_port")
