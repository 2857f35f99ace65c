"""The torus with ECP5 cells in it computes what the torus without them does."""

import dataclasses
import re

import numpy as np
import pytest

from fpga.cell_models import cell_models
from fpga.families import ECP5
from golden import ClosShape
from golden.vectors.nets import random_net, random_words
from hw.config import TorusConfig
from hw.link_config import LinkConfig
from hw.tops import TOPS, board_verilog, top_verilog
from sim.model.emitted import emitted_torus
from sim.model.native import NativeModel
from sw_driver.compiler import compile
from tests.support.equality import perform

pytestmark = pytest.mark.usefixtures("toolchain")

WIDE = TorusConfig(rows=1, cols=2, act_bits=16, weight_bits=18, buffer_words=256,
                   weight_words=512, bias_words=32, max_fan_in=64)
DEEP = dataclasses.replace(WIDE, act_bits=9, weight_bits=9, weight_words=2048, buffer_words=128)
LANES = dataclasses.replace(WIDE, lanes_in=2, lanes_out=2)
PAIRS = dataclasses.replace(LANES, link_words=2)
NARROW_PAIRS = dataclasses.replace(DEEP, lanes_in=2, lanes_out=2, link_words=2)
NARROW_LANES = dataclasses.replace(DEEP, lanes_in=2, lanes_out=2)


@pytest.mark.parametrize("config, baked", [
    pytest.param(WIDE, False, id="18-bit lanes", marks=pytest.mark.slow),
    pytest.param(WIDE, True, id="18-bit lanes, baked", marks=pytest.mark.slow),
    pytest.param(DEEP, False, id="9-bit lanes", marks=pytest.mark.slow),
    pytest.param(DEEP, True, id="9-bit lanes, baked", marks=pytest.mark.slow),
    pytest.param(LANES, False, id="rows of two words"),
    pytest.param(NARROW_LANES, True, id="rows of four words, baked", marks=pytest.mark.slow),
    pytest.param(PAIRS, False, id="two words at once", marks=pytest.mark.slow),
    pytest.param(NARROW_PAIRS, False, id="two of four words at once", marks=pytest.mark.slow),
])
def test_same_words(config, baked):
    seed = 4
    net = random_net([ClosShape(13, 12, 4, 3, 3), ClosShape(12, 7, 4, 2, 3)], seed=seed,
                     act_bits=config.act_bits, weight_bits=config.weight_bits)
    executable = compile(net, config).executable
    images = executable.images
    contents = {"weights": images.weights, "biases": images.biases} if baked else {}
    verilog = emitted_torus(config, cells="ecp5", **contents)
    x = random_words(net, 6, seed=seed)
    # Accessible, so that Verilator sees the models as they are, with what it must not warn of.
    with NativeModel(f"{cell_models(ECP5)}{verilog}", TOPS["torus"],
                     accessible=("latch_b",)) as model:
        model.reset()
        if not baked:
            perform(model, executable.load())
        found = executable.decode(perform(model, executable.infer(x.numpy())))
    np.testing.assert_array_equal(found, net.forward_words(x).numpy())


def test_every_pe_has_its_cells():
    verilog = top_verilog("pe", WIDE, cells="ecp5")
    found = {cell: len(re.findall(rf"^  {cell} ", verilog, re.M))
             for cell in ("DP16KD", "MULT18X18D", "CCU2C")}
    # Two copies of two buffers, the weights, and the program, whose lines are 36 bits.
    assert found == {"DP16KD": 6, "MULT18X18D": 1, "CCU2C": -(-WIDE.acc_bits // 2)}


def test_generic_verilog_has_no_cells():
    assert not re.search(r"DP16KD|MULT18X18D|CCU2C", top_verilog("pe", WIDE))


def test_the_reset_of_a_board_has_a_clock_network_of_its_own():
    link = LinkConfig(clock_hz=25_000_000, registered=True)
    text = board_verilog(WIDE, link, cells="ecp5")
    assert len(re.findall(r"^  DCCA ", text, re.M)) == 1
    assert "ECP5_IS_GLOBAL" not in text  # The cell is then put where its input has no way in.
    assert "DCCA" not in board_verilog(WIDE, link)


def test_what_does_not_fit_a_cell_stays_generic():
    large = dataclasses.replace(WIDE, buffer_words=4096)
    # The weights and the program.
    assert len(re.findall(r"^  DP16KD ", top_verilog("pe", large, cells="ecp5"), re.M)) == 2


def test_unknown_cells():
    with pytest.raises(ValueError, match="cells must be one of generic, ecp5, not 'xilinx'"):
        top_verilog("pe", WIDE, cells="xilinx")


@pytest.mark.parametrize("config, memories", [
    # Of each buffer, the MAC's copy has rows of 36 bits; so have two memories of two weights each.
    (LANES, 4 + 2 + 1), (dataclasses.replace(LANES, weight_words=4096), 4 + 4 + 1),
    # Four weights of 9 bits are a row; rows of 18 bits hold two.
    (NARROW_LANES, 4 + 1 + 1), (dataclasses.replace(NARROW_LANES, weight_words=4096), 4 + 2 + 1),
])
def test_rows_of_words_share_a_cell(config, memories):
    verilog = top_verilog("pe", config, cells="ecp5")
    found = {cell: len(re.findall(rf"^  {cell} ", verilog, re.M))
             for cell in ("DP16KD", "MULT18X18D")}
    assert found == {"DP16KD": memories, "MULT18X18D": 4}
