"""`Serialise`: every sum of every group comes out once, in order, with its bias and its place."""

import dataclasses
from typing import Any

from amaranth import *
from amaranth.hdl import Value

from hw.presets import PROOF

from .inside import Inside
from .rtl import Rtl
from .spec import Spec, any_value

__all__ = ["serialise_spec"]


def serialise_spec(rtl: Rtl, lanes: int) -> Spec:
    """Any groups, as close to each other as the contract lets them be.

    Beside the block stands what its contract says, made in another way: a group is kept as it came,
    with a count of the sums of it that are out, and sum k of it is chosen by its number. Its
    address is k strides behind that of the first, and its bias k places behind. So a sum that is
    lost, doubled, overtaken or changed shows at once. The memory of biases gives any word a cycle
    after it is asked, and 0 where it is not.
    """
    spec = Spec()
    m = spec.m
    config = dataclasses.replace(PROOF, lanes_out=lanes)
    m.submodules.serialise = serialise = rtl.module("mac.serialise").Serialise(config)
    coming = Signal.like(serialise.i.payload)
    comes, was_read = Signal(), Signal()
    m.d.sync += was_read.eq(serialise.reads_bias)
    m.d.comb += [
        Value.cast(coming).eq(any_value(m, "group", len(Value.cast(coming)))),
        serialise.i.p.eq(coming),
        serialise.i.valid.eq(comes),
        serialise.bias.eq(Mux(was_read, any_value(m, "bias", config.bias_bits), 0)),
    ]

    # The group, how many sums it has, and how many of them are on their way out.
    group = Signal.like(coming)
    sums, taken = Signal(range(lanes + 1)), Signal(range(lanes + 1))
    first_addr, first_bias = Signal(config.addr_bits), Signal(config.bias_addr_bits)
    next_addr, next_bias = Signal.like(first_addr), Signal.like(first_bias)
    due, early = Signal(), Signal()
    m.d.comb += [
        due.eq(taken != sums),
        next_addr.eq(first_addr + sums * group.group.stride),
        next_bias.eq(first_bias + sums),
        comes.eq(any_value(m, "comes", 1) & (taken + 1 >= sums)),
    ]
    # Of a repetition all groups have one stride.
    spec.assume(~comes | coming.group.opens | (coming.group.stride == group.group.stride))
    m.d.sync += taken.eq(taken + due)
    with m.If(comes):
        m.d.sync += [
            group.eq(coming),
            sums.eq(coming.group.last_sum + 1),
            taken.eq(0),
            first_addr.eq(Mux(coming.group.opens, coming.where.addr, next_addr)),
            first_bias.eq(Mux(coming.group.begins, coming.b_addr, next_bias)),
            early.eq(due & (sums == lanes)),
        ]

    # What is out a cycle later.
    was_due, was_last, was_early = Signal(), Signal(), Signal()
    expected = Signal.like(serialise.o.payload)
    m.d.comb += expected.where.landed.eq(group.where.landed & (taken + 1 == sums))
    out = Signal.like(expected)
    m.d.comb += [
        expected.acc.eq(group.sums[taken[:config.sum_bits]] + Mux(group.bias, serialise.bias, 0)),
        expected.finish.eq(group.finish),
        expected.where.dest.eq(group.where.dest),
        expected.where.addr.eq(first_addr + taken * group.group.stride),
    ]
    m.d.sync += [
        was_due.eq(due),
        was_last.eq(due & (taken == lanes - 1)),
        was_early.eq(early & ~group.group.opens),
        out.eq(expected),
    ]
    spec.check("a sum is lost, or one comes that is not due", serialise.o.valid == was_due)
    spec.check("it is another sum, or goes elsewhere",
               ~was_due | (Value.cast(serialise.o.payload) == Value.cast(out)))
    following = first_bias + taken + due
    asks = comes | (due & (taken + 1 != sums))
    _check_biases(spec, serialise, asks, Mux(comes, coming.bias, group.bias), Mux(
        comes & coming.group.begins, coming.b_addr, following[:config.bias_addr_bits]))
    spec.check("it is idle with a sum, or busy without", serialise.busy == (due | was_due))
    # The last of a whole group that came as early as it may behind another whole one.
    spec.goal = was_last & was_early

    places = first_addr + taken * group.group.stride, following
    spec.look_inside(lambda: _add_lemmas(spec, serialise, group, (sums, taken), places))
    spec.look_inside(lambda: spec.lemma("bias that was read", ~due | (was_read == group.bias)))
    return spec


def _check_biases(spec: Spec, serialise: Any, asks: Value, has_bias: Value, place: Value) -> None:
    """Check what is asked for the sum after this one: the first that comes, or the next here."""
    spec.check("it asks for the bias of another sum", ~asks | (serialise.b_addr == place))
    spec.check("it asks for no bias where there is one, or the other way round",
               ~asks | (serialise.reads_bias == has_bias))


def _add_lemmas(spec: Spec, serialise: Any, group: Any, counts: tuple[Signal, Signal],
                places: tuple[Value, Value]) -> None:
    """Tie the registers of the block to the group, its sums, how many are out, and the next place.

    The next places are the address of the next result, and that of the bias that is read next.
    """
    inside, config = Inside(serialise), serialise.config
    (sums, taken), (addr, bias) = counts, places
    due = taken != sums
    spec.lemma("sums", (sums <= config.lanes_out) & (taken <= sums))
    spec.lemma("giving", inside["giving"] == due)
    spec.lemma("left", ~due | (inside["left"] + taken + 1 == sums))
    spec.lemma("number of sums", (sums == 0) | (sums == group.group.last_sum + 1))
    spec.lemma("stride", inside["stride"] == group.group.stride)
    spec.lemma("address", inside["addr"] == addr[:config.addr_bits])
    spec.lemma("address of the bias", inside["b_after"] == bias[:config.bias_addr_bits])
    for name, value in (("with_bias", group.bias), ("finish", group.finish),
                        ("dest", group.where.dest), ("landed", group.where.landed)):
        spec.lemma(name, ~due | (Value.cast(inside[name]) == Value.cast(value)))
    for lane in range(config.lanes_out):
        number = taken + lane
        spec.lemma(f"sum {lane}", (number >= sums) | (
            inside[f"sum_{lane}"] == group.sums[number[:config.sum_bits]]))
