"""Rounding and saturation of sums, written with Python's fractions: an oracle."""

from fractions import Fraction


def rounded(acc, shift, bits):
    """Python's `round` of a fraction rounds half to even."""
    low, high = -1 << (bits - 1), (1 << (bits - 1)) - 1
    return min(max(round(Fraction(acc, 1 << shift)), low), high)


def ref_activations(sums, act_bits):
    words = [rounded(acc, shift, act_bits) for acc, shift, _ in sums]
    return [max(0, word) if relu else word for word, (_, _, relu) in zip(words, sums, strict=True)]
