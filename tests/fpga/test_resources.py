"""The resource model beside synthesised designs that it was not fitted to."""

import dataclasses

import pytest

from fpga.boards import BOARDS
from fpga.calibration import measured_designs, read_measured
from fpga.capacity import board_estimate
from fpga.designs import Design
from fpga.families import ECP5, ICE40
from fpga.lane_boards import synthesised
from fpga.resources import estimate, model_errors
from fpga.synthesis import lut_sites
from hw.config import TorusConfig
from hw.presets import BOARD_SMALL
from hw.tops import TOPS

# Those that `plan` finds for the layer (784, 256, 28, 8, 16), and for the digits net.
CASES = {
    "ecp5": ("ulx3s-25f", TorusConfig(
        rows=3, cols=1, host_bits=32, buffer_words=512, weight_words=8192, bias_words=128,
        program_words=256, max_fan_in=32, rep_bits=6, min_shift=16, shift_bits=1, link_stages=1,
        lanes_out=8)),
    "checks": ("icebreaker", dataclasses.replace(BOARD_SMALL, rows=1, cols=1, checks=1)),
    "ice40": ("icebreaker", dataclasses.replace(
        BOARD_SMALL, rows=1, cols=1, lanes_in=2, program_words=1024, max_fan_in=8, min_shift=7,
        shift_bits=1)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name, config", CASES.values(), ids=CASES)
def test_a_board_with_lanes_is_as_the_model_says(name, config):
    """LUTs within the largest error that is printed; multipliers and block RAMs exactly."""
    board = BOARDS[name]
    assert Design("torus", TOPS["torus"], config) not in measured_designs(board.family)
    built = synthesised(board, config)
    model = {one.name: one.used for one in board_estimate(board, config)}
    print(built, model)
    assert (model["DSP"], model["BRAM"]) == (built["DSP"], built["BRAM"])
    assert model["LUT"] == pytest.approx(built["LUT"], rel=model_errors(board.family).largest)


@pytest.mark.parametrize("family", [ECP5, ICE40], ids=lambda family: family.name)
def test_what_links_of_two_words_add_is_measured(family):
    """Sites and flip-flops of the tori that it was fitted to, with the error of the model."""
    tori = [one for one in read_measured(family)
            if one.design.config.link_words > 1 and one.design.kind == "torus"]
    assert tori
    for one in tori:
        found = estimate(one.design.config, family)
        sites = lut_sites(one.area, family)
        assert lut_sites(found, family) == pytest.approx(sites, rel=0.05)
        assert found.flip_flops == pytest.approx(one.area.flip_flops, rel=0.05)
        without = dataclasses.replace(one.design.config, link_words=1)
        assert estimate(without, family).flip_flops < found.flip_flops


@pytest.mark.parametrize("family", [ECP5, ICE40], ids=lambda family: family.name)
def test_the_model_is_fitted_to_lanes(family):
    lanes = {(one.config.lanes_in, one.config.lanes_out) for one in measured_designs(family)}
    assert {(1, 1), (2, 1), (1, 2), (2, 2), (2, 4)} <= lanes
    assert 0 < model_errors(family).mean <= model_errors(family).largest <= 0.15
