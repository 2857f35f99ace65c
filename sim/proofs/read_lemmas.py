"""What the count of reads inside a `RingGather` means, where a torus trains."""


from amaranth import *

from .inside import Inside
from .node import NodeCheck
from .program import NUMBERS, at_most, plus
from .spec import Spec

__all__ = ["add_read_lemmas"]


def add_read_lemmas(spec: Spec, check: NodeCheck, inside: Inside, active: Value) -> None:
    """Reads that are done, less those that ops have asked for."""
    m, side, program, name = spec.m, check.side, check.program, check.name
    prepared = inside["prepared"]
    # Repetitions before the current one since the last start, as far as that matters, and the
    # first repetition after that start.
    before = Signal(3, name=f"{name}_before_current")
    origin = Signal(range(NUMBERS), name=f"{name}_origin")
    with m.If(side.starts):
        m.d.sync += [before.eq(0), origin.eq(side.current.number)]
    with m.Elif(side.retires & (before != 7)):
        m.d.sync += before.eq(before + 1)
    spec.lemma(f"{name}: origin", origin < NUMBERS)
    spec.lemma(f"{name}: before the current one",
               ((before == 7) | (side.current.number == plus(origin, before)))
               & (side.unread_again <= before))
    before_queue = at_most(2, before + active - inside["rep"])
    spec.lemma(f"{name}: before the one in the queue",
               (before + active >= inside["rep"]) & (side.before_queue == before_queue))
    # All reads of the repetitions before `oldest` are done, and those before this many after
    # it have been asked for.
    oldest = Mux(side.again, side.again_number, side.read.number)
    asked = Signal(signed(5), name=f"{name}_asked_from_oldest")
    m.d.comb += asked.eq(side.unread_again + active + prepared - program.regions)
    reads: Value = side.again
    for more in range(8):
        later = program.op_at(plus(oldest, more))
        earlier = program.op_at(plus(oldest, NUMBERS - 1 - more))
        # The repetition `more` + 1 before `oldest`: if there was one.
        was = before - side.unread_again >= more + 1
        reads = (reads - Mux(asked > more, later.reads, 0)
                 + Mux((asked < -more) & was, earlier.reads, 0))
    spec.lemma(f"{name}: reads", inside.submodule("reads")["count"] == reads)
