"""What a ring engine reads from its buffers, and with `checks` the parities of all words there."""

from amaranth import *

from ..cells.delay import later
from ..cells.parity import parity_fails, plain_words
from ..config import READ_CYCLES

__all__ = ["checked_words"]


def checked_words(m, config, pe, for_mac, for_hop):
    """Return the assignments of what the PE sees of words: `read_word`, and of their parities.

    Only registers are looked at, so that no path of a word becomes longer.

    Parameters
    ----------
    m : Module
        That of the engine.
    config : TorusConfig
    pe : ring_side
        As the engine sees it; see there for when each port is high.
    for_mac, for_hop : RowRam
        The two copies of the gather buffer.
    """
    given = [pe.read_word.eq(plain_words(config, for_mac.read_data))]
    if not config.checks:
        return given
    bits = config.ring_word_bits
    reads = later(m, pe.read_en, READ_CYCLES, "mac_reads", reset_less=False)[-1]
    leaves = Signal()
    m.d.sync += leaves.eq(for_hop.out_en)
    return [
        *given,
        pe.bad_buffer.eq((reads & parity_fails(for_mac.read_data, bits))
                         | (leaves & parity_fails(for_hop.read_data, bits))),
        pe.bad_link.eq(pe.tap.valid & parity_fails(pe.tap.p.word, bits)),
    ]
