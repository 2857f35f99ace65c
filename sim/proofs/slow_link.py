"""A link of a ring in a proof: it may be slow, but not for ever."""

from dataclasses import dataclass
from typing import Any

from amaranth import *

from .spec import Spec, Wait

__all__ = ["SlowLink", "add_slow_link"]


@dataclass(frozen=True)
class SlowLink:
    """A link that holds a word for as long as it likes, up to a limit.

    It takes a word whenever it is empty, and offers it at once or later, until it is taken.

    Attributes
    ----------
    full, word
        It holds a word, and which.
    offered
        It has offered that word, which was not taken.
    enters, leaves
        A word is transferred at its input, or at its output.
    shows
        It offers a word that it did not offer before.
    rest
        How long it has held a word without offering it.
    """

    full: Signal
    word: Signal
    offered: Signal
    enters: Signal
    leaves: Signal
    shows: Signal
    rest: Wait


def add_slow_link(spec: Spec, name: str, source: Any, sink: Any, rest_cycles: int) -> SlowLink:
    """Put such a link between two ports."""
    m = spec.m
    full, offered = Signal(name=f"{name}_full"), Signal(name=f"{name}_offered")
    word = Signal(Value.cast(source.payload).shape(), name=f"{name}_word")
    enters, leaves = Signal(name=f"{name}_enters"), Signal(name=f"{name}_leaves")
    holds = full | source.valid
    rest = spec.soon(f"{name}: offers a word", holds & ~offered, rest_cycles)
    m.d.comb += [
        source.ready.eq(~full),
        sink.valid.eq(holds & (offered | rest.over)),
        sink.payload.eq(Mux(full, word, Value.cast(source.payload))),
        enters.eq(source.valid & source.ready),
        leaves.eq(sink.valid & sink.ready),
    ]
    m.d.sync += [
        full.eq(holds & ~leaves),
        word.eq(Value.cast(sink.payload)),
        offered.eq(sink.valid & ~leaves),
    ]
    spec.lemma(f"{name}: offers nothing", full | ~offered)
    return SlowLink(full, word, offered, enters, leaves, sink.valid & ~offered, rest.wait)
