"""`WishboneSlave`: each request ends once, a cycle later; words of DATA are beats, none lost."""

from types import SimpleNamespace
from typing import Any

from amaranth import *

from .inside import Inside
from .rtl import Rtl
from .spec import Spec, any_value
from .streams import drive, take

__all__ = ["wishbone_spec"]

_WORD_BITS = 32
_HOST_BITS = 2 * _WORD_BITS
_DATA = 0x40


def wishbone_spec(rtl: Rtl) -> Spec:
    """A slave between any master that keeps to the rules, any registers, and any torus.

    The master holds a request until it ends. Between requests it may hold the bus, and strobe while
    another has the bus. The beats of the torus come at any time and stay until they are taken; it
    takes beats at any time, and is reset at any time.
    """
    spec = Spec()
    m = spec.m
    slave = rtl.module("bus.wishbone").WishboneSlave(_HOST_BITS)
    m.submodules.slave = slave
    bus, registers = slave.bus, slave.registers
    for name in ("readable", "writable"):
        m.d.comb += getattr(registers, name).eq(any_value(m, name, 1))
    m.d.comb += [registers.read_data.eq(any_value(m, "register", _WORD_BITS)),
                 slave.clear.eq(any_value(m, "clear", 1))]

    asks = Signal()
    ended = Signal()
    m.d.comb += ended.eq(bus.ack | bus.err)
    drive(spec, "request", SimpleNamespace(
        payload=Cat(bus.we, bus.adr, bus.sel, bus.dat_w), valid=asks, ready=ended))
    others = any_value(m, "strobes_another", 1)
    m.d.comb += [
        bus.stb.eq(asks | others),
        bus.cyc.eq(asks | (any_value(m, "holds_the_bus", 1) & ~others)),
    ]
    waits = Signal()
    first = Signal()
    m.d.sync += waits.eq(asks & ~ended)
    m.d.comb += first.eq(asks & ~waits)

    spec.check("a request ends twice at once", ~(bus.ack & bus.err))
    spec.check("a request does not end in the cycle after it began, or there is none",
               ended == waits)
    is_data = bus.adr[2:] == _DATA // 4
    _check_registers(spec, bus, registers, first)
    written = _check_written(spec, slave, first & bus.we & is_data)
    read = _check_read(spec, slave, first & ~bus.we & is_data)

    did = Signal()
    said = Signal(_WORD_BITS)
    with m.If(first):
        m.d.sync += [
            did.eq(Mux(is_data, written.now | read.now,
                       Mux(bus.we, registers.writable, registers.readable))),
            said.eq(Mux(is_data, read.word, registers.read_data)),
        ]
    spec.check("it says that something was done that was not, or the other way round",
               ~waits | (bus.ack == did))
    spec.check("another word is read", ~(bus.ack & ~bus.we) | (bus.dat_r == said))

    refused = Signal()
    m.d.sync += refused.eq(refused | (bus.err & bus.we & is_data))
    spec.goal = written.beat & read.beat & refused
    spec.look_inside(lambda: _lemmas(spec, slave, written, read))
    return spec


def _check_registers(spec: Spec, bus: Any, registers: Any, first: Value) -> None:
    """Registers are accessed once for each request, as it begins."""
    spec.check("a read that is none, or none", registers.read == (first & ~bus.we))
    spec.check("a write that is none, or none", registers.write == (first & bus.we))
    spec.check("another register is read",
               ~registers.read | (registers.read_place == bus.adr[2:]))
    spec.check("another register is written",
               ~registers.write | (registers.write_place == bus.adr[2:]))
    spec.check("other data are written", ~registers.write | (
        Cat(registers.write_data, registers.write_bytes) == Cat(bus.dat_w, bus.sel)))


def _check_written(spec: Spec, slave: Any, asked: Value) -> Any:
    """Two words that are written are a beat for the torus, which stays until it is taken."""
    m = spec.m
    taken = take(spec, "to_torus", slave.o)
    half = Signal(name="half_written")
    low = Signal(_WORD_BITS, name="low_word")
    owed = Signal(name="beat_is_owed")
    beat = Signal(_HOST_BITS, name="beat_written")
    passed = Signal(name="beat_passed_in")
    now = asked & ~owed
    m.d.sync += [owed.eq(owed & ~taken), passed.eq(passed | taken)]
    with m.If(now):
        m.d.sync += half.eq(~half)
        with m.If(half):
            m.d.sync += [owed.eq(1), beat.eq(Cat(low, slave.bus.dat_w))]
        with m.Else():
            m.d.sync += low.eq(slave.bus.dat_w)
    with m.If(slave.clear):
        m.d.sync += [half.eq(0), owed.eq(0)]
    spec.check("a beat is offered that was not written, or is not", slave.o.valid == owed)
    spec.check("another beat is offered", ~slave.o.valid | (slave.o.payload == beat))
    return SimpleNamespace(now=now, half=half, low=low, beat=passed)


def _check_read(spec: Spec, slave: Any, asked: Value) -> Any:
    """Two words are read of each beat of the torus, which is taken with the second."""
    m = spec.m
    taken = drive(spec, "from_torus", slave.i)
    half = Signal(name="half_read")
    passed = Signal(name="beat_passed_out")
    now = asked & slave.i.valid
    m.d.sync += passed.eq(passed | taken)
    with m.If(now):
        m.d.sync += half.eq(~half)
    with m.If(slave.clear):
        m.d.sync += half.eq(0)
    spec.check("a beat is taken before its last word is read, or later", taken == (now & half))
    return SimpleNamespace(now=now, half=half, beat=passed,
                           word=slave.i.payload.word_select(half, _WORD_BITS))


def _lemmas(spec: Spec, slave: Any, written: Any, read: Any) -> None:
    """What the slave's registers hold."""
    registers = Inside(slave)
    spec.lemma("words of a beat that were written", registers["out_part"] == written.half)
    spec.lemma("words of a beat that were read", registers["in_part"] == read.half)
    spec.lemma("the first word of a beat",
               ~written.half | (slave.o.payload[:_WORD_BITS] == written.low))
