"""The lint accepts what Amaranth writes and nothing else."""

import dataclasses

import pytest

from hw.config import TorusConfig, TrainingConfig
from hw.tops import TOPS, TRAINING_TOPS, top_verilog
from sim.errors import LintFailed
from sim.lint import WAIVERS, lint

pytestmark = pytest.mark.usefixtures("toolchain")

SMALL = TorusConfig(rows=2, cols=1, weight_words=16, bias_words=4)
TRAINING = dataclasses.replace(SMALL, training=TrainingConfig())


@pytest.mark.parametrize("top", TOPS)
def test_every_top_is_clean(top):
    lint(top_verilog(top, TRAINING if top in TRAINING_TOPS else SMALL))


@pytest.mark.parametrize("velocity_bits", [pytest.param(0, marks=pytest.mark.slow), 20])
@pytest.mark.parametrize("top", ["pe", "torus"])
def test_every_top_that_trains_is_clean(top, velocity_bits):
    training = dataclasses.replace(TRAINING.training, velocity_bits=velocity_bits)
    lint(top_verilog(top, dataclasses.replace(TRAINING, training=training)))


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
