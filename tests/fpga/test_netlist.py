"""What was synthesised computes what was verified: netlists against the golden model."""

import dataclasses
import json
import re
from random import Random

import numpy as np
import pytest

from fpga.designs import Design
from fpga.errors import FlowFailed
from fpga.families import ECP5, GW2A, ICE40, NEXUS
from fpga.memories import block_rams
from fpga.netlist import ALTERED, write_netlist
from fpga.report import check_blocks
from fpga.synthesis import synthesise
from fpga.yosys import run_yosys
from golden import ClosShape
from golden.vectors.nets import random_net, random_words
from hw.cells.block_ram import BlockRam
from hw.config import TorusConfig, TrainingConfig
from hw.emit import emit_verilog
from hw.presets import SMALLEST
from hw.tops import CELLS, TOPS, top_verilog
from sim.errors import SimError
from sim.model.native import NativeModel
from sw_driver.compiler import compile
from tests.support.equality import perform
from tests.support.training_runs import golden_run, random_job, rtl_run

TRAINING = TorusConfig(rows=1, cols=1, act_bits=8, weight_bits=8, host_bits=32, buffer_words=512,
                       max_fan_in=256, weight_words=4096, bias_words=128, program_words=4096,
                       rep_bits=12, training=TrainingConfig(master_bits=12, grad_bits=10,
                                                            reduce_words=8, result_words=64))
SHAPES = [ClosShape(9, 7, 3, 2, 2), ClosShape(7, 5, 2, 3, 2)]
ALTERED_LUTS = 32


def design(config):
    return Design("torus", TOPS["torus"], config)


class Job:
    """Samples of a random net on a torus, and what must come of them."""

    def __init__(self, config, seed):
        net = random_net(SHAPES, seed=seed, act_bits=config.act_bits,
                         weight_bits=config.weight_bits)
        x = random_words(net, 6, seed=seed)
        executable = compile(net, config).executable
        self.load, self.infer = executable.load(), executable.infer(x.numpy())
        self.images = executable.images
        self.decode = executable.decode
        self.expected = net.forward_words(x).numpy()
        assert len(np.unique(self.expected)) > 10, f"seed {seed}: outputs that say nothing"

    def agrees(self, model, *, loaded=False):
        """Whether a model gives all words, in time."""
        model.reset()
        try:
            if not loaded:
                perform(model, self.load)
            return np.array_equal(self.decode(perform(model, self.infer)), self.expected)
        except SimError:
            return False


@pytest.mark.slow
@pytest.mark.usefixtures("toolchain")
def test_an_ice40_netlist_agrees_until_a_lut_is_altered(tmp_path):
    seed = 1
    netlist = write_netlist(tmp_path, top_verilog("torus", SMALLEST), TOPS["torus"], ICE40)
    check_blocks(netlist.area, design(SMALLEST), ICE40)
    luts = netlist.luts()
    assert len(luts) == netlist.area.luts
    altered = Random(seed).sample(luts, ALTERED_LUTS)
    job = Job(SMALLEST, seed)
    with NativeModel(netlist.alterable(altered).simulable(), TOPS["torus"],
                     accessible=(ALTERED,)) as model:
        assert job.agrees(model)
        which = model.variable(TOPS["torus"], ALTERED)
        missed = []
        for bit, lut in enumerate(altered):
            which.flip(0, bit)
            if job.agrees(model):
                missed.append(lut)
            which.flip(0, bit)
        assert job.agrees(model)
    print(f"seed {seed}: {len(missed)} of {ALTERED_LUTS} altered LUTs change nothing: {missed}")
    # Some LUTs serve what this job does not do, such as reading weights back.
    assert len(missed) <= ALTERED_LUTS // 4


@pytest.mark.slow
@pytest.mark.usefixtures("toolchain")
@pytest.mark.parametrize("family, cells, link_words", [
    (ECP5, "ecp5", 1), (ICE40, "generic", 1), (ECP5, "ecp5", 2)],
    ids=["ecp5", "ice40", "ecp5, two words a link"])
