"""Checks of a configuration, and the error that they raise."""

import dataclasses

from .lane_sizes import LANES_IN, LANES_OUT, lane_error
from .link_sizes import link_error

__all__ = ["HOST_BITS", "OPTIONS", "RANGES", "ConfigError", "check_known", "check_ranges",
           "check_torus", "check_whole", "without_options"]

HOST_BITS = (32, 64, 128, 256)
# For each field, the least and the largest value that is accepted.
RANGES = {
    "rows": (1, 64),
    "cols": (1, 64),
    "act_bits": (4, 18),
    "weight_bits": (4, 18),
    "buffer_words": (16, 65536),
    "weight_words": (4, 1 << 20),
    "bias_words": (2, 65536),
    "program_words": (64, 65536),
    "max_fan_in": (2, 65536),
    "rep_bits": (4, 16),
    "min_shift": (0, 53),
    "shift_bits": (1, 6),
    "host_fifo_beats": (4, 4096),
    "link_stages": (0, 8),
    "word_steps": (0, 1),
    "leaky": (0, 1),
    "bounded": (0, 1),
    "checks": (0, 3),
    "lanes_in": (min(LANES_IN), max(LANES_IN)),
    "lanes_out": (min(LANES_OUT), max(LANES_OUT)),
}

OPTIONS = ("word_steps", "leaky", "bounded", "checks")
"""Fields that cost nothing where they are 0."""
_TRAINING_OPTIONS = ("targets", "target_gain_bits")
_UNSET = {**dict.fromkeys(OPTIONS, 0), "lanes_in": 1, "lanes_out": 1, "link_words": 1}


class ConfigError(ValueError):
    """A field of a configuration has a value that makes no hardware."""

    exit_status = 2


def check_whole(config) -> None:
    """Refuse a field that is not a whole number; the field `training` is not looked at."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if field.name != "training" and (isinstance(value, bool) or not isinstance(value, int)):
            raise ConfigError(f"{field.name} must be a whole number, not {value!r}")


def check_ranges(config, ranges: dict[str, tuple[int, int]]) -> None:
    """Refuse a field outside its range, both ends included."""
    for name, (low, high) in ranges.items():
        value = getattr(config, name)
        if not low <= value <= high:
            raise ConfigError(f"{name} must be {low} to {high}, not {value}")


def check_known(cls, fields: dict, what: str) -> None:
    """Refuse a key that is no field of `cls`; the message calls `cls` a `what` configuration."""
    known = {field.name for field in dataclasses.fields(cls)}
    for name in fields:
        if name not in known:
            raise ConfigError(f"{name!r} is not a field of a {what} configuration; "
                              f"known are {', '.join(sorted(known))}")


def without_options(fields: dict) -> dict:
    """Return fields of a `TorusConfig` without what is off: options and lanes, in training too."""
    training = fields.get("training")
    if training is not None:
        dropped = {name for name in _TRAINING_OPTIONS if not training[name]}
        dropped |= {"gradient_rows"} if fields["lanes_out"] == 1 else set()
        training = {name: value for name, value in training.items() if name not in dropped}
        fields = {**fields, "training": training}
    return {name: value for name, value in fields.items()
            if name not in _UNSET or value != _UNSET[name]}


def check_torus(config, block_words: int) -> None:
    """Refuse fields of a `TorusConfig` that do not go together.

    Programs are loaded in blocks of `block_words` link words, which `rep_bits` must be able to
    count.
    """
    if config.host_bits not in HOST_BITS:
        raise ConfigError(f"host_bits must be one of {HOST_BITS}, not {config.host_bits}")
    for wrong in (lane_error(config), link_error(config)):
        if wrong is not None:
            raise ConfigError(wrong)
    if config.max_fan_in > config.buffer_words:
        raise ConfigError(
            f"max_fan_in must be at most buffer_words ({config.buffer_words}), since the words "
            f"of one sum lie in one buffer, not {config.max_fan_in}")
    if config.program_words > block_words << config.rep_bits:
        raise ConfigError(
            f"program_words must be at most {block_words << config.rep_bits}, the blocks "
            f"that rep_bits = {config.rep_bits} can count, not {config.program_words}")
    if config.min_shift >= config.acc_bits:
        raise ConfigError(f"min_shift must be below {config.acc_bits}, the width of a sum, "
                          f"not {config.min_shift}")
    if config.training is not None and config.training.min_grad_shift >= config.acc_bits:
        raise ConfigError(f"min_grad_shift must be below {config.acc_bits}, the width of a sum, "
                          f"not {config.training.min_grad_shift}")
    most = config.acc_bits - config.operand_bits - 1
    if config.training is not None and config.training.target_gain_bits > most:
        raise ConfigError(f"target_gain_bits must be at most {most}, so that a result less its "
                          f"target fits a sum, not {config.training.target_gain_bits}")
    for name in OPTIONS:
        value = getattr(config, name)
        if config.training is not None and name != "checks" and value:
            raise ConfigError(
                f"{name} must be 0 where a torus trains, not {value}: it has no way back")
    if config.training is not None and config.checks > 1:
        raise ConfigError(f"checks must be 0 or 1 where a torus trains, not {config.checks}: its "
                          "arithmetic and control have none")
    if config.program_words % block_words:
        raise ConfigError(f"program_words must be a multiple of {block_words}, "
                          f"not {config.program_words}")
