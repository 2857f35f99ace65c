"""A small torus whose routers cocotb benches run, and what they tell their benches."""

import dataclasses

from hw.config import TorusConfig
from hw.layouts import gradient_place_layout

CONFIG = TorusConfig(rows=2, cols=2, buffer_words=64, max_fan_in=32, weight_words=64,
                     bias_words=8, program_words=128)


def parameters(config, stall_per_mille):
    given = {"config": dataclasses.asdict(config), "stall_per_mille": stall_per_mille}
    if config.training is not None:
        # Of a place, any bits: what they mean is decided elsewhere.
        given["place_bits"] = {name: field.width for name, field in gradient_place_layout(config)}
    return given
