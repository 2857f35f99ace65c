"""`TrainingConfig`: the part of a configuration that only a torus that trains has."""

import dataclasses

from .config_checks import ConfigError, check_ranges, check_whole

__all__ = ["LFSR_BITS", "TrainingConfig"]

LFSR_BITS = 32  # Width of a PE's random generator, whose bits round the changes of weights.
_RANGES = {
    "master_bits": (4, 36),
    "grad_bits": (4, 18),
    "velocity_bits": (0, 48),
    "reduce_words": (2, 64),
    "result_words": (2, 1024),
    "gradient_rows": (2, 1024),
    "min_grad_shift": (0, 53),
    "grad_shift_bits": (1, 6),
    "min_update_shift": (0, 32),
    "update_shift_bits": (1, 6),
    "min_bias_shift": (0, 53),
    "bias_shift_bits": (1, 6),
    "targets": (0, 1),
    "target_gain_bits": (0, 40),
}
_LEAST_VELOCITY_BITS = 16


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """Parameters of a torus that trains; docs/training.md explains its arithmetic and its ops.

    Parameters
    ----------
    master_bits
        Width of a stored weight, up to 36 bits; its top `weight_bits` are multiplied.
    grad_bits
        Width of a gradient word, 4 to 18 bits.
    velocity_bits
        Width of the accumulated gradient of a weight, 16 to 48; 0 if none is kept, and then there
        are neither mini-batches nor momentum.
    reduce_words
        Depth of each FIFO of a reduce engine: partial sums received, and contributions to send. A
        power of two.
    result_words
        Gradients of the net's own results that one PE can hold.
    gradient_rows
        With `lanes_out` above 1 only: rows of so many gradients that one PE can hold of the
        repetitions that go back next, a power of two.
    min_grad_shift, grad_shift_bits
        Right shifts of a gradient as it leaves a stage, as `min_shift` and `shift_bits` of
        `TorusConfig`.
    min_update_shift, update_shift_bits
        Right shifts from an accumulated gradient to a change of its weight, at most 32.
    min_bias_shift, bias_shift_bits
        Left shifts from a gradient to a change of a bias.
    targets
        An option, 0 or 1, that costs nothing where it is 0: results may be compared with targets
        that the host sent before, which makes the gradient of a squared error in the PE.
    target_gain_bits
        With `targets`: left shift of a result less its target, before the right shift of a
        gradient.

    Raises
    ------
    ConfigError
        For a value outside its range; the message names the field, the value and the range.
    """

    master_bits: int = 24
    grad_bits: int = 16
    velocity_bits: int = 0
    reduce_words: int = 16
    result_words: int = 16
    gradient_rows: int = 16
    min_grad_shift: int = 0
    grad_shift_bits: int = 6
    min_update_shift: int = 0
    update_shift_bits: int = 6
    min_bias_shift: int = 0
    bias_shift_bits: int = 6
    targets: int = 0
    target_gain_bits: int = 0

    def __post_init__(self) -> None:
        check_whole(self)
        check_ranges(self, _RANGES)
        if 0 < self.velocity_bits < _LEAST_VELOCITY_BITS:
            raise ConfigError(f"velocity_bits must be 0, or {_LEAST_VELOCITY_BITS} to "
                              f"{_RANGES['velocity_bits'][1]}, not {self.velocity_bits}")
        if self.target_gain_bits and not self.targets:
            raise ConfigError("target_gain_bits must be 0 where there are no targets, "
                              f"not {self.target_gain_bits}")
        for name in ("reduce_words", "gradient_rows"):
            if (value := getattr(self, name)).bit_count() != 1:
                raise ConfigError(f"{name} must be a power of two, not {value}")

    @property
    def max_grad_shift(self) -> int:
        """Largest right shift of a gradient on leaving a stage."""
        return self.min_grad_shift + (1 << self.grad_shift_bits) - 1

    @property
    def max_update_shift(self) -> int:
        """Largest right shift of a weight's change; the random bits end there."""
        return min(self.min_update_shift + (1 << self.update_shift_bits) - 1, LFSR_BITS)

    @property
    def max_bias_shift(self) -> int:
        """Largest left shift of a bias's change."""
        return self.min_bias_shift + (1 << self.bias_shift_bits) - 1
