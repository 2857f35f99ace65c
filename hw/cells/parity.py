"""Parity: a bit beside each link word by which a single flipped bit is found.

The bit is made where a word enters a torus or is computed, and is carried with it from there: it is
never made anew. It makes the number of ones even, so that a word of zeros, which a memory holds
after configuration, has a right one. Where a torus has no `checks`, all functions return what they
are given, or nothing.
"""

from amaranth import *

__all__ = ["carried", "loaded", "memory_pattern", "parities", "parity_fails", "plain_words",
           "result_word", "sealed", "sticky", "with_parity"]


def with_parity(config, words):
    """Return link words, each with its parity above it."""
    if not config.checks:
        return words
    return Cat(Cat(word, word.xor()) for word in _cut(words, config.word_bits))


def plain_words(config, words):
    """Return ring words without their parities."""
    if not config.checks:
        return words
    return Cat(word[:-1] for word in _cut(words, config.ring_word_bits))


def sealed(config, word):
    """Return a value that was computed, with `checks` its parity above it, which is made here."""
    return Cat(word, word.xor()) if config.checks else word


def result_word(config, result):
    """Return a result as a word of a ring, with `checks` its parity above it, made here."""
    if not config.checks:
        return result
    above = result[-1].replicate(config.word_bits - len(result))
    return with_parity(config, Cat(result, above))


def loaded(config, words, bits):
    """Return the low bits of ring words, with `checks` as `carried`; without, the words."""
    return carried(config, words, bits) if config.checks else words


def parities(config, words):
    """Return the parities of ring words that have `checks`, beside each other."""
    return Cat(word[-1] for word in _cut(words, config.ring_word_bits))


def carried(config, words, bits):
    """Return the low bits of ring words that have `checks`, and above them the parity of these.

    It follows from the parities of the words and from the bits that are dropped, so that a bit that
    flips in the words shows later.
    """
    word = plain_words(config, words)
    parity = parities(config, words).xor()
    if bits < len(word):
        parity ^= word[bits:].xor()
    return Cat(word[:bits], parity)


def parity_fails(words, word_bits):
    """Whether the parity of any of some words of so many bits, the parity on top, is wrong."""
    return Cat(word.xor() for word in _cut(words, word_bits)).any()


def sticky(m, flags, found):
    """Set each of `flags`, by its place, in the cycle after it is found; they stay until a reset.

    Parameters
    ----------
    m : Module
    flags : Signal
        One bit for each `FaultPlace`.
    found : dict of FaultPlace to Value
    """
    for place, now in found.items():
        with m.If(now):
            m.d.sync += flags[place].eq(1)


def memory_pattern(word, bits, checks):
    """Return the bits of a word as a memory holds it after configuration, with `checks` its parity.

    Parameters
    ----------
    word : int
        Two's complement of `bits` bits.
    """
    pattern = word & ((1 << bits) - 1)
    return pattern | (pattern.bit_count() & 1) << bits if checks else pattern


def _cut(words, bits):
    words = Value.cast(words)
    return [words[at:at + bits] for at in range(0, len(words), bits)]
