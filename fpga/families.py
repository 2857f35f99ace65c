"""FPGA families: how Yosys maps to their cells, what these take, and which programs follow.

All that the flow must know of a family is here; `fpga.boards` has its parts.
"""

import dataclasses

__all__ = ["ECP5", "FAMILIES", "GW1N", "GW2A", "GW5A", "ICE40", "NEXUS", "Family", "Flow", "Lut",
           "MemoryCost"]


@dataclasses.dataclass(frozen=True)
class Lut:
    """The LUT of four inputs of a family.

    Parameters
    ----------
    cell, table
        Its name, and that of the parameter with its truth table.
    output, inputs
        Names of its pins; the first input is the lowest bit of the table's address.
    is_text
        The parameter is text, such as 0x8000.
    """

    cell: str
    table: str
    output: str
    inputs: tuple[str, ...]
    is_text: bool = False


@dataclasses.dataclass(frozen=True)
class MemoryCost:
    """What Yosys weighs where it chooses what a memory becomes (`memory_libmap`).

    Parameters
    ----------
    block_ram, lut_ram
        Of one cell; without LUT RAMs a small memory becomes registers, and a bit costs 1.
    by_bits
        A LUT RAM of which a word uses fewer bits costs less.
    """

    block_ram: int
    lut_ram: int | None
    by_bits: bool = False


@dataclasses.dataclass(frozen=True)
class Flow:
    """Programs that place, route and pack, and the names of their files.

    Parameters
    ----------
    router, packer
        Names of the programs.
    constraints, bitstream
        Names of the files; the ending of the first one says which form it has.
    route, pack
        Options of the two programs beside those that all share and those of the board. `{placed}`
        stands for what goes from the one to the other.
    """

    router: str
    packer: str
    constraints: str
    bitstream: str
    route: tuple[str, ...]
    pack: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Family:
    """An FPGA family, as Yosys and nextpnr know it.

    Parameters
    ----------
    name
        For messages, and in the names of files.
    command
        Yosys's synthesis command with its options.
    luts, carries, flip_flops, multipliers, block_rams, lut_rams
        The names of its cells of each kind; a name ending in `*` stands for all that begin so.
        Where there are no multipliers, products are LUTs.
    carry_sites, lut_ram_sites
        LUTs of the part that one such cell takes.
    dsp_bits, least_product_bits
        Bits of the operands of a multiplier; products of fewer bits are LUTs.
    ram_shapes
        Of a block RAM, one for each width of its ports: bits of a word, and words.
    ram_bytes
        Of a block RAM with words of a byte.
    lut
        Its LUT of four inputs.
    models
        Files of Yosys with models of its cells.
    flow
        What follows synthesis.
    filled
        The part of the LUTs that placers fill without giving up.
    cells
        Among `hw.tops.CELLS`: what its builds are made of.
    large
        Its parts hold tori with words of 16 bits (`hw.presets.BOARD_LARGE`).
    memory_cost
        By which Yosys makes LUT RAMs or registers of memories that could be block RAMs; None where
        each lies in block RAM.
    """

    name: str
    command: str
    luts: tuple[str, ...]
    carries: tuple[str, ...]
    flip_flops: tuple[str, ...]
    multipliers: tuple[str, ...]
    block_rams: tuple[str, ...]
    lut_rams: tuple[str, ...]
    carry_sites: int
    lut_ram_sites: int
    dsp_bits: int
    least_product_bits: int
    ram_shapes: tuple[tuple[int, int], ...]
    ram_bytes: int
    lut: Lut
    models: tuple[str, ...]
    flow: Flow
    filled: float
    cells: str = "generic"
    large: bool = True
    memory_cost: MemoryCost | None = None


_18_KBIT = ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))
# Yosys's wide multiplexers double or triple the LUTs of muxes that are wide: -nowidelut. Of the
# scripts that it has for abc9, flow2 maps a torus to fewer LUTs, in fewer levels, than its own. A
# carry cell has two bits.
ECP5 = Family(
    "ecp5", "scratchpad -copy abc9.script.flow2 abc9.script; synth_ecp5 -nowidelut",
    luts=("LUT4",), carries=("CCU2C",), flip_flops=("TRELLIS_FF",), multipliers=("MULT18X18D",),
    block_rams=("DP16KD",), lut_rams=("TRELLIS_DPR16X4",), carry_sites=2, lut_ram_sites=4,
    dsp_bits=18, least_product_bits=0, ram_shapes=_18_KBIT, ram_bytes=2048,
    lut=Lut("LUT4", "INIT", "Z", ("A", "B", "C", "D")),
    models=("ecp5/common_sim.vh", "ecp5/ccu2c_sim.vh"),
    flow=Flow("nextpnr-ecp5", "ecppack", "constraints.lpf", "bitstream.bit",
              ("--lpf", "constraints.lpf", "--textcfg", "{placed}"),
              ("--compress", "{placed}", "bitstream.bit")),
    filled=0.95, cells="ecp5")
