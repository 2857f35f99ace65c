"""Input values beyond the range of the input words: they are clipped, and never without a word."""

import warnings

from golden import GoldenWarning

__all__ = ["warn_of_saturation"]


def warn_of_saturation(
    clipped: int, values: int, bits: int, fraction_bits: int, *, stacklevel: int = 3
) -> None:
    """Warn (`GoldenWarning`) if input values were clipped.

    Parameters
    ----------
    clipped, values
        Values that were clipped, and all of them.
    bits, fraction_bits
        Of the input words.
    stacklevel
        As for `warnings.warn`, whose caller is this function.
    """
    if not clipped:
        return
    step, limit = 2.0**-fraction_bits, 1 << (bits - 1)
    warnings.warn(
        f"{clipped} of {values} input values are beyond {-limit * step:g} to "
        f"{(limit - 1) * step:g}, the range that the calibration data set, and were clipped: "
        "calibrate on data that reach as far as the inputs do",
        GoldenWarning,
        stacklevel=stacklevel,
    )
