"""`delayed`: what goes in comes out of the last stage, n cycles later, and nothing else does."""

from amaranth import *

from .rtl import Rtl
from .spec import Spec, any_value

__all__ = ["delay_spec"]

_BITS = 4


def delay_spec(rtl: Rtl, n: int) -> Spec:
    """A pipeline of n stages behind anything at all.

    Any one cycle is watched, with an item or without. As what comes out n cycles later is what went
    in on that cycle, and this holds of every cycle, no item is lost, doubled, moved or changed.
    """
    spec = Spec()
    m = spec.m
    valid, payload = any_value(m, "in_valid", 1), any_value(m, "in_payload", _BITS)
    pick = any_value(m, "pick", 1)
    stages = rtl.module("cells.delay").delayed(m, valid, payload, n, "item")
    out_valid, out_payload = stages[-1]

    began = Signal(range(n + 1))  # Cycles since the beginning, n at most.
    m.d.sync += began.eq(Mux(began == n, n, began + 1))
    spec.check("an item comes out that did not go in", ~out_valid | (began == n))

    age = Signal(range(n + 2))  # Cycles since the one that is watched; 0: none is.
    watched_valid, watched = Signal(), Signal(_BITS)
    with m.If(age != 0):
        m.d.sync += age.eq(Mux(age == n, 0, age + 1))
    with m.Elif(pick):
        m.d.sync += [age.eq(1), watched_valid.eq(valid), watched.eq(payload)]
    spec.check("there is an item n cycles after one, and none after none",
               (age != n) | (out_valid == watched_valid))
    spec.check("it is another item", (age != n) | ~watched_valid | (out_payload == watched))
    spec.goal = (age == n) & watched_valid & (watched != 0) & Cat(one for one, _ in stages).all()

    spec.lemma("age", age <= n)
    for stage, (held_valid, held) in enumerate(stages):
        spec.lemma(f"stage {stage}: valid before anything came so far",
                   ~held_valid | (began >= stage))
        if stage:
            spec.lemma(f"stage {stage}: the watched cycle", (age != stage) | (
                (held_valid == watched_valid) & (held == watched)))
    return spec