# A carry stands beside its LUT. Of a product with fewer bits Yosys makes LUTs: `DSP_Y_MINWIDTH` of
# its `synth_ice40`.
ICE40 = Family(
    "ice40", "synth_ice40 -dsp", luts=("SB_LUT4",), carries=("SB_CARRY",), flip_flops=("SB_DFF*",),
    multipliers=("SB_MAC16",), block_rams=("SB_RAM40_4K*",), lut_rams=(), carry_sites=0,
    lut_ram_sites=0, dsp_bits=16, least_product_bits=11,
    # The last shape is Yosys's own, made of the mask for the bits that are written.
    ram_shapes=((16, 256), (8, 512), (4, 1024), (2, 2048), (1, 4096)), ram_bytes=512,
    lut=Lut("SB_LUT4", "LUT_INIT", "O", ("I0", "I1", "I2", "I3")), models=("ice40/cells_sim.v",),
    flow=Flow("nextpnr-ice40", "icepack", "constraints.pcf", "bitstream.bin",
              ("--pcf", "constraints.pcf", "--asc", "{placed}"), ("{placed}", "bitstream.bin")),
    filled=0.97, large=False)


# A carry cell (ALU) takes the place of a LUT, and a LUT RAM those of a whole logic block, eight.
_GOWIN = Family(
    "", "", luts=("LUT1", "LUT2", "LUT3", "LUT4"), carries=("ALU",), flip_flops=("DFF*",),
    multipliers=("MULT9X9", "MULT18X18"),
    block_rams=("SDPB", "SDPX9B", "DPB", "DPX9B", "SPX9", "SP"), lut_rams=("RAM16SDP*",),
    carry_sites=1, lut_ram_sites=8, dsp_bits=18, least_product_bits=0, ram_shapes=_18_KBIT,
    ram_bytes=2048, lut=Lut("LUT4", "INIT", "F", ("I0", "I1", "I2", "I3")),
    models=("gowin/cells_sim.v",),
    flow=Flow("nextpnr-himbaechel-gowin", "gowin_pack", "constraints.cst", "bitstream.fs",
              ("--vopt", "cst=constraints.cst", "--write", "{placed}"),
              ("-o", "bitstream.fs", "{placed}")),
    filled=0.85, memory_cost=MemoryCost(128, 4, by_bits=True))
GW1N = dataclasses.replace(_GOWIN, name="gw1n", command="synth_gowin -family gw1n -nowidelut",
                           large=False)
GW2A = dataclasses.replace(_GOWIN, name="gw2a", command="synth_gowin -family gw2a -nowidelut")
# Yosys maps no multiplier of it, and nextpnr places no LUT RAM.
GW5A = dataclasses.replace(
    _GOWIN, name="gw5a", command="synth_gowin -family gw5a -nolutram -nowidelut", multipliers=(),
    lut_rams=(), lut_ram_sites=0, memory_cost=MemoryCost(128, None))
# Carry chains begin with a constant, which nextpnr 0.11 cannot place: -noccu2.
NEXUS = Family(
    "nexus", "synth_nexus -noccu2 -nowidelut", luts=("LUT4", "INV"), carries=(),
    flip_flops=("FD1P3*",), multipliers=("MULT9X9", "MULT18X18"),
    block_rams=("PDPSC16K*", "PDP16K*", "DP16K*"), lut_rams=("DPR16X4",), carry_sites=0,
    lut_ram_sites=4, dsp_bits=18, least_product_bits=0, ram_shapes=_18_KBIT, ram_bytes=2048,
    lut=Lut("LUT4", "INIT", "Z", ("A", "B", "C", "D"), is_text=True),
    models=("nexus/cells_sim.v",),
    flow=Flow("nextpnr-nexus", "prjoxide", "constraints.pdc", "bitstream.bit",
              ("--pdc", "constraints.pdc", "--fasm", "{placed}", "--router", "router1"),
              ("pack", "{placed}", "bitstream.bit")),
    filled=0.85, memory_cost=MemoryCost(128, 4))
FAMILIES = {family.name: family for family in (ECP5, ICE40, GW1N, GW2A, GW5A, NEXUS)}
