"""`RegisterFile`: the registers of a torus on a bus, whatever bus it is."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..fault_places import fault_units, flag_bits
from .register_map import ADDRESS_BITS, REGISTER_VERSION, Register, Source, Status

__all__ = ["WORD_BITS", "AccessSignature", "RegisterFile"]

WORD_BITS = 32
_PLACE_BITS = ADDRESS_BITS - 2  # Of a register: its offset in words.


class AccessSignature(wiring.Signature):
    """The ports of a register file, by which a slave of a bus reads and writes registers.

    Members
    -------
    read_place, write_place : In(5)
        Offset of a register in words.
    read, read_data, readable : In(1), Out(32), Out(1)
        The data are taken; the data; there is such a register.
    write, write_data, write_bytes, writable : In(1), In(32), In(4), Out(1)
        The data are given; the data; which of their bytes count; it can be written.
    """

    def __init__(self):
        super().__init__({
            "read_place": In(_PLACE_BITS), "read": In(1),
            "read_data": Out(WORD_BITS), "readable": Out(1),
            "write_place": In(_PLACE_BITS), "write": In(1), "write_data": In(WORD_BITS),
            "write_bytes": In(WORD_BITS // 8), "writable": Out(1),
        })


class RegisterFile(wiring.Component):
    """Tells who the torus is, counts what passes, and resets it.

    A register is read in the cycle in which its place is on `access.read_place`; `access.read` says
    that the data are taken, which matters to CYCLES_LOW alone: it keeps the high half for
    CYCLES_HIGH. A write counts from the next cycle on, byte by byte of `write_bytes`; where
    `writable` is low it changes nothing. It never waits.

    Parameters
    ----------
    config : TorusConfig
    has_last : bool
        Whether there is a register LAST_BEATS. Without it, nothing is paid for it.

    Members
    -------
    access : AccessSignature
        By which a slave reads and writes.
    running : In(1)
        The torus runs a program.
    in_waits, out_waits : In(1)
        A beat is on offer to the torus, or by it, and is not taken in this cycle.
    taken, given : In(1)
        A beat passes to the torus, or from it.
    partial : In(1)
        A beat came of which bytes are missing.
    reset : Out(1)
        High for a cycle after CONTROL has been written so: the torus is to be reset.
    irq : Out(1)
        A source of INTERRUPT_ENABLE holds; a register.
    last_beats : Out(32)
        With `has_last`: beats of a packet, 0 for none; and `counts_anew`, in the cycle after it was
        written.
    faults : In
        With `checks`: the flags of all nodes, as `ClostorusTop` gives them. FAULT has those of the
        node that FAULT_UNIT names, as they were in the cycle before; it is 0 where there is none.
        FAULTY of STATUS says, a cycle later, that a flag is set. A CONTROL that resets the torus
        clears all flags.
    """

    def __init__(self, config, *, has_last=False):
        self.config = config
        self.has_last = has_last
        super().__init__({
            "access": Out(AccessSignature()),
            "running": In(1), "in_waits": In(1), "out_waits": In(1),
            "taken": In(1), "given": In(1), "partial": In(1),
            "reset": Out(1), "irq": Out(1),
            **({"last_beats": Out(WORD_BITS), "counts_anew": Out(1)} if has_last else {}),
            **({"faults": In(fault_units(config) * flag_bits(config))} if config.checks else {}),
        })

    def elaborate(self, platform):
        m = Module()
        config, access = self.config, self.access
        parts = config.host_bits // WORD_BITS
        words_in = Signal(WORD_BITS)
        words_out = Signal(WORD_BITS)
        cycles = Signal(2 * WORD_BITS)
        cycles_high = Signal(WORD_BITS)
        error = Signal()
        enable = Signal(len(Source))

        status = Signal(Status.FAULTY + config.parity_bits)
        sources = Signal(len(Source))
        m.d.comb += [
            status[Status.RUNNING].eq(self.running),
            status[Status.IN_WAITS].eq(self.in_waits),
            status[Status.OUT_WAITS].eq(self.out_waits),
            sources[Source.OUT_WAITS].eq(self.out_waits),
            sources[Source.ERROR].eq(error),
            sources[Source.NOT_RUNNING].eq(~self.running),
        ]
        shape = Cat(Const(config.rows, 8), Const(config.cols, 8),
                    Const(config.host_bits.bit_length() - 1, 8))
        reads = {
            Register.ID_LOW: Const(config.hardware_id & (1 << WORD_BITS) - 1, WORD_BITS),
            Register.ID_HIGH: Const(config.hardware_id >> WORD_BITS, WORD_BITS),
            Register.VERSION: Const(REGISTER_VERSION, WORD_BITS),
            Register.CONFIG: shape,
            Register.STATUS: status,
            Register.ERROR: error,
            Register.CONTROL: Const(0, WORD_BITS),
            Register.INTERRUPT_ENABLE: enable,
            Register.WORDS_IN: words_in,
            Register.WORDS_OUT: words_out,
            Register.CYCLES_LOW: cycles[:WORD_BITS],
            Register.CYCLES_HIGH: cycles_high,
            **({Register.LAST_BEATS: self.last_beats} if self.has_last else {}),
        }
        fault_unit = Signal(range(fault_units(config)))
        if config.checks:
            reads |= self._faults(m, fault_unit, status)
        with m.Switch(access.read_place):
            for register, value in reads.items():
                with m.Case(register // 4):
                    m.d.comb += [access.read_data.eq(value), access.readable.eq(1)]

        m.d.sync += [
            cycles.eq(cycles + 1),
            self.reset.eq(0),
            self.irq.eq((sources & enable).any()),
        ]
        with m.If(access.read & (access.read_place == Register.CYCLES_LOW // 4)):
            m.d.sync += cycles_high.eq(cycles[WORD_BITS:])
        with m.If(self.taken):
            m.d.sync += words_in.eq(words_in + parts)
        with m.If(self.given):
            m.d.sync += words_out.eq(words_out + parts)

        # A write reaches the bits of those bytes that it names.
        data, mask = access.write_data, Cat(byte.replicate(8) for byte in access.write_bytes)
        if self.has_last:
            m.d.sync += self.counts_anew.eq(0)
        with m.Switch(access.write_place):
            with m.Case(Register.ERROR // 4):
                m.d.comb += access.writable.eq(1)
                with m.If(access.write & (data & mask)[0]):
                    m.d.sync += error.eq(0)
            with m.Case(Register.CONTROL // 4):
                m.d.comb += access.writable.eq(1)
                with m.If(access.write & (data & mask)[0]):
                    m.d.sync += self.reset.eq(1)
            with m.Case(Register.INTERRUPT_ENABLE // 4):
                m.d.comb += access.writable.eq(1)
                with m.If(access.write):
                    m.d.sync += enable.eq(enable & ~mask | data & mask)
            if self.has_last:
                with m.Case(Register.LAST_BEATS // 4):
                    m.d.comb += access.writable.eq(1)
                    with m.If(access.write):
                        m.d.sync += [
                            self.last_beats.eq(self.last_beats & ~mask | data & mask),
                            self.counts_anew.eq(1),
                        ]
            if config.checks:
                with m.Case(Register.FAULT_UNIT // 4):
                    m.d.comb += access.writable.eq(1)
                    with m.If(access.write):
                        m.d.sync += fault_unit.eq(fault_unit & ~mask | data & mask)
        with m.If(self.partial):
            m.d.sync += error.eq(1)
        with m.If(self.reset):
            m.d.sync += [words_in.eq(0), words_out.eq(0), cycles.eq(0), error.eq(0)]
        return m

    def _faults(self, m, unit, status):
        """Add what is read of the flags of faults; return the registers."""
        flags, faulty = Signal(flag_bits(self.config)), Signal()
        m.d.sync += [flags.eq(0), faulty.eq(self.faults.any())]
        with m.Switch(unit):
            for number in range(fault_units(self.config)):
                with m.Case(number):
                    m.d.sync += flags.eq(self.faults.word_select(number, flag_bits(self.config)))
        m.d.comb += status[Status.FAULTY].eq(faulty)
        return {Register.FAULT_UNIT: unit, Register.FAULT: flags}
