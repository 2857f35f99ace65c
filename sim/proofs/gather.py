"""`RingGather`: one node among any neighbours, with any PE that keeps the contract."""

from collections.abc import Sequence

from hw.config import TorusConfig

from .lemmas import StateLemmas, look_inside
from .node import NodeCheck
from .program import Program
from .rtl import Rtl
from .spec import Spec, any_constant
from .streams import drive, take

__all__ = ["SMALL", "gather_spec"]

SMALL = TorusConfig(act_bits=4, weight_bits=4, buffer_words=16, max_fan_in=16, rep_bits=4,
                    weight_words=16, bias_words=4, program_words=64)


def gather_spec(rtl: Rtl, given: Sequence[dict[str, int]], regions: int) -> Spec:
    """One engine that runs any program again and again; `given` as for `Program`."""
    spec = Spec()
    m = spec.m
    node = rtl.module("gather").RingGather(SMALL)
    inside = look_inside(node)
    m.submodules.node = node
    last_in_row = any_constant(m, "last_in_row", 1)
    m.d.comb += node.last_in_row.eq(last_in_row)
    program = Program(spec, "node", SMALL, rtl, given=given, regions=regions,
                      last_in_row=last_in_row)
    received = drive(spec, "in", node.i)
    sent = take(spec, "out", node.o)
    check = NodeCheck(spec, "node", program, node, received, sent)
    StateLemmas(spec, check, inside)
    # The last word of the third repetition, of two words and more that are its own, is sent.
    out = check.out
    spec.goal = (sent & (out.number == 2) & (check.departed + 1 == out.op.sends)
                 & (out.op.own >= 2) & (out.op.sends > out.op.own + 1) & check.side.read.op.gathers
                 & (check.side.read.number == 2))
    return spec
