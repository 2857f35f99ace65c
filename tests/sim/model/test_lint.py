"""The lint accepts what Amaranth writes and nothing else."""

import dataclasses

import pytest

from fpga.board_design import board_design, board_link
from fpga.boards import BOARDS
from fpga.boundary import with_boundary
from hw.config import TorusConfig, TrainingConfig
from hw.tops import TOPS, TRAINING_TOPS, top_verilog
from sim.errors import BuildFailed, LintFailed
from sim.model.lint import WAIVERS, lint, waivers_of
from tests.support.knobs import mostly_slow

pytestmark = pytest.mark.usefixtures("toolchain")

SMALL = TorusConfig(rows=2, cols=1, weight_words=16, bias_words=4)
TRAINING = dataclasses.replace(SMALL, training=TrainingConfig())


@pytest.mark.parametrize("top", mostly_slow(TOPS, (0, 1, 2, 3)))
def test_every_top_is_clean(top):
    lint(top_verilog(top, TRAINING if top in TRAINING_TOPS else SMALL))


@pytest.mark.parametrize("bits", [16, pytest.param(5, marks=pytest.mark.slow)])
def test_links_of_two_words_are_clean(bits):
    """A line of a program comes at once, or in parts."""
    lint(top_verilog("torus", dataclasses.replace(
        SMALL, lanes_in=2, link_words=2, act_bits=bits, weight_bits=bits)))


@pytest.mark.parametrize("checks", [1, pytest.param(2, marks=pytest.mark.slow),
                                    pytest.param(3, marks=pytest.mark.slow)])
def test_a_torus_with_checks_is_clean(checks):
    lint(top_verilog("torus", dataclasses.replace(SMALL, checks=checks)))


@pytest.mark.parametrize("velocity_bits", [pytest.param(0, marks=pytest.mark.slow), 20])
@pytest.mark.parametrize("top", mostly_slow(["pe", "torus"], (0,)))
def test_every_top_that_trains_is_clean(top, velocity_bits):
    training = dataclasses.replace(TRAINING.training, velocity_bits=velocity_bits)
    lint(top_verilog(top, dataclasses.replace(TRAINING, training=training)))


def test_the_design_that_a_board_is_built_from_is_clean():
    board = BOARDS["icebreaker"]
    lint(board_design(board, SMALL, board_link(board, 1_000_000)))


def test_a_design_between_registers_is_clean():
    lint(with_boundary(top_verilog("inference-router", SMALL), TOPS["inference-router"]))


@pytest.mark.parametrize(("warning", "body"), [
    ("UNDRIVEN", "output y; wire y;"),
    ("UNOPTFLAT", "output [1:0] y; assign y = {y[0] ^ a, y[1] ^ a};"),
    ("LATCH", "output reg y; always @* if (a) y = 1;"),
])
def test_a_mistake_is_named(warning, body):
    with pytest.raises(LintFailed, match=warning):
        lint(f"module bad(a, y); input a; {body} endmodule\n")


def test_every_waiver_has_its_reason():
    lines = WAIVERS.read_text().splitlines()
    rules = [number for number, line in enumerate(lines) if line.startswith("lint_off")]
    assert rules
    assert all(lines[number - 1].startswith("//") for number in rules)


def test_waivers_that_are_handed_over_are_for_the_files_that_they_name(toolchain, tmp_path):
    """The same design in a file of another name has warnings."""
    (tmp_path / "waivers.vlt").write_text(waivers_of(["torus.v", "a \"b\".v"]))
    for name in ("torus.v", "other.v"):
        (tmp_path / name).write_text("module torus(input [1:0] a, output y); assign y = a;\n"
                                     "endmodule\n")
    command = ["verilator", "--lint-only", "-Wall", "waivers.vlt"]
    toolchain.run([*command, "torus.v"], tmp_path)
    with pytest.raises(BuildFailed, match="WIDTHTRUNC"):
        toolchain.run([*command, "other.v"], tmp_path)


def test_waivers_that_are_handed_over_are_the_reviewed_ones():
    rules = [line.split()[2] for line in WAIVERS.read_text().splitlines()
             if line.startswith("lint_off")]
    handed = [line for line in waivers_of(["a.v", "b.v"]).splitlines() if line.startswith("lint_o")]
    assert handed == [f'lint_off -rule {rule} -file "*{name}"' for rule in rules
                      for name in ("a.v", "b.v")]
