"""A model of an FT2232H in synchronous FIFO mode, by its data sheet, which checks its pins.

Before each rising edge of CLKOUT the pins are what they are at the edge. The rules that are checked
are those of the data sheet's timing diagram: OE# is low a cycle before RD# and while RD# is; what
is written is driven, and not while the chip drives; WR# does not stay low once TXE# was seen high.
"""

from random import Random


class Ft245Chip:
    """The chip and its host: bytes to the FPGA, and the bytes that it gives.

    Parameters
    ----------
    to_fpga
        Bytes that the host sends.
    pauses
        How often RXF# or TXE# rise for some cycles, where they might be low.
    seed
        Of the pauses.
    """

    def __init__(self, to_fpga=b"", pauses=0.0, seed=0):
        self.to_fpga = bytearray(to_fpga)
        self.from_fpga = bytearray()
        self.flushes = self.cycles = self.busy_cycles = self.moved_at = 0
        self._pauses, self._random = pauses, Random(seed)
        self._rx_pause = self._tx_pause = 0
        self._before = {"oe_n": 1, "rd_n": 1, "wr_n": 1, "data_oe": 0, "siwu_n": 1}
        self._txe_before = 1
        self.rxf_n = self.txe_n = 1
        self.data = 0

    def edge(self, oe_n, rd_n, wr_n, data_oe, data_o, siwu_n):
        """A rising edge of CLKOUT with these outputs of the FPGA; it sets the inputs after it."""
        before = self._before
        assert rd_n or (not oe_n and not before["oe_n"]), "RD# is low without OE# a cycle before"
        assert not (data_oe and not oe_n), "both ends drive the data pins"
        assert not (data_oe and not before["oe_n"]) and not (before["data_oe"] and not oe_n), \
            "the data pins change hands without a cycle between"
        assert wr_n or data_oe, "WR# is low and nothing drives the data pins"
        assert not (not wr_n and not before["wr_n"] and self._txe_before and self.txe_n), \
            "WR# stays low though TXE# is high"
        moved = False
        if not rd_n and not self.rxf_n:
            del self.to_fpga[0]
            moved = True
        if not wr_n and not self.txe_n:
            self.from_fpga.append(data_o)
            moved = True
        self.flushes += before["siwu_n"] and not siwu_n
        self.cycles += 1
        if moved:
            self.busy_cycles += 1
            self.moved_at = self.cycles
        self._before = {"oe_n": oe_n, "rd_n": rd_n, "wr_n": wr_n, "data_oe": data_oe,
                        "siwu_n": siwu_n}
        self._txe_before = self.txe_n
        self._rx_pause, self._tx_pause = self._paused(self._rx_pause), self._paused(self._tx_pause)
        self.rxf_n = int(self._rx_pause > 0 or not self.to_fpga)
        self.txe_n = int(self._tx_pause > 0)
        # The chip drives what is next while OE# is low; else the pins show what the FPGA drives.
        self.data = self.to_fpga[0] if not oe_n and not self.rxf_n else self._random.randrange(256)

    def _paused(self, left):
        if left:
            return left - 1
        return self._random.choice((1, 2, 3, 30)) if self._random.random() < self._pauses else 0
