"""Whether a net fits a torus, and which torus it would fit."""

import contextlib
import dataclasses
from collections.abc import Generator

from golden import QuantisedNet
from hw.config import PROGRAM_BLOCK_WORDS, ConfigError, TorusConfig
from sw_driver.errors import FitError
from sw_driver.plan.images import Images
from sw_driver.plan.plan import Plan

__all__ = ["Needs", "check_fit", "grown", "measure", "some_torus"]


@dataclasses.dataclass(frozen=True)
class Needs:
    """What a placed net needs of a torus: for most fields the least value that will do.

    Three fields are different. `min_shift` is the largest value that will do. `bias_bits` and
    `max_shift` are no fields of a configuration, but follow from others. `rep_bits` is enough for
    the counters in any order of ops; some orders need less.
    """

    act_bits: int
    weight_bits: int
    buffer_words: int
    weight_words: int
    bias_words: int
    max_fan_in: int
    rep_bits: int
    bias_bits: int
    min_shift: int
    max_shift: int
    word_steps: int
    leaky: int
    bounded: int


def measure(net: QuantisedNet, plan: Plan, images: Images) -> Needs:
    """Add up what a placed net needs of a torus."""
    stages, entries, buffers = plan.stages, plan.entries[0], plan.buffers
    # A piece of weights that is loaded has a transfer for every PE of a row.
    cols = stages[0].lanes.moved * stages[0].sources.shape[2]
    # The word that fills up a row counts as a word of the sum.
    fan_in = max(
        stage.fan_in if stage.word_step > 1 else stage.region_words
        for stage in stages
        if stage.outputs
    )
    # A region is written again only after it was used, so a counter between two engines never
    # counts more than what happens in two samples, and in one more for each further region.
    samples = 1 + max(plan.copies)
    ring_ops = {ring: sum(stage.reps for stage in stages if stage.on_columns == ring)
                for ring in (False, True)}  # fmt: skip
    mac_reps = sum(stage.reps for stage in stages if stage.outputs)
    most_reps = max(entry.reps for stage in entries for entry in stage)
    return Needs(
        act_bits=net.act_bits,
        weight_bits=net.weight_bits,
        buffer_words=max(buffers.row, buffers.col, fan_in, cols),
        weight_words=images.weights.shape[2],
        bias_words=images.biases.shape[2],
        max_fan_in=fan_in,
        rep_bits=max(
            (most_reps - 1).bit_length(),
            (samples * max(mac_reps, *ring_ops.values())).bit_length(),
        ),
        bias_bits=max(layer.bias_bits for layer in net.layers),
        min_shift=min(stage.shift for stage in stages if stage.outputs),
        max_shift=max(stage.shift + stage.finish.leak_shift for stage in stages if stage.outputs),
        word_steps=int(any(stage.word_step > 1 for stage in stages)),
        leaky=int(any(stage.finish.leak_shift for stage in stages)),
        bounded=int(any(stage.finish.bounds is not None for stage in stages)),
    )


def check_fit(config: TorusConfig, needs: Needs) -> None:
    """Refuse a net that a torus cannot hold.

    Raises
    ------
    FitError
        The message names the field, what the net needs of it, and what the torus has.
    """
    if config.act_bits != needs.act_bits:
        raise FitError(
            f"act_bits must be {needs.act_bits}, that of the net, since results saturate to it, "
            f"not {config.act_bits}"
        )
    if config.min_shift > needs.min_shift:
        raise FitError(
            f"min_shift must be at most {needs.min_shift} for this net, not {config.min_shift}"
        )
    for field in dataclasses.fields(needs):
        needed: int = getattr(needs, field.name)
        has: int = getattr(config, field.name)
        if has < needed and field.name != "min_shift":
            raise FitError(
                f"{field.name} must be at least {needed} for this net on a "
                f"{config.rows}x{config.cols} torus, not {has}"
            )


def grown(config: TorusConfig, needs: Needs, program_words: int = 0) -> TorusConfig:
    """Enlarge the fields of a configuration that are too small, memories to powers of two.

    The shifts become exactly those that the net needs.

    Parameters
    ----------
    config
        The widths and sizes to begin with; `act_bits` and `weight_bits` stay.
    needs
        What the net needs.
    program_words
        The least size of a program memory.

    Raises
    ------
    FitError
        If a field would have to be larger than any torus has, or the net's word widths do not fit.
    """
    with some_torus():
        fan_in = max(config.max_fan_in, _power_of_two(needs.max_fan_in))
        while True:
            config = dataclasses.replace(
                config,
                buffer_words=max(config.buffer_words, _power_of_two(needs.buffer_words), fan_in),
                weight_words=max(config.weight_words, _power_of_two(needs.weight_words)),
                bias_words=max(config.bias_words, _power_of_two(needs.bias_words)),
                max_fan_in=fan_in,
                min_shift=needs.min_shift,
                word_steps=max(config.word_steps, needs.word_steps),
                leaky=max(config.leaky, needs.leaky),
                bounded=max(config.bounded, needs.bounded),
                shift_bits=max((needs.max_shift - needs.min_shift).bit_length(), 1),
                rep_bits=max(
                    config.rep_bits,
                    needs.rep_bits,
                    (_power_of_two(program_words) // PROGRAM_BLOCK_WORDS - 1).bit_length(),
                ),
            )
            # A larger fan-in is how a configuration asks for a wider accumulator.
            if config.bias_bits >= needs.bias_bits:
                break
            fan_in *= 2
        config = dataclasses.replace(
            config, program_words=max(config.program_words, _power_of_two(program_words))
        )
    check_fit(config, needs)
    return config


@contextlib.contextmanager
def some_torus() -> Generator[None]:
    """Within this context, a configuration that cannot be means that no torus is large enough.

    Raises
    ------
    FitError
        In place of a `ConfigError` from within.
    """
    try:
        yield
    except ConfigError as error:
        raise FitError(f"the net is too large for any torus of this size: {error}") from error


def _power_of_two(least: int) -> int:
    """Return the smallest power of two that is at least `least`, and 1 for 0."""
    return 1 << max(least - 1, 0).bit_length()
