"""`top_verilog`: complete, the same bytes each time, without a trace of the machine."""

import dataclasses
import re

import numpy as np
import pytest

from hw.config import TorusConfig, TrainingConfig
from hw.link_config import LinkConfig
from hw.tops import BOARD_MODULE, TOPS, TRAINING_TOPS, board_verilog, top_verilog
from tests.support.knobs import mostly_slow
from tests.support.verilog_text import memory_words

CONFIG = TorusConfig(rows=2, cols=3, weight_words=32, bias_words=4)
TRAINING = dataclasses.replace(CONFIG, training=TrainingConfig())


@pytest.mark.parametrize("top", mostly_slow(TOPS, (2, 4)))
def test_same_bytes_and_no_paths(top):
    config = TRAINING if top in TRAINING_TOPS else CONFIG
    verilog = top_verilog(top, config)
    assert verilog == top_verilog(top, config)
    assert not re.search(r"\.py\b|/(home|tmp|root|work|usr)/", verilog)
    assert f"module {TOPS[top]}(" in verilog


def test_every_pe_is_one_module():
    verilog = top_verilog("torus", CONFIG)
    assert verilog.count("module clostorus_pe(") == 1
    assert len(re.findall(r"^  clostorus_pe pe_\d_\d \(", verilog, re.M)) == 6


def test_baked_weights_stand_in_the_text():
    random = np.random.default_rng(5)
    weights = random.integers(-32768, 32768, (2, 3, 32))
    biases = random.integers(-1 << 30, 1 << 30, (2, 3, 4))
    verilog = top_verilog("torus", CONFIG, weights=weights, biases=biases)
    for row in range(2):
        for col in range(3):
            mac = f"clostorus.torus.pe_{row}_{col}.mac"
            for module, memory, images, bits in (
                    (f"{mac}.weight_memory", "words", weights, 16),
                    (mac, "bias_memory", biases, CONFIG.bias_bits)):
                assert memory_words(verilog, module, memory) == [
                    int(word) % (1 << bits) for word in images[row][col]]


@pytest.mark.parametrize("config", mostly_slow([CONFIG, TRAINING], (0,)), ids=["infers", "trains"])
def test_cells_of_a_vendor_stand_where_they_are_asked_for(config):
    asked, portable = top_verilog("pe", config, cells="ecp5"), top_verilog("pe", config)
    for cell in ("DP16KD", "MULT18X18D", "CCU2C"):
        assert f"  {cell} " in asked
        assert f"  {cell} " not in portable


@pytest.mark.slow
def test_folded_weights_are_never_written():
    config = dataclasses.replace(CONFIG, rows=1, cols=1)
    words = [[[3] * 32]], [[[-1] * 4]]
    memory = "clostorus.torus.pe_0_0.mac.weight_memory"
    for folded in (False, True):
        verilog = top_verilog("torus", config, weights=words[0], biases=words[1], folded=folded)
        module = verilog.split(f"module \\{memory} ")[1].split("endmodule")[0]
        assert bool(re.search(r"^ +words\[.*\] <= ", module, re.M)) != folded
        assert memory_words(verilog, memory, "words") == [3] * 32


@pytest.mark.parametrize("cells", mostly_slow(["generic", "ecp5"], ()))
def test_a_board_has_one_module_of_all_pes(cells):
    verilog = board_verilog(CONFIG, LinkConfig(clock_hz=25_000_000), cells=cells)
    assert verilog.count(f"module {BOARD_MODULE}(") == 1
    assert verilog.count("module clostorus_pe(") == 1


@pytest.mark.parametrize("arguments, message", [
    (("tours", CONFIG),
     "top must be one of torus, pe, .*, axi, wishbone, not 'tours'"),
    (("training-router", CONFIG), "training-router needs a configuration with training, not None"),
    (("torus", CONFIG, [[[1]]]), "weights and biases must be given together"),
    (("pe", CONFIG, [[[1]]], [[[1]]]), "weights can be baked into one of torus, axi, .*, not pe"),
])
def test_refuses(arguments, message):
    top, config, *images = arguments
    with pytest.raises(ValueError, match=message):
        top_verilog(top, config, **dict(zip(("weights", "biases"), images, strict=False)))
