"""Lattice ECP5 cells that are faster or smaller than what a synthesiser infers.

Give `ECP5` as the platform when Verilog is made (`hw.tops.top_verilog(..., cells="ecp5")`). Each
cell behaves as the component that asks for it; docs/benchmarks.md shows what it brings.
"""

from amaranth import *

__all__ = ["ECP5"]

# Most bits of a word and most words of a DP16KD, which holds 18 Kbit, and the address bits that it
# leaves unused, in the order of preference. A word of 36 bits takes the data pins of both ports.
_RAM_LANES = ((18, 1024, 4), (9, 2048, 3), (36, 512, 5))
_RAM_ADDR_BITS = 14
_INIT_ROWS = 64
_INIT_ROW_CHUNKS, _CHUNK_BITS, _PADDED_CHUNK_BITS = 16, 18, 20
_BYTE_BITS = 9
_WORD_BITS = 18  # Width of a memory port, and of an operand of the multiplier.

# Truth tables of a carry cell, as INIT0 and INIT1. S = LUT4(A, B, C, D) ^ carry in, and the carry
# out is LUT2(A, B), the first four entries, where the LUT4 is 0. Here D chooses what is added to A:
# B where it is 1, C where it is 0. With C = D = 0 that leaves A, which is also the right carry.
_ADD_CHOSEN = 0x665A


