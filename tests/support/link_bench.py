"""A host link whose beats come back inverted, and a host's end on it: all in simulated time."""

from hw.link_config import LinkConfig
from sim.load.loop import HARDWARE_ID, WORD_BITS, loop_verilog
from sim.model.board import BoardModel
from sim.model.fifo_board import FifoBoardModel
from sim.model.wire import Damage, Wire
from sw_driver.serial.figures import LinkFigures
from sw_driver.serial.host_end import HostEnd

__all__ = ["CLOCK_HZ", "HARDWARE_ID", "POLL_S", "SMALL_LINK", "WORD_BITS", "Host", "inverted",
           "loop_model"]

POLL_S = 0.008
CLOCK_HZ = 4_000_000


def loop_model(link, host_bits=64):
    verilog = loop_verilog(link, host_bits)
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
