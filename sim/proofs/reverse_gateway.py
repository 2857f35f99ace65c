"""`ReverseGateway`: sums of the ring back go on, or to the host as words, and none is lost."""

from amaranth import *

from hw.layouts import partial_layout

from .gather import small_training
from .inside import Inside
from .reduce import Shadow
from .rtl import Rtl
from .spec import Spec, any_value
from .streams import check_holds, drive, take

__all__ = ["reverse_gateway_spec"]

_MOST_SUMS = 2  # That it holds.


def reverse_gateway_spec(rtl: Rtl) -> Spec:
    """Any sums from the ring, any ring and any host behind it; a reset comes at any time.

    Sums for the host are asked for at any time, each until it is handed out. What it does is
    compared with a plain queue of two sums and the number of the word that comes next.
    """
    spec = Spec(restarts=True)
    m, config = spec.m, small_training()
    m.submodules.node = node = rtl.module("host.reverse_gateway").ReverseGateway(config)
    comes = drive(spec, "i", node.i)
    goes = take(spec, "o", node.o)
    given = take(spec, "words", node.words)
    asked, ends = Signal(name="asked_before"), Signal(name="ends_before")
    m.d.comb += [
        node.is_due.eq(asked | any_value(m, "asks", 1)),
        node.is_last.eq(Mux(asked, ends, any_value(m, "ends", 1))),
    ]
    m.d.sync += [asked.eq(node.is_due & ~node.handed_out), ends.eq(node.is_last)]

    sums = Shadow(m, "sum", partial_layout(config), _MOST_SUMS)
    head, chunks = sums.slots[0], config.sum_chunks
    chunk = Signal(range(chunks), name="next_word")
    handed_out = given & (chunk == chunks - 1)
    leaves = goes | handed_out
    sums.connect(comes, node.i.payload, leaves)
    with m.If(given):
        m.d.sync += chunk.eq(Mux(handed_out, 0, chunk + 1))
    here = sums.count != 0
    whole = Cat(head.sum, head.sum[-1].replicate(chunks * config.word_bits - config.acc_bits))
    check_holds(spec, "o", node.o)
    check_holds(spec, "words", node.words)
    spec.check("ready does not say whether there is room",
               node.i.ready == (sums.count < _MOST_SUMS))
    spec.check("a sum goes on that must not, or does not", node.o.valid == (here & ~head.to_host))
    spec.check("another sum goes on",
               ~node.o.valid | (Value.cast(node.o.payload) == Value.cast(head)))
    spec.check("a word goes to the host that must not, or does not",
               node.words.valid == (here & head.to_host & node.is_due))
    spec.check("another word goes to the host", ~node.words.valid | (
        (node.words.p.word == whole.word_select(chunk, config.word_bits))
        & (node.words.p.last == (node.is_last & (chunk == chunks - 1)))))
    spec.check("it is said to be handed out, or not", node.handed_out == handed_out)

    negative = Signal(name="handed_out_negative")  # And behind that sum one waited to go on.
    with m.If(handed_out & (head.sum < 0) & (sums.count == _MOST_SUMS) & ~sums.slots[1].to_host):
        m.d.sync += negative.eq(1)
    spec.goal = negative & goes & spec.was_restarted(chunk == 1)

    def add_lemmas() -> None:
        inside = Inside(node, "link")
        link = inside.submodule("link")
        output = link.component.o
        spec.lemma("sums", (sums.count <= _MOST_SUMS) & (output.valid == here)
                   & (link["spare_full"] == (sums.count == _MOST_SUMS)))
        spec.lemma("the first sum", ~here | (Value.cast(output.payload) == Value.cast(head)))
        spec.lemma("the second sum", (sums.count != _MOST_SUMS)
                   | (link["spare"] == Value.cast(sums.slots[1])))
        spec.lemma("words", (inside["chunk"] == chunk) & (chunk < chunks)
                   & ((chunk == 0) | (here & head.to_host & asked)))

    spec.look_inside(add_lemmas)
    return spec
