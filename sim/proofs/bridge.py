"""`Bridge` as a whole: beats of the host, the gateways and its program go where they belong."""

from amaranth import *

from hw.config import PROGRAM_BLOCK_WORDS

from .boxes import look_inside_with_boxes
from .host_ops import CollectorCheck, DistributorCheck, host_config
from .rtl import Rtl
from .spec import Spec
from .streams import take

__all__ = ["bridge_spec"]


def bridge_spec(rtl: Rtl, rows: int) -> Spec:
    """A bridge with any ops, between any host and any gateways; a reset comes at any time.

    Its `Sequencer` is proved apart: here it gives any ops at any time, on both queues at once. A
    beat of a program is kept as it came until all its words are in the program.
    """
    spec = Spec(restarts=True)
    m, config = spec.m, host_config(rows)
    module = rtl.module("host.bridge")
    bridge = module.Bridge(config)
    inside, sequencer = look_inside_with_boxes(bridge, module, "Sequencer", "sequencer", "unpack",
                                               "distributor", "collector")
    m.submodules.bridge = bridge
    to_gateways = list(bridge.to_gateways)
    own = inside.submodule("distributor").component.own
    own_taken = Signal(name="own_taken")
    m.d.comb += own_taken.eq(own.valid & own.ready)
    taken = [take(spec, f"gateway_{row}", port) for row, port in enumerate(to_gateways)]
    distributes = DistributorCheck(spec, config, bridge.host_in, to_gateways, own,
                                   sequencer.queue_1, [*taken, own_taken])
    collects = CollectorCheck(spec, config, list(bridge.from_gateways), bridge.host_out,
                              sequencer.queue_2)

    in_beat, in_block = config.beat_words, PROGRAM_BLOCK_WORDS
    load = sequencer.load
    full, at = Signal(name="beat_is_here"), Signal(range(in_beat), name="at")
    beat = Signal(config.host_bits, name="kept")
    in_program = Signal(range(in_block), name="at_in_block")
    ends = (at == in_beat - 1) | (in_program == in_block - 1)
    with m.If(load.valid):
        m.d.sync += [at.eq(at + 1), full.eq(~ends),
                     in_program.eq(Mux(in_program == in_block - 1, 0, in_program + 1))]
    with m.If(own_taken):
        m.d.sync += [full.eq(1), beat.eq(own.payload), at.eq(0)]
    spec.check("a word of the program is lost, or comes twice", load.valid == full)
    spec.check("another word is in the program",
               ~full | (load.payload == beat.word_select(at, config.link_bits)))
    spec.check("a beat of the program is taken before the one before is done with, or waits",
               own.ready == (~full | ends))
    walks = distributes.walk, collects.walk
    spec.check("it is said to be idle, or not",
               sequencer.idle == ~(walks[0].active | walks[1].active | full))
    # The second block of a program begins while the host takes an id.
    ended = Signal(name="a_block_ended")
    m.d.sync += ended.eq(ended | (load.valid & (in_program == in_block - 1)))
    spec.goal = ended & load.valid & walks[1].active & ~walks[1].by_row & (walks[1].beat == 1)

    def add_lemmas() -> None:
        distributes.lemmas(spec, inside.submodule("distributor"))
        collects.lemmas(spec, inside.submodule("collector"))
        unpack = inside.submodule("unpack")
        spec.lemma("words left", unpack["words_left"] == Mux(full, in_beat - at, 0))
        for number in range(in_beat):
            left = len(beat) - number * config.link_bits
            spec.lemma(f"the beat from word {number} on", ~full | (at != number) | (
                unpack["beat"][:left] == beat[number * config.link_bits:]))
        spec.lemma("place in a block", (inside["block_index"] == in_program)
                   & (inside["at_last_word"] == (in_program == in_block - 1)))
        spec.lemma("place in a beat", ~full | (in_program[:3] == at))
        spec.lemma("a block goes on with a beat", full | (in_program[:3] == 0))

    spec.look_inside(add_lemmas)
    return spec
