"""`LinkSizes`: words, beats, and what follows from the words that a link moves at once.

It needs the standard library.
"""

__all__ = ["LINK_WORDS", "LinkSizes", "link_error"]

LINK_WORDS = (1, 2)


class LinkSizes:
    """The sizes of a `TorusConfig` that its links decide.

    A hop of a ring moves `link_words` words at once, in one transfer. Two words are a row of a
    gather buffer, so counts and addresses of ring engines are then of rows. Whatever moves on a
    ring is padded to whole transfers.
    """

    link_words: int
    checks: int
    word_bits: int
    bias_bits: int
    host_bits: int
    rep_bits: int
    buffer_words: int
    weight_addr_bits: int

    @property
    def link_bits(self) -> int:
        """Width of the words that a hop moves at once, without parities."""
        return self.link_words * self.word_bits

    @property
    def parity_bits(self) -> int:
        """Parities beside each word of a link or a memory: one with `checks`, else none."""
        return int(self.checks > 0)

    @property
    def ring_word_bits(self) -> int:
        """Width of a word on a ring and in a gather buffer, with `checks` its parity above it."""
        return self.word_bits + self.parity_bits

    @property
    def ring_bits(self) -> int:
        """Width of what a hop moves at once, parities included."""
        return self.link_words * self.ring_word_bits

    @property
    def link_shift(self) -> int:
        """Binary logarithm of `link_words`: a count of words, shifted right, counts transfers."""
        return self.link_words.bit_length() - 1

    @property
    def link_count_bits(self) -> int:
        """Width of a count of transfers, those of 0 to `buffer_words` words."""
        return (self.buffer_words // self.link_words).bit_length()

    @property
    def link_addr_bits(self) -> int:
        """Width of the address of what is moved at once, in a gather buffer."""
        return (self.buffer_words // self.link_words - 1).bit_length()

    @property
    def weight_load_bits(self) -> int:
        """Width of a weight address as weights are loaded, `link_words` at once."""
        return self.weight_addr_bits - self.link_shift

    @property
    def beat_words(self) -> int:
        """Link words in one host beat, whole transfers; bits left over are zero and ignored."""
        return self.host_bits // self.link_bits * self.link_words

    @property
    def bias_chunks(self) -> int:
        """Link words that carry one bias, low word first, in whole transfers."""
        return self.whole_transfers(-(-self.bias_bits // self.word_bits))

    @property
    def header_field_words(self) -> int:
        """Link words that carry the number of blocks in a program's header."""
        return self.whole_transfers(-(-self.rep_bits // self.word_bits))

    def whole_transfers(self, words: int) -> int:
        """Count the words of all transfers that so many words take."""
        return -(-words // self.link_words) * self.link_words


def link_error(config) -> str | None:
    """Say what is wrong with the link words of a `TorusConfig`; None if nothing is."""
    words = config.link_words
    if words not in LINK_WORDS:
        return f"link_words must be {' or '.join(map(str, LINK_WORDS))}, not {words}"
    if words > 1 and config.training is not None:
        return (f"link_words must be 1 where a torus trains, not {words}: gradients go back one by "
                "one; leave it out, or compile a net that is trained already")
    if words > config.lanes_in:
        return (f"link_words must be 1 where lanes_in is {config.lanes_in}, not {words}: words "
                f"that arrive at once make a row of the gather buffer; take lanes_in = {words}")
    if config.host_bits < words * config.word_bits:
        return (f"host_bits must be at least {words * config.word_bits}, so that a beat holds the "
                f"{words} words of {config.word_bits} bits that a link moves at once "
                f"(link_words), not {config.host_bits}")
    return None
