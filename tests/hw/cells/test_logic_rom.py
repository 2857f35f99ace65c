"""`LogicRom`: attributes of the synthesisers, and no block RAM in the one that is here."""

import re

import pytest

from fpga.yosys import run_yosys
from hw.cells.logic_rom import LogicRom
from hw.emit import emit_verilog

WORDS = [(17 * word + word // 7) % 65536 for word in range(1024)]


def test_every_synthesiser_is_told_by_its_own_name():
    verilog = emit_verilog(LogicRom(16, WORDS[:4], 2), "rom")
    told = dict(re.findall(r'\(\* (\w+) = "(\w+)" \*\)', verilog))
    assert {"ram_style": "registers", "rom_style": "distributed",  # Vivado; Yosys the first.
            "ramstyle": "logic", "romstyle": "logic",              # Quartus.
            "syn_ramstyle": "registers", "syn_romstyle": "logic",  # Synplify, Lattice.
            }.items() <= told.items()


@pytest.mark.slow
@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("command, cell", [("synth_ecp5", "DP16KD"),
                                           ("synth_ice40", "SB_RAM40_4K")])
def test_it_is_no_block_ram(command, cell, told, tmp_path):
    """Though it would be one without the attributes."""
    verilog = emit_verilog(LogicRom(16, WORDS, 10), "rom")
    if not told:
        verilog = re.sub(r'^  \(\* \w+ = "\w+" \*\)\n', "", verilog, flags=re.M)
    run_yosys(tmp_path, verilog, f"{command} -top rom; tee -q -o cells.txt stat")
    assert (cell in (tmp_path / "cells.txt").read_text()) is not told
