"""Block RAMs of a torus: as many as synthesis found in every design that the model is fitted to."""

import dataclasses

import pytest

from fpga.calibration import read_measured
from fpga.families import ECP5, FAMILIES, GW2A, GW5A, ICE40, NEXUS
from fpga.memories import block_rams, engine_rams, gateway_rams, memory_cells, memory_rams
from fpga.resources import estimate
from fpga.tools import read_json
from fpga.yosys import run_yosys
from hw.cells.block_ram import BlockRam
from hw.emit import emit_verilog
from hw.presets import BOARD_LARGE, BOARD_SMALL

MEASURED = [pytest.param(family, one, id=f"{family.name}-{one.design.name}")
            for family in FAMILIES.values() for one in read_measured(family)]


@pytest.mark.parametrize("family, one", MEASURED)
def test_block_rams_and_multipliers_are_those_of_the_netlist(family, one):
    config, found = one.design.config, 0
    if one.design.kind == "torus":
        found = block_rams(config, family)
        assert estimate(config, family).multipliers == one.area.multipliers
    else:
        alone = dataclasses.replace(config, rows=1, cols=1)
        found = block_rams(alone, family) - gateway_rams(alone, family)
    assert found == one.area.block_rams


@pytest.mark.parametrize("lanes_in, lanes_out, rams", [
    (1, 1, 6), (2, 1, 6), (1, 2, 6), (2, 2, 7), (2, 4, 9), (2, 8, 13)])
def test_an_element_by_hand(lanes_in, lanes_out, rams):
    """4 buffers, a program, and rows of weights: two words of 18 bits for each block RAM."""
    config = dataclasses.replace(BOARD_LARGE, lanes_in=lanes_in, lanes_out=lanes_out)
    assert engine_rams(config, ECP5) + memory_rams(config, ECP5) == rams
    if lanes_in == 2:  # Both copies of a buffer are then rows of two words, in as many block RAMs.
        paired = dataclasses.replace(config, link_words=2)
        assert engine_rams(paired, ECP5) + memory_rams(paired, ECP5) == rams


@pytest.mark.parametrize("family, bits, words, lut_rams", [
    # At the border of what Yosys makes of `BlockRam`, by its own output.
    (GW2A, 9, 128, True), (NEXUS, 9, 128, False), (GW2A, 8, 256, False), (NEXUS, 8, 128, True),
    (GW2A, 18, 64, True), (GW2A, 24, 64, False), (NEXUS, 40, 64, True), (GW2A, 40, 128, False),
    (GW5A, 8, 16, True), (GW5A, 9, 16, False)])
def test_small_memories_are_no_block_rams(family, bits, words, lut_rams, tmp_path):
    assert (memory_cells(bits, words, family) == 0) == lut_rams
    options = {GW2A: "-lib +/gowin/lutrams.txt -lib +/gowin/brams.txt -D gw2a",
               GW5A: "-lib +/gowin/brams.txt -D gw5a",
               NEXUS: "-lib +/lattice/lutrams_nexus.txt -lib +/lattice/brams_nexus.txt"}[family]
    run_yosys(tmp_path, emit_verilog(BlockRam(bits, words), "ram"),
              f"proc; opt; memory -nomap; memory_libmap {options}; tee -q -o cells.json stat -json")
    cells = read_json(tmp_path / "cells.json")["modules"]["\\ram"]["num_cells_by_type"]
    assert memory_cells(bits, words, family) == sum(
        number for kind, number in cells.items() if kind.endswith(("DP_", "PDP16K_")))


@pytest.mark.parametrize("bits, words, rams", [
    (1, 4096, 1), (3, 4096, 3), (9, 4096, 9), (3, 8192, 6), (9, 1024, 3), (17, 256, 2)])
def test_odd_widths_of_deep_memories_of_an_ice40(bits, words, rams, tmp_path):
    """Of memories deeper than any of its block RAMs Yosys writes single bits."""
    run_yosys(tmp_path, emit_verilog(BlockRam(bits, words), "ram"),
              "proc; opt; memory -nomap; memory_libmap -lib +/ice40/brams.txt; "
              "tee -q -o cells.json stat -json")
    cells = read_json(tmp_path / "cells.json")["modules"]["\\ram"]["num_cells_by_type"]
    found = sum(number for kind, number in cells.items() if "RAM4K" in kind)
    assert memory_cells(bits, words, ICE40) == found == rams


@pytest.mark.parametrize("lanes_out", [1, 2])
def test_biases_are_in_block_rams_of_an_ice40_alone(lanes_out):
    small, large = (dataclasses.replace(BOARD_SMALL, rows=1, cols=1, lanes_out=lanes_out,
                                        bias_words=words) for words in (256, 512))
    # 22 bits of 256 biases take two, of 16 bits each; those of 512 take three, of 8 bits.
    assert block_rams(large, ICE40) - block_rams(small, ICE40) == 1
    assert block_rams(large, ECP5) == block_rams(small, ECP5)
