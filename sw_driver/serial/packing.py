"""Packed beats of the host link: words of few bits travel as such (docs/host_link.md).

A board that takes packed beats takes its beats in segments. Here each beat whose words all fit the
board's fields goes into a packed segment, and every other one into a segment of whole beats. That
loses nothing, whatever the beats are, so nobody needs to say which of them are inputs.
"""

import numpy as np
from numpy.typing import NDArray

from hw.config import TorusConfig
from sw_driver.arrays import Beats, IntArray
from sw_driver.program.host_stream import beats_to_words

__all__ = ["pack_beats"]

_MOST_BEATS = (1 << 24) - 1  # Of a segment.
_SHIFT_AT, _SIGNED_AT, _PACKED_AT = 24, 29, 30
_WORD_BYTES = 4
_COST_BYTES = 12  # Of a packed segment amid whole beats: two headers, and the rest of a word.


def pack_beats(config: TorusConfig, beats: Beats, input_bits: int) -> tuple[bytes, int]:
    """Write beats as segments.

    Parameters
    ----------
    config
        Of the torus: a beat holds `beat_words` words, and 0 above them.
    beats
        uint32 [beats, host_bits / 32].
    input_bits
        Bits of a packed word, less than `word_bits`.

    Returns
    -------
    bytes, int
        Whole words of the link, and how many beats are packed.
    """
    if not len(beats):
        return b"", 0
    words = beats_to_words(config, beats)
    fits, shift, signed = _best_fit(config, words, input_bits)
    saved_bits = config.host_bits - config.beat_words * input_bits
    least = -(-8 * _COST_BYTES // saved_bits)
    edges = [0, *(np.flatnonzero(fits[1:] != fits[:-1]) + 1).tolist(), len(beats)]
    runs: list[tuple[bool, int, int]] = []
    for start, end in zip(edges, edges[1:], strict=False):
        packed = bool(fits[start]) and end - start >= least
        if runs and not packed and not runs[-1][0]:
            start = runs.pop()[1]
        runs.append((packed, start, end))
    out: list[bytes] = []
    for packed, start, end in runs:
        for at in range(start, end, _MOST_BEATS):
            stop = min(at + _MOST_BEATS, end)
            header = stop - at
            if packed:
                header |= shift << _SHIFT_AT | signed << _SIGNED_AT | 1 << _PACKED_AT
            out.append(header.to_bytes(_WORD_BYTES, "little"))
            out.append(_fields(words[at:stop] >> shift, input_bits) if packed else
                       beats[at:stop].astype("<u4").tobytes())
    return b"".join(out), sum(end - start for packed, start, end in runs if packed)


def _best_fit(
    config: TorusConfig, words: IntArray, input_bits: int
) -> tuple[NDArray[np.bool_], int, bool]:
    """Find the power of two and the sign with which the most beats fit: which, and these."""
    width = config.word_bits
    bits_set = np.bitwise_or.reduce(words, axis=1)
    # A signed field needs as many bits below its sign as the words or their complements.
    folded = np.where(words >> (width - 1), ~words & ((1 << width) - 1), words)
    below_sign = np.bitwise_or.reduce(folded, axis=1)
    best = np.zeros(len(words), np.bool_), 0, False
    for shift in range(width - input_bits, -1, -1):
        whole = bits_set & ((1 << shift) - 1) == 0
        for signed in (True, False):
            fits = whole & ((below_sign >> (shift + input_bits - 1)) == 0 if signed else
                            (bits_set >> (shift + input_bits)) == 0)
            if fits.sum() > best[0].sum():
                best = fits, shift, signed
    return best


def _fields(words: IntArray, input_bits: int) -> bytes:
    """Write the low bits of words without gaps, lowest first, up to a whole word of the link."""
    bits = (words.reshape(-1, 1) >> np.arange(input_bits)) & 1
    data = np.packbits(bits.astype(np.uint8), bitorder="little").tobytes()
    return data + bytes(-len(data) % _WORD_BYTES)