class ECP5:
    """A platform with a cell for each block that asks for one: see the methods.

    `get_block_ram`, `get_row_ram` and `get_multiplier` return None where the cell is too small, and
    the block then stays as it is written.
    """

    # LUT RAM with registers: a block RAM has 512 words and more, and they run out first.
    small_memory_attributes = {"ram_style": "distributed"}

    def get_block_ram(self, ram):
        """A DP16KD with its output registers in use: 1 instead of 5.8 ns from clock to word.

        Wider words than a cell has lie in several of them.
        """
        fitting = (lane for lane in _RAM_LANES if ram.width <= lane[0] and ram.depth <= lane[1])
        widest = max(_RAM_LANES)
        lane = next(fitting, widest if ram.depth <= widest[1] else None)
        if lane is None:
            return None
        m = Module()
        lane_bits, _, _ = lane
        bytes_en = [ram.write_en] * (lane_bits // _BYTE_BITS if lane_bits >= _WORD_BITS else 0)
        for index, low in enumerate(range(0, ram.width, lane_bits)):
            width = min(lane_bits, ram.width - low)
            contents = [(word >> low) & ((1 << width) - 1) for word in ram.init]
            word = _memory_cell(
                m, f"cell_{index}" if index else "cell", ram, lane, ram.write_addr,
                ram.write_data[low:low + width], bytes_en, _init_values(contents, lane_bits))
            m.d.comb += ram.read_data[low:low + width].eq(word)
        return m

    def get_row_ram(self, ram):
        """A DP16KD of rows of 18 or 36 bits, of which words are written by their bytes."""
        share = _BYTE_BITS if ram.width <= _BYTE_BITS else _WORD_BITS
        fitting = (lane for lane in _RAM_LANES
                   if lane[0] == share * ram.words and ram.rows <= lane[1])
        lane = next(fitting, None)
        if lane is None or ram.width > share:
            return None
        m = Module()
        enables = [ram.writes(word)
                   for word in range(ram.words) for _ in range(share // _BYTE_BITS)]
        piece = Cat(
            Cat(ram.write_data.word_select(place, ram.width), Const(0, share - ram.width))
            for place in range(ram.stored))
        row = _memory_cell(
            m, "cell", ram, lane, ram.write_addr[ram.piece_bits:],
            piece.replicate(ram.words // ram.stored), enables, _init_values(ram.init, share))
        m.d.comb += ram.read_data.eq(
            Cat(row[at:at + ram.width] for at in range(0, lane[0], share)))
        return m

    def get_multiplier(self, multiplier):
        """A MULT18X18D with its input and output registers in use."""
        if max(multiplier.a_bits, multiplier.b_bits) > _WORD_BITS:
            return None
        m = Module()
        ports = {}
        for name, operand in (("A", multiplier.a), ("B", multiplier.b)):
            for bit in range(_WORD_BITS):
                ports[f"i_{name}{bit}"] = operand[min(bit, len(operand) - 1)]
            ports[f"p_REG_INPUT{name}_CLK"] = "CLK0"
            ports[f"i_SIGNED{name}"] = Const(1)
            ports[f"i_SOURCE{name}"] = Const(0)
        product = Signal(2 * _WORD_BITS)
        ports |= {f"o_P{bit}": product[bit] for bit in range(2 * _WORD_BITS)}
        m.d.comb += multiplier.product.eq(product)
        m.submodules.cell = Instance(
            "MULT18X18D", p_REG_OUTPUT_CLK="CLK0", p_GSR="DISABLED",
            i_CLK0=ClockSignal(), i_CE0=Const(1), i_RST0=Const(0), **ports)
        return m

    def get_reset_driver(self, driver):
        """A DCCA, which drives a clock network that reaches all registers.

        nextpnr's router takes much longer without it. Its net must not be marked as a global one
        (ECP5_IS_GLOBAL): nextpnr would put the cell where its input may have no way in.
        """
        m = Module()
        m.submodules.cell = Instance("DCCA", i_CLKI=driver.i, i_CE=Const(1), o_CLKO=driver.o)
        return m

    def get_accumulator(self, accumulator):
        """A chain of CCU2Cs that choose and add at once, which saves a LUT for each bit."""
        m = Module()
        bits = accumulator.bits
        term = accumulator.term.as_signed()
        start = accumulator.start.as_signed()
        even_bits = bits + bits % 2
        total = Signal(even_bits)
        carry = Signal(even_bits // 2 + 1)

        def bit_of(value, bit):
            return value[min(bit, len(value) - 1)]

        for pair in range(even_bits // 2):
            ports = {}
            for half in range(2):
                bit = 2 * pair + half
                ports |= {
                    f"p_INIT{half}": Const(_ADD_CHOSEN, 16), f"p_INJECT1_{half}": "NO",
                    f"i_A{half}": bit_of(term, bit), f"i_B{half}": bit_of(accumulator.sum, bit),
                    f"i_C{half}": bit_of(start, bit), f"i_D{half}": ~accumulator.first,
                    f"o_S{half}": total[bit],
                }
            m.submodules[f"carry_{pair}"] = Instance(
                "CCU2C", i_CIN=carry[pair], o_COUT=carry[pair + 1], **ports)
        with m.If(accumulator.en):
            m.d.sync += accumulator.sum.eq(total)
        return m


def _memory_cell(m, name, ram, lane, write_addr, write_data, bytes_en, init):
    """Add a DP16KD with an output register, written through port A and read through port B.

    `bytes_en` has the enable of each byte of a written word, where the cell has such. Returns the
    word that is read, of as many bits as the ports have.
    """
    lane_bits, _, low_addr_bits = lane
    wide = lane_bits > _WORD_BITS
    ports = {}
    for port, addr in (("A", write_addr), ("B", ram.read_addr)):
        for bit in range(_RAM_ADDR_BITS):
            place = bit - low_addr_bits
            ports[f"i_AD{port}{bit}"] = addr[place] if 0 <= place < len(addr) else Const(0)
        for bit in range(_WORD_BITS):
            place = bit + _WORD_BITS if port == "B" else bit
            ports[f"i_DI{port}{bit}"] = (
                write_data[place] if place < len(write_data) else Const(0))
        for bit in range(3):
            ports[f"i_CS{port}{bit}"] = Const(0)
    for byte, enable in enumerate(bytes_en):
        # The low address bits of a write port of many bytes enable them.
        ports[f"i_ADA{byte}"] = enable
    # A wide word comes out of the pins of both ports, its low half out of A's.
    words = {port: Signal(_WORD_BITS, name=f"{name}_{port.lower()}") for port in "AB"}
    for port, word in words.items():
        ports |= {f"o_DO{port}{bit}": word[bit] for bit in range(_WORD_BITS)}
    write_mode = "NORMAL" if wide else "READBEFOREWRITE"
    m.submodules[name] = Instance(
        "DP16KD",
        p_DATA_WIDTH_A=lane_bits, p_DATA_WIDTH_B=lane_bits,
        p_REGMODE_A="OUTREG" if wide else "NOREG", p_REGMODE_B="OUTREG",
        p_WRITEMODE_A=write_mode, p_WRITEMODE_B=write_mode,
        p_RESETMODE="SYNC", p_GSR="DISABLED",
        i_CLKA=ClockSignal(), i_CLKB=ClockSignal(),
        i_CEA=Const(1), i_OCEA=ram.out_en if wide else Const(1),
        i_WEA=_any(ram.write_en), i_RSTA=Const(0), i_CEB=ram.read_en, i_OCEB=ram.out_en,
        i_WEB=Const(0), i_RSTB=Const(0),
        **ports, **init)
    return Cat(words.values()) if wide else words["B"]


def _any(enables):
    return enables if len(enables) == 1 else enables.any()


def _init_values(words, lane_bits):
    """Contents of a DP16KD: rows of 16 chunks of 18 bits, each padded to 20."""
    bits = sum(word << (lane_bits * index) for index, word in enumerate(words))
    values = {}
    for row in range(_INIT_ROWS):
        value = 0
        for chunk in range(_INIT_ROW_CHUNKS):
            place = (row * _INIT_ROW_CHUNKS + chunk) * _CHUNK_BITS
            part = (bits >> place) & ((1 << _CHUNK_BITS) - 1)
            value |= part << (chunk * _PADDED_CHUNK_BITS)
        values[f"p_INITVAL_{row:02X}"] = Const(value, _INIT_ROW_CHUNKS * _PADDED_CHUNK_BITS)
    return values
