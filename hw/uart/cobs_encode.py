"""`CobsEncoder`: makes COBS bytes of frames, with a zero after each frame."""

from amaranth import *
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from ..layouts import framed_layout

__all__ = ["CobsEncoder"]

_MEMORY_BYTES = 256


class CobsEncoder(wiring.Component):
    """Puts Consistent Overhead Byte Stuffing on (Cheshire and Baker 1999).

    A code says how far it is to the next zero, which is known only when that zero has come. So a
    frame is taken whole, a byte a cycle, into a memory in which the codes are filled in afterwards;
    then the frame is given, and a zero after it. Until that is done no other frame is taken.

    Parameters
    ----------
    registered : bool
        A byte rests in a register before it is written, which takes a cycle more for each frame.

    Members
    -------
    i : In(stream)
        Bytes of frames (`framed_layout`); a frame has 1 to 253 bytes.
    o : Out(stream)
        COBS bytes.
    """

    def __init__(self, registered=False):
        self.registered = registered
        super().__init__({
            "i": In(stream.Signature(framed_layout())),
            "o": Out(stream.Signature(8)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.frame = frame = memory.Memory(
            shape=8, depth=_MEMORY_BYTES, init=[], attrs={"no_rw_check": 1})
        write, read = frame.write_port(), frame.read_port()

        place = Signal(8, init=1)  # Place of the next byte; place 0 is the first code's.
        code_place = Signal(8)
        code = Signal(8, init=1)
        read_place = Signal(8)
        came = Signal(framed_layout())
        has_come = Signal()
        byte = came.byte
        arrival = m.d.sync if self.registered else m.d.comb
        arrival += [came.eq(self.i.payload), has_come.eq(self.i.valid & self.i.ready)]
        m.d.comb += read.addr.eq(read_place)

        with m.FSM():
            with m.State("Take"):
                m.d.comb += [
                    self.i.ready.eq(~(has_come & came.last) if self.registered else 1),
                    write.en.eq(has_come),
                    write.addr.eq(Mux(byte == 0, code_place, place)),
                    write.data.eq(Mux(byte == 0, code, byte)),
                ]
                with m.If(has_come):
                    m.d.sync += [place.eq(place + 1), code.eq(code + 1)]
                    with m.If(byte == 0):
                        m.d.sync += [code_place.eq(place), code.eq(1)]
                    with m.If(came.last):
                        m.next = "Last code"
            with m.State("Last code"):
                m.d.comb += [write.en.eq(1), write.addr.eq(code_place), write.data.eq(code)]
                m.next = "Read"
            with m.State("Read"):
                m.next = "Give"
            with m.State("Give"):
                ended = read_place == place
                m.d.comb += [
                    self.o.valid.eq(1),
                    self.o.payload.eq(Mux(ended, 0, read.data)),
                ]
                with m.If(self.o.ready & ended):
                    m.d.sync += [
                        place.eq(1), code_place.eq(0), code.eq(1), read_place.eq(0)]
                    m.next = "Take"
                with m.Elif(self.o.ready):
                    m.d.sync += read_place.eq(read_place + 1)
                    m.next = "Read"
        return m
