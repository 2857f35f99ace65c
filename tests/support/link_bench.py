"""A host link whose beats come back inverted, and a host's end on it: all in simulated time."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.bus.ft245 import Ft245, ft245_members
from hw.emit import emit_verilog
from hw.link_config import LinkConfig
from hw.ring.link import Link
from hw.uart.host_link import HostLink
from sim.model.board import BoardModel
from sim.model.fifo_board import FifoBoardModel
from sim.model.wire import Damage, Wire
from sw_driver.serial.figures import LinkFigures
from sw_driver.serial.host_end import HostEnd

HARDWARE_ID = 0x0123_4567_89ab_00ff
POLL_S = 0.008
CLOCK_HZ = 4_000_000
WORD_BITS = 16


class LinkLoop(wiring.Component):
    """Gives every beat back with all its bits inverted; it holds up to two."""

    def __init__(self, link, host_bits):
        self.link = link
        self.host_bits = host_bits
        self.pins = ft245_members() if link.fifo else {"rx": In(1, init=1), "tx": Out(1, init=1)}
        super().__init__({**self.pins, "led": Out(1)})

    def elaborate(self, platform):
        m = Module()
        carrier = None
        if self.link.fifo:
            m.submodules.fifo = carrier = Ft245()
        m.submodules.host = host = HostLink(self.link, self.host_bits, HARDWARE_ID,
                                                word_bits=WORD_BITS)
        m.submodules.loop = loop = ResetInserter(host.reset)(Link(self.host_bits))
        wiring.connect(m, host.to_torus, loop.i)
        m.d.comb += [
            host.from_torus.payload.eq(~loop.o.payload),
            host.from_torus.valid.eq(loop.o.valid),
            loop.o.ready.eq(host.from_torus.ready),
            self.led.eq(host.opened),
        ]
        if carrier is not None:
            wiring.connect(m, carrier.o, host.from_host)
            wiring.connect(m, host.to_host, carrier.i)
        for name, member in self.pins.items():
            inner, outer = getattr(carrier or host, name), getattr(self, name)
            m.d.comb += inner.eq(outer) if member.flow == In else outer.eq(inner)
        return m


def loop_model(link, host_bits=64):
    verilog = emit_verilog(LinkLoop(link, host_bits), "link_loop")
    if link.fifo:
        return FifoBoardModel(verilog, "link_loop", link.clock_hz)
    return BoardModel(verilog, "link_loop", link.bit_cycles)


def inverted(data):
    return bytes(byte ^ 0xff for byte in data)


class Host:
    """A `HostEnd` on the wires of a board; its clock is the board's, and nothing else has one."""

    def __init__(self, board, session, damage=None, slice_bytes=8):
        self.board = board
        self.figures = LinkFigures()
        self.end = HostEnd(session, self.figures, POLL_S)
        damage = damage or Damage()
        self.to_board, self.from_board = Wire(damage, 0), Wire(damage, 1)
        self._cycles = slice_bytes * board.byte_cycles
        self._waiting = b""

    @property
    def now(self):
        return self.board.cycles / CLOCK_HZ

    def step(self, waits=True):
        self._waiting += self.to_board.pass_on(self.end.transmit(self.now, waits=waits))
        taken, out, in_cycles, out_cycles = self.board.run(self._waiting, self._cycles)
        self.to_board.count(self._waiting[:taken], in_cycles)
        self.from_board.count(out, out_cycles)
        self._waiting = self._waiting[taken:]
        self.end.receive(self.from_board.pass_on(out), self.now)

    def run(self, done, most_s=2.0):
        """Go on until `done`, which must be within simulated time."""
        deadline = self.now + most_s
        while not done():
            assert self.now < deadline, f"stuck: {self.figures}"
            self.step()

    def open(self):
        self.run(lambda: self.end.opened)

    def exchange(self, data):
        """Send `data`; what comes back must be it, inverted."""
        self.end.send(data)
        count = len(self.end.received) + len(data)
        # Simulated seconds: twice what the bytes take, and some for what must be said again.
        most_s = 2.0 + 2 * len(data) * self.board.byte_cycles / CLOCK_HZ
        self.run(lambda: len(self.end.received) >= count and not self.end.unacknowledged, most_s)
        received = bytes(self.end.received)
        self.end.received.clear()
        assert received == inverted(data)


SMALL_LINK = LinkConfig(clock_hz=CLOCK_HZ, baud=1_000_000, buffer_bytes=512, registered=True)
