"""`RingGather` and `InferenceRouter` among any neighbours, with any PE that keeps the contract."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from amaranth import *

from hw.config import TorusConfig, TrainingConfig
from hw.presets import PROOF

from .inside import look_inside
from .lemmas import StateLemmas
from .node import NodeCheck
from .program import Program
from .rtl import Rtl
from .spec import Spec, any_constant
from .streams import drive, take

__all__ = ["gather_spec", "router_spec", "small_training"]

@dataclass(frozen=True)
class _Ports:
    """The ports of one axis of a router, named as those of a `RingGather`."""

    i: Any
    o: Any
    pe: Any


def small_training(reduce_words: int = 2, **fields: int) -> TorusConfig:
    """Return a small configuration that trains, with so many words in each reduce FIFO."""
    return dataclasses.replace(PROOF, **fields, training=TrainingConfig(
        master_bits=4, grad_bits=4, reduce_words=reduce_words, grad_shift_bits=1))


def gather_spec(rtl: Rtl, given: Sequence[dict[str, int]], regions: int,
                config: TorusConfig = PROOF) -> Spec:
    """One engine that runs any program again and again; `given` as for `Program`.

    A program may start anew whenever the engine is idle, and a reset comes at any time.
    """
    spec = Spec(restarts=True)
    node = rtl.module("ring.gather").RingGather(config)
    spec.m.submodules.node = node
    last_in_row = any_constant(spec.m, "last_in_row", 1)
    spec.m.d.comb += node.last_in_row.eq(last_in_row)
    check, spec.goal = _axis(spec, "node", rtl, node, last_in_row, given, regions, config,
                             restarts=True)
    spec.look_inside(lambda: StateLemmas(spec, check, look_inside(node)))
    return spec


def router_spec(rtl: Rtl, given: Sequence[dict[str, int]], regions: int) -> Spec:
    """A router whose two axes run any two programs again and again.

    On each axis a program may start anew whenever its engine is idle, and a reset comes at any
    time.
    """
    spec = Spec(restarts=True)
    router = rtl.module("ring.router").InferenceRouter(PROOF)
    spec.m.submodules.router = router
    last_in_row = any_constant(spec.m, "last_in_row", 1)
    spec.m.d.comb += router.last_in_row.eq(last_in_row)
    row, row_goal = _axis(spec, "row", rtl, _Ports(router.west, router.east, router.row),
                          last_in_row, given, regions, restarts=True)
    col, col_goal = _axis(spec, "col", rtl, _Ports(router.north, router.south, router.col),
                          Const(0), given, regions, restarts=True)
    spec.goal = row_goal & col_goal

    def add_lemmas() -> None:
        inside = look_inside(router, "row", "col")
        StateLemmas(spec, row, inside.submodule("row"))
        StateLemmas(spec, col, inside.submodule("col"))

    spec.look_inside(add_lemmas)
    return spec


def _axis(spec: Spec, name: str, rtl: Rtl, node: Any, last_in_row: Value,
          given: Sequence[dict[str, int]], regions: int,
          config: TorusConfig = PROOF, *, restarts: bool = False) -> tuple[NodeCheck, Value]:
    """Put a node among its neighbours; return its check, and that an interesting end is reached."""
    program = Program(spec, name, config, rtl, given=given, regions=regions,
                      last_in_row=last_in_row)
    received = drive(spec, f"{name}_in", node.i)
    sent = take(spec, f"{name}_out", node.o)
    check = NodeCheck(spec, name, program, node, received, sent, restarts=restarts)
    # The last word of the third repetition is sent: one that was received, in an op that has own
    # words and is read by the MAC, more than once where it trains. The first op waits in its first
    # repetition for another number of results than in the next one; and where programs start anew,
    # one has done so in time to forget something.
    out, read, side, first = check.out, check.side.read, check.side, program.ops[0]
    forgot = Signal(name=f"{name}_forgot", init=not restarts)
    with spec.m.If(side.starts & ((side.ahead > 0) | (side.unread > 0))):
        spec.m.d.sync += forgot.eq(1)
    goal = (forgot & first.reps & (first.need != first.need_step)
            & sent & (out.number == 2) & (check.departed + 1 == out.op.sends)
            & (out.op.own >= 2) & (out.op.sends > out.op.own + 1)
            & read.op.gathers & (read.number == 2) & (read.op.again | (config.training is None)))
    return check, goal
