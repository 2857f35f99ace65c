"""A hand-over in tools that are not ours: they read it without errors, and its words are golden."""

import functools
import importlib.util
import os
import re
import shutil
import subprocess

import numpy as np
import pytest

from fpga.yosys import run_yosys
from golden import ClosShape
from golden.vectors.nets import random_net
from hw.config import TorusConfig
from hw.tops import TOPS, baked_verilog, top_verilog
from sim.model.verilog_files import write_verilog_files
from sim.testbenches.host_lines import TESTBENCH, beats_of_lines, lines_of_beats
from sw_driver import GoldenDevice, compile

CONFIG = TorusConfig(rows=1, cols=2, host_bits=32, buffer_words=32, max_fan_in=32,
                     weight_words=64, bias_words=8, program_words=512)
KINDS = [{}, pytest.param({"folded": True}, marks=pytest.mark.slow),
         pytest.param({"cells": "ecp5"}, marks=pytest.mark.slow)]


@functools.cache
def compiled():
    return compile(random_net([ClosShape(9, 7, 3, 2, 2)], seed=1), CONFIG)


@functools.cache
def verilog(**options):
    images = compiled().executable.images
    return baked_verilog("torus", CONFIG, weights=images.weights, biases=images.biases, **options)


@pytest.fixture
def hand_over(tmp_path):
    """A function that writes the torus with the net's weights into a folder, which it returns."""
    def write(**options):
        write_verilog_files(tmp_path / "hand-over", *verilog(**options))
        return tmp_path / "hand-over"

    return write


def simulated(folder, *options):
    """Compile the sources of a folder and the testbench in Icarus."""
    models = ("-l", "models.v") if (folder / "models.v").exists() else ()
    done = subprocess.run(["iverilog", "-Wall", "-s", "host_stream", "-Phost_stream.HOST_BITS=32",
                           "-o", "bench.vvp", *options, *models, str(TESTBENCH), "-f", "files.f"],
                          cwd=folder, text=True, capture_output=True, check=True)
    assert not done.stdout + done.stderr


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("edition", ["2005", pytest.param("2012", marks=pytest.mark.slow)])
def test_icarus_computes_with_the_weights_of_the_files(
        kind, edition, hand_over, icarus):
    executable = compiled().executable
    folder = hand_over(**kind)
    simulated(folder, f"-g{edition}")
    x = np.random.default_rng(0).integers(-99, 99, (1, executable.in_features))
    run = executable.infer(x)
    (folder / "host.hex").write_text(lines_of_beats(run.beats))
    done = subprocess.run(["vvp", "-N", "bench.vvp", f"+out_beats={run.output_beats}"],
                          cwd=folder, text=True, capture_output=True, check=True)
    assert done.stdout.startswith("done"), done.stdout
    with GoldenDevice() as golden:
        golden.load(compiled())
        np.testing.assert_array_equal(
            executable.decode(beats_of_lines((folder / "back.hex").read_text(), 32)),
            golden.infer_words(x))


def test_a_simulation_without_its_files_ends(hand_over, icarus, tmp_path):
    folder = hand_over()
    simulated(folder, "-g2005")
    done = subprocess.run(["vvp", "-N", folder / "bench.vvp"], cwd=tmp_path, text=True,
                          capture_output=True, check=False)
    assert done.returncode == 1
    assert re.search(r"cannot read \./pe_0_\d\.mac\.\S+\.mem: run where it is, or set ",
                     done.stdout), done.stdout
    subprocess.run(["iverilog", "-g2005", "-s", "clostorus", "-o", "here.vvp",
                    f'-Pclostorus.MEMORY_FOLDER="{folder}/"', "-f", "files.f"],
                   cwd=folder, check=True)
    done = subprocess.run(["vvp", "-N", folder / "here.vvp"], cwd=tmp_path, text=True,
                          capture_output=True, check=True)
    assert not done.stdout


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_slang_has_no_error(kind, hand_over, monkeypatch):
    slang = pytest.importorskip("pyslang.driver", reason="pip install 'clostorus[dev]'")
    monkeypatch.chdir(hand_over(**kind))
    models = "-v models.v " if "cells" in kind else ""
    driver = slang.Driver()
    driver.addStandardArgs()
    assert driver.parseCommandLine(f"slang {models}-f files.f")
    assert driver.processOptions() and driver.parseAllSources()
    found = driver.createCompilation().getAllDiagnostics()
    assert not [str(one.code) for one in found if one.isError()]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_yosys_has_no_error(kind, hand_over):
    folder = hand_over(**kind)
    cells = "read_verilog -lib +/ecp5/cells_sim.v +/ecp5/cells_bb.v; " if "cells" in kind else ""
    said = run_yosys(folder, "", f"{cells}read_verilog clostorus_pe.v clostorus.v; "
                                 "hierarchy -check -top clostorus; proc; check -assert")
    assert "Warning" not in said


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_distributions_yosys_has_no_word_to_say(kind, hand_over):
    """Whichever is on PATH, such as Debian's of 2022, which is older than the one of the wheel."""
    assert said_by_yosys(hand_over(**kind), "clostorus_pe.v clostorus.v", "clostorus",
                         cells="cells" in kind) == ""


@pytest.mark.slow
@pytest.mark.parametrize("top", ["axi", "wishbone"])
def test_a_distributions_yosys_has_no_word_to_say_of_a_bus(top, tmp_path):
    (tmp_path / "bus.v").write_text(top_verilog(top, CONFIG))
    assert said_by_yosys(tmp_path, "bus.v", TOPS[top]) == ""


def said_by_yosys(folder, sources, top, *, cells=False):
    """The warnings and errors of the Yosys on PATH."""
    yosys = shutil.which("yosys")
    if yosys is None:
        pytest.skip("there is no yosys on PATH: apt-get install yosys")
    library = "read_verilog -lib +/ecp5/cells_sim.v +/ecp5/cells_bb.v; " if cells else ""
    script = (f"{library}read_verilog {sources}; hierarchy -check -top {top}; proc; "
              "check -assert")
    done = subprocess.run([yosys, "-q", "-p", script], cwd=folder, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout + "failed" * bool(done.returncode)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [{}, {"cells": "ecp5"}], ids=str)
def test_fusesoc_reads_the_core_and_verilator_has_no_warning(kind, hand_over, toolchain, tmp_path):
    if importlib.util.find_spec("fusesoc") is None:
        pytest.skip("fusesoc is not installed: pip install 'clostorus[dev]'")
    folder = hand_over(**kind)
    home = {name: str(tmp_path) for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME",
                                             "XDG_DATA_HOME")}

    def fusesoc(target, *options):
        done = subprocess.run(
            ["fusesoc", "--cores-root", folder, "run", *options, f"--target={target}",
             "clostorus::clostorus"], cwd=tmp_path, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env={**os.environ, **toolchain.environment, **home},
            check=False)
        assert not done.returncode and "%Warning" not in done.stdout, done.stdout
        return done.stdout

    fusesoc("lint")
    fusesoc("synth", "--setup", "--tool=vivado")  # Which needs no Vivado.
    project, = tmp_path.glob("build/*/synth-vivado")
    assert {path.name for path in project.glob("*.mem")} == {
        path.name for path in folder.glob("*.mem")}
    assert "/clostorus.sdc}" in next(project.glob("clostorus__clostorus_?.?.?.tcl")).read_text()
