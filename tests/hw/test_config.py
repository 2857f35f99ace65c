"""`TorusConfig`: what is refused, with which words, and what follows from the fields."""

import dataclasses
import json

import pytest

from hw.config import ConfigError, TorusConfig, TrainingConfig


@pytest.mark.parametrize("fields, message", [
    ({"rows": 0}, r"rows must be 1 to 64, not 0"),
    ({"cols": 65}, r"cols must be 1 to 64, not 65"),
    ({"act_bits": 3}, r"act_bits must be 4 to 18, not 3"),
    ({"weight_bits": 19}, r"weight_bits must be 4 to 18, not 19"),
    ({"host_bits": 48}, r"host_bits must be one of \(32, 64, 128, 256\), not 48"),
    ({"rows": 2.0}, r"rows must be a whole number, not 2.0"),
    ({"cols": True}, r"cols must be a whole number, not True"),
    ({"max_fan_in": 1024}, r"max_fan_in must be at most buffer_words \(512\).*not 1024"),
    ({"program_words": 520}, r"program_words must be a multiple of 16, not 520"),
    ({"program_words": 1024, "rep_bits": 5}, r"program_words must be at most 512.*not 1024"),
    ({"link_stages": -1}, r"link_stages must be 0 to 8, not -1"),
    ({"lanes_in": 3}, r"lanes_in must be 1 to 2, not 3"),
    ({"lanes_out": 3}, r"lanes_out must be one of 1, 2, 4, 8, not 3"),
    ({"lanes_in": 2, "buffer_words": 513}, r"buffer_words must be a multiple of lanes_in \(2\)"),
    ({"lanes_in": 2, "lanes_out": 4, "weight_words": 1020},
     r"weight_words must be a multiple of lanes_in x lanes_out \(8\), .* not 1020"),
    ({"lanes_out": 8, "weight_words": 8}, r"weight_words must be .* and 16 at least, not 8"),
    ({"lanes_in": 2, "training": TrainingConfig()},
     r"lanes_in must be 1 where a torus trains, not 2: .* leave it out, or compile a net that"),
    ({"link_words": 3}, r"link_words must be 1 or 2, not 3"),
    ({"link_words": True}, r"link_words must be a whole number, not True"),
    ({"link_words": 2}, r"link_words must be 1 where lanes_in is 1, not 2: .* take lanes_in = 2"),
    ({"link_words": 2, "training": TrainingConfig()},
     r"link_words must be 1 where a torus trains, not 2: .* leave it out, or compile a net that"),
    ({"link_words": 2, "lanes_in": 2, "act_bits": 17, "host_bits": 32},
     r"host_bits must be at least 34, so that a beat holds the 2 words of 17 bits .* not 32"),
])
def test_refuses(fields, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        TorusConfig(**fields)


def test_rows_of_gradients_are_a_power_of_two_and_of_lanes_alone():
    with pytest.raises(ConfigError, match="^gradient_rows must be a power of two, not 12"):
        TrainingConfig(gradient_rows=12)
    ids = {TorusConfig(lanes_out=lanes, training=TrainingConfig(gradient_rows=rows)).hardware_id
           for lanes in (1, 2) for rows in (16, 32)}
    assert len(ids) == 3


def test_unknown_field_is_named():
    fields = dataclasses.asdict(TorusConfig()) | {"colums": 4}
    with pytest.raises(ConfigError, match="^'colums' is not a field of a torus configuration"):
        TorusConfig.from_dict(fields)


def test_round_trip_and_identity():
    config = TorusConfig(rows=3, cols=5, act_bits=9)
    again = TorusConfig.from_dict(json.loads(config.canonical_json()))
    assert again == config
    assert again.hardware_id == config.hardware_id
    ids = {dataclasses.replace(config, host_bits=bits).hardware_id for bits in (32, 64, 128, 256)}
    assert len(ids) == 4


def test_lanes_change_the_identity_and_single_ones_do_not():
    """A configuration of before there were lanes, written without them, is one of single lanes."""
    plain = TorusConfig()
    fields = dataclasses.asdict(plain)
    assert "lanes_in" not in plain.canonical_json()
    del fields["lanes_in"], fields["lanes_out"]
    assert TorusConfig.from_dict(fields) == plain
    ids = {TorusConfig(lanes_in=lanes_in, lanes_out=lanes_out).hardware_id
           for lanes_in in (1, 2) for lanes_out in (1, 2, 4, 8)}
    assert len(ids) == 8 and plain.hardware_id in ids


def test_link_words_change_the_identity_and_a_single_one_does_not():
    plain = TorusConfig(lanes_in=2)
    fields = dataclasses.asdict(plain)
    assert "link_words" not in plain.canonical_json()
    del fields["link_words"]
    assert TorusConfig.from_dict(fields) == plain
    other = dataclasses.replace(plain, link_words=2)
    assert other.hardware_id != plain.hardware_id
    assert TorusConfig.from_dict(json.loads(other.canonical_json())) == other


@pytest.mark.parametrize("act_bits, weight_bits, max_fan_in", [
    (4, 4, 2), (16, 16, 256), (18, 18, 511), (5, 18, 3),
])
def test_accumulator_never_wraps(act_bits, weight_bits, max_fan_in):
    """The extreme bias and `max_fan_in` extreme products, of either sign, fit."""
    config = TorusConfig(act_bits=act_bits, weight_bits=weight_bits, max_fan_in=max_fan_in)
    product = (1 << (act_bits - 1)) * (1 << (weight_bits - 1))
    bias = 1 << (config.bias_bits - 1)
    assert bias - 1 + max_fan_in * product <= (1 << (config.acc_bits - 1)) - 1
    assert -bias - max_fan_in * product >= -1 << (config.acc_bits - 1)


def test_link_words():
    config = TorusConfig(act_bits=5, weight_bits=9, host_bits=32)
    assert (config.word_bits, config.beat_words) == (9, 3)
    assert config.bias_chunks * config.word_bits >= config.bias_bits
    assert config.block_beats == 6


def test_what_links_move_at_once_is_whole():
    """Beats, biases, headers and lines hold whole transfers, counted in bits of their own."""
    config = TorusConfig(act_bits=18, weight_bits=5, lanes_in=2, link_words=2, rep_bits=8)
    assert (config.link_bits, config.link_shift) == (36, 1)
    assert (config.beat_words, config.block_beats) == (2, 8)  # A third word would fit.
    assert config.bias_chunks == 2 and config.header_field_words == 2
    assert config.line_words % 2 == config.beat_words % 2 == 0
    assert (config.link_count_bits, config.link_addr_bits) == (9, 8)
    assert config.weight_load_bits == config.weight_addr_bits - 1
    assert [config.whole_transfers(words) for words in (0, 1, 2, 3)] == [0, 2, 2, 4]


def test_a_gradient_is_not_shifted_out_of_its_sum():
    TorusConfig(training=TrainingConfig(min_grad_shift=40))
    with pytest.raises(ConfigError, match="min_grad_shift must be below 41, the width of a sum"):
        TorusConfig(training=TrainingConfig(min_grad_shift=41))
