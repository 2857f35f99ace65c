"""`RowRam`: a block memory that is read a row of words at a time, and written in smaller pieces."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .block_ram import BlockRam

__all__ = ["RowRam", "row_ram"]


class RowRam(wiring.Component):
    """A `BlockRam` whose read port is `words` words wide.

    A row is on `read_data` two cycles after its address. A read of a row of which a word is written
    in the same cycle gives the old word or the new one: never rely on it.

    A platform with `get_row_ram(ram)` may put a vendor's cell in its place (`hw.cells.ecp5`); else
    it is a `BlockRam` for each word of a row.

    Parameters
    ----------
    width, words, rows : int
        Bits of a word, words of a row, a power of two, and rows.
    init : list of int
        Unsigned words after configuration, from the first word of row 0 up; the rest is zero.
    stored : int
        Words that a write may store at once, side by side: a divisor of `words`.

    Members
    -------
    write_en, write_addr, write_data : In(stored), In, In(width * stored)
        As in a `BlockRam`, with an enable for each word, the first one lowest. The address counts
        pieces of `stored` words: the piece of row r that begins with its word w is at
        `(r * words + w) / stored`.
    read_en, read_addr : In
        As in a `BlockRam`; the address counts rows.
    out_en : In(1)
        As in a `BlockRam`.
    read_data : Out(width * words)
        The row, its first word lowest. A register.
    """

    def __init__(self, width, words, rows, init=(), stored=1):
        self.width = width
        self.words = words
        self.rows = rows
        self.init = list(init)
        self.stored = stored
        addr_bits = (rows - 1).bit_length()
        self.piece_bits = (words // stored - 1).bit_length()
        super().__init__({
            "write_en": In(stored), "write_addr": In(addr_bits + self.piece_bits),
            "write_data": In(width * stored),
            "read_en": In(1), "read_addr": In(addr_bits),
            "out_en": In(1), "read_data": Out(width * words),
        })

    def elaborate(self, platform):
        if hasattr(platform, "get_row_ram"):
            cells = platform.get_row_ram(self)
            if cells is not None:
                return cells
        m = Module()
        for word in range(self.words):
            ram = BlockRam(self.width, self.rows, init=self.init[word::self.words])
            m.submodules[f"word_{word}"] = ram
            m.d.comb += [
                ram.write_en.eq(self.writes(word)),
                ram.write_addr.eq(self.write_addr[self.piece_bits:]),
                ram.write_data.eq(self.write_data.word_select(word % self.stored, self.width)),
                ram.read_en.eq(self.read_en),
                ram.read_addr.eq(self.read_addr),
                ram.out_en.eq(self.out_en),
                self.read_data.word_select(word, self.width).eq(ram.read_data),
            ]
        return m

    def writes(self, word):
        """Whether a word of the row that is addressed is written."""
        piece, place = divmod(word, self.stored)
        return self.write_en[place] & (self.write_addr[:self.piece_bits] == piece)


def row_ram(width, words, rows, init=(), stored=1):
    """Return the memory of rows of `words` words: a `BlockRam` where these are single ones."""
    if words == 1:
        return BlockRam(width, rows, init=init)
    return RowRam(width, words, rows, init=init, stored=stored)