def test_a_netlist_with_lanes_agrees(family, cells, link_words, tmp_path):
    """Rows of two words for two sums, loaded word by word or two by two."""
    config = dataclasses.replace(SMALLEST, lanes_in=2, lanes_out=2, weight_words=512,
                                 link_words=link_words)
    netlist = write_netlist(tmp_path, top_verilog("torus", config, cells=cells), TOPS["torus"],
                            family)
    check_blocks(netlist.area, design(config), family)
    altered = Random(3).sample(netlist.luts(), 1)
    with NativeModel(netlist.alterable(altered).simulable(), TOPS["torus"],
                     accessible=(ALTERED,)) as model:
        assert Job(config, seed=3).agrees(model)


@pytest.mark.slow
@pytest.mark.usefixtures("toolchain")
@pytest.mark.parametrize("cells", CELLS)
def test_an_ecp5_netlist_agrees(cells, tmp_path):
    """With weights in its memories from the start, and with weights that are loaded."""
    baked = cells == "ecp5"
    # Of less than 256 words Yosys makes LUT RAMs.
    fields = {"cols": 2} if baked else {"buffer_words": 256}
    config = dataclasses.replace(SMALLEST, **fields)
    job = Job(config, seed=2)
    images = {"weights": job.images.weights, "biases": job.images.biases} if baked else {}
    verilog = top_verilog("torus", config, cells=cells, **images)
    netlist = write_netlist(tmp_path, verilog, TOPS["torus"], ECP5)
    check_blocks(netlist.area, design(config))
    altered = Random(2).sample(netlist.luts(), ALTERED_LUTS)
    with NativeModel(netlist.alterable(altered).simulable(), TOPS["torus"],
                     accessible=(ALTERED,)) as model:
        assert job.agrees(model, loaded=baked)
        which = model.variable(TOPS["torus"], ALTERED)

        def noticed(bit):
            which.flip(0, bit)
            agrees = job.agrees(model, loaded=baked)
            which.flip(0, bit)
            return not agrees

        # One is enough: how many are is asked of the iCE40.
        assert any(map(noticed, range(ALTERED_LUTS))), f"none of {altered} is noticed"
        assert job.agrees(model, loaded=baked)


@pytest.mark.slow
@pytest.mark.usefixtures("toolchain")
@pytest.mark.parametrize("family", [GW2A, NEXUS], ids=lambda family: family.name)
def test_a_netlist_with_our_memories_agrees_until_a_lut_is_altered(family, tmp_path):
    """Block RAMs with words of 9, 18 and 36 bits, and a multiplier."""
    config = dataclasses.replace(SMALLEST, buffer_words=512, weight_words=2048)
    job = Job(config, seed=5)
    netlist = write_netlist(tmp_path, top_verilog("torus", config), TOPS["torus"], family)
    check_blocks(netlist.area, design(config), family)
    assert netlist.area.block_rams == block_rams(config, family) > 5
    assert netlist.area.multipliers == 1
    altered = Random(5).sample(netlist.luts(), ALTERED_LUTS)
    with NativeModel(netlist.alterable(altered).simulable(), TOPS["torus"],
                     accessible=(ALTERED,)) as model:
        assert job.agrees(model)
        which = model.variable(TOPS["torus"], ALTERED)
        missed = 0
        for bit in range(ALTERED_LUTS):
            which.flip(0, bit)
            missed += job.agrees(model)
            which.flip(0, bit)
        assert job.agrees(model)
    print(f"seed 5: {missed} of {ALTERED_LUTS} altered LUTs change nothing")
    assert missed <= ALTERED_LUTS // 2


