"""`Credits`: there are enough exactly when all that was asked for has come."""

from amaranth import *

from .inside import Inside
from .rtl import Rtl
from .spec import Spec, any_value

__all__ = ["credits_spec"]

_TOTAL_BITS = 8  # Of the totals, which wrap, too; only their difference is looked at.


def credits_spec(rtl: Rtl, width: int) -> Spec:
    """Events and demands at any time, as far apart as the contract lets them be.

    What has come and what was asked for are counted apart, as the waits of a PE are explained
    (docs/architecture.md, section 3), by counters that are much wider.
    """
    spec = Spec()
    m = spec.m
    m.submodules.credits = credits = rtl.module("cells.credits").Credits(width)
    come, asked = Signal(_TOTAL_BITS), Signal(_TOTAL_BITS)
    m.d.comb += [
        credits.add.eq(any_value(m, "add", 1)),
        credits.take.eq(any_value(m, "take", width)),
        credits.start.eq(any_value(m, "start", 1)),
    ]
    m.d.sync += [come.eq(come + credits.add), asked.eq(asked + credits.take)]
    with m.If(credits.start):
        m.d.sync += [come.eq(0), asked.eq(0)]
    ahead, ahead_next = Signal(signed(_TOTAL_BITS)), Signal(signed(_TOTAL_BITS))
    m.d.comb += [ahead.eq(come - asked), ahead_next.eq(ahead + credits.add - credits.take)]
    least, most = -(1 << width), (1 << width) - 1
    spec.assume(credits.start | ((ahead_next >= least) & (ahead_next <= most)))
    spec.check("there are enough, or too few, though it is not said",
               credits.enough == (ahead >= 0))

    # From as far behind as it can be to as far ahead.
    was_behind, was_ahead = Signal(), Signal()
    m.d.sync += [
        was_behind.eq(~credits.start & (was_behind | (ahead == least))),
        was_ahead.eq(~credits.start & (was_ahead | (was_behind & (ahead == most)))),
    ]
    began_again = Signal()
    m.d.sync += began_again.eq(began_again | (credits.start & (ahead < 0)))
    spec.goal = began_again & was_ahead

    def add_lemmas() -> None:
        count = Inside(credits)["count"]
        spec.lemma("count", count == ahead)
        spec.lemma("as far apart as it may be", (ahead >= least) & (ahead <= most))

    spec.look_inside(add_lemmas)
    return spec