@pytest.mark.slow
@pytest.mark.usefixtures("toolchain")
def test_folded_weights_are_logic_and_agree(tmp_path):
    job = Job(SMALLEST, seed=6)
    verilog = top_verilog("torus", SMALLEST, weights=job.images.weights, biases=job.images.biases,
                          folded=True)
    netlist = write_netlist(tmp_path, verilog, TOPS["torus"], ICE40)
    check_blocks(netlist.area, design(SMALLEST), ICE40, folded=True)
    memories = re.findall(r"^  \) \\(\S+)\.words\.\d+\.\d+  \($", netlist.verilog, re.M)
    assert "torus.pe_0_0.router.row.for_mac" in memories
    assert not any(".mac." in name for name in memories)
    with NativeModel(netlist.alterable([]).simulable(), TOPS["torus"],
                     accessible=(ALTERED,)) as model:
        # Nothing is loaded, and loading other weights changes nothing.
        assert job.agrees(model, loaded=True)
        perform(model, Job(SMALLEST, seed=5).load)
        assert job.agrees(model, loaded=True)


@pytest.mark.slow
@pytest.mark.usefixtures("toolchain")
def test_a_training_netlist_agrees(tmp_path):
    seed = 3
    job = random_job(TRAINING, seed, 0)
    golden = golden_run(job)
    netlist = write_netlist(tmp_path, top_verilog("torus", TRAINING, cells="ecp5"), TOPS["torus"],
                            ECP5)
    check_blocks(netlist.area, design(TRAINING))
    with NativeModel(netlist.alterable([]).simulable(), TOPS["torus"],
                     accessible=(ALTERED,)) as model:
        model.reset()
        assert not rtl_run(model, job).differences(golden), f"{job}, seed {seed}"


@pytest.mark.slow
@pytest.mark.parametrize("family, without", [(ECP5, "-nodsp"), (ECP5, "-nobram"), (ICE40, "")])
def test_a_netlist_without_blocks_is_refused(family, without, tmp_path):
    pe = Design("pe", TOPS["pe"], SMALLEST)
    # iCE40 multipliers are an option of their own.
    command = f"{family.command.removesuffix(' -dsp') if not without else family.command} {without}"
    area = synthesise(tmp_path, pe.verilog(), pe.top, dataclasses.replace(family, command=command))
    with pytest.raises(FlowFailed, match="optimised away"):
        check_blocks(area, pe, family)


@pytest.mark.parametrize("width, depth", [
    (36, 512), pytest.param(18, 1024, marks=pytest.mark.slow),
    pytest.param(9, 2048, marks=pytest.mark.slow)])
def test_contents_of_a_memory_lie_as_yosys_lays_them(width, depth, tmp_path):
    """The cell that `hw.cells.ecp5` instantiates, and the one that Yosys infers, for the same
    words.
    """
    random = Random(width)
    ram = BlockRam(width, depth, [random.getrandbits(width) for _ in range(depth)])
    contents = []
    for cells in CELLS:
        # Yosys takes a wider cell for half the words, so it is told which to take.
        run_yosys(tmp_path, emit_verilog(ram, "ram", CELLS[cells]),
                  "read_verilog -lib +/ecp5/cells_bb.v; hierarchy -top ram; proc; flatten; opt; "
                  "memory -nomap; memory_libmap -lib +/lattice/brams_16kd.txt; "
                  "techmap -map +/lattice/brams_map_16kd.v; write_json ram.json")
        modules = json.loads((tmp_path / "ram.json").read_text())["modules"]
        cell, = (cell for cell in modules["ram"]["cells"].values() if cell["type"] == "DP16KD")
        contents.append({name: int(value, 2) for name, value in cell["parameters"].items()
                         if name.startswith("INITVAL_")})
    assert contents[0] == contents[1]
    assert len(set(contents[0].values())) == 64


@pytest.mark.slow
def test_an_unknown_lut_is_refused(tmp_path):
    netlist = write_netlist(tmp_path, "module m(input clk, input a, b, output o);\n"
                            "assign o = a & b; endmodule", "m", ICE40)
    assert len(netlist.luts()) == 1
    with pytest.raises(FlowFailed, match="m has no LUT other"):
        netlist.alterable(["other"])
