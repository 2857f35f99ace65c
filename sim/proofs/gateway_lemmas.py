"""What the registers inside a `Gateway` mean: with this its proof is an induction."""

from collections.abc import Callable
from typing import Any

from amaranth import *
from amaranth.lib import data

from hw.config import TorusConfig
from hw.ops import gateway_queues

from .gateway_walk import FromHost, GatewayWalk, ToHost
from .inside import Inside
from .spec import Spec

__all__ = ["gateway_lemmas"]


def gateway_lemmas(spec: Spec, config: TorusConfig, inside: Inside, walk: GatewayWalk,
                   from_host: FromHost, to_host: ToHost) -> None:
    """Tie the counts and queues inside to the walk."""
    passes, in_beat = walk.passes, config.beat_words
    op = data.View(gateway_queues(config)[0], inside["op"])
    shown = walk.gave + walk.shows
    spec.lemma("active", inside["active"] == walk.active)
    for name in ("kind", "recv", "send"):
        spec.lemma(f"op: {name}", ~walk.active | (getattr(op, name) == getattr(walk, name)))
    spec.lemma("a known kind", ~walk.active | Mux(
        passes, walk.send <= walk.recv,
        (walk.is_send | walk.is_program) & (walk.recv == 0) & (walk.send != 0)))
    for name, left in (("reps", Mux(walk.active, walk.reps - walk.rep, 0)),
                       ("recv", Mux(walk.active, walk.recv - walk.got, 0)),
                       ("send", Mux(walk.active, walk.send - shown, 0))):
        spec.lemma(f"{name}: left", ((name == "reps") & ~walk.active)
                   | (inside[f"{name}_left"] == left))
        spec.lemma(f"{name}: some", inside[f"{name}_some"] == (inside[f"{name}_left"] != 0))
        spec.lemma(f"{name}: last", inside[f"{name}_last"] == (inside[f"{name}_left"] == 1))
    spec.lemma("counts", (walk.got <= walk.recv) & (shown <= walk.send)
               & (~walk.active | (walk.rep <= walk.reps))
               & (walk.active | ((walk.got == 0) & (walk.gave == 0))))
    spec.lemma("forwarded", ~passes | ~walk.active | (
        shown == Mux(walk.got < walk.send, walk.got, walk.send)))

    unpack, pack = inside.submodule("unpack"), inside.submodule("pack")
    left = unpack["words_left"]
    came_in = from_host.came - from_host.used_next
    level = _queue_lemmas(spec, "in_queue", inside, config)
    at_end = inside.submodule("in_queue").submodule("fifo")["r_rdy"]
    stuck = from_host.wait.cycles
    spec.lemma("a word of the host comes step by step", ~from_host.wait.owed
               | (stuck < 1) | ((at_end | (left != 0)) & (stuck < 2))
               | ((left != 0) & (stuck < 3)))
    spec.lemma("beats in", (level + (left != 0) == came_in[:4])
               & (from_host.inside <= config.host_fifo_beats + 2))
    spec.lemma("place in a beat", Mux(left == 0, from_host.at_next == 0,
                                      left + from_host.at_next == in_beat))
    in_block = walk.active & ~passes & (shown < walk.send)
    spec.lemma("words of the beat", from_host.at_next == Mux(in_block, shown[:3], 0))
    ahead = (from_host.number - from_host.used_next)[:4]
    held = unpack["beat"]
    for at in range(in_beat):
        spec.lemma(f"the watched beat from word {at} on", (ahead != 0) | (left != in_beat - at)
                   | (held[:len(held) - at * config.link_bits]
                      == from_host.beat[at * config.link_bits:]))
    _watch_in_queue(spec, "in_queue", inside, (ahead - (left != 0))[:4], level,
                    lambda beat: beat == from_host.beat)

    whole = pack.component.o.valid
    level_out = _queue_lemmas(spec, "out_queue", inside, config)
    out_fifo = inside.submodule("out_queue").submodule("fifo")
    stuck = to_host.wait.cycles
    spec.lemma("a beat for the host comes step by step", out_fifo["r_rdy"] | (
        (stuck < 1) | ((out_fifo["inner_level"] != 0) & (stuck < 2))))
    spec.lemma("beats out", (level_out + whole == to_host.inside)
               & (to_host.inside <= config.host_fifo_beats + 1))
    spec.lemma("index", (pack["index"] == to_host.at) & (~whole | (to_host.at == 0)))
    spec.lemma("an open beat", (to_host.at == 0) | (
        walk.active & walk.is_sink & (walk.got[:3] == to_host.at) & (walk.got < walk.recv)))
    spec.lemma("a beat begins at a multiple", ~(walk.active & walk.is_sink & (
        walk.got < walk.recv)) | (walk.got[:3] == to_host.at))
    at_pack = Mux(to_host.at == 0, whole & (
        (to_host.number + 1)[:4] == to_host.closed), to_host.number == to_host.closed)

    def has_word(beat: Any) -> Value:
        return beat.word_select(to_host.place, config.link_bits) == to_host.word

    spec.lemma("the watched beat out", ~at_pack | (has_word(pack["beat"])))
    _watch_in_queue(spec, "out_queue", inside, (to_host.number - to_host.gone)[:4], level_out,
                    has_word)


def _queue_lemmas(spec: Spec, name: str, inside: Inside, config: TorusConfig) -> Value:
    """Say what the registers of a `Queue` mean; return how many beats are in it."""
    fifo = inside.submodule(name).submodule("fifo")
    stored = config.host_fifo_beats - 1
    level = fifo["inner_level"]
    spec.lemma(f"{name}: level", (level <= stored)
               & ((fifo["produce"] - fifo["consume"])[:2] == level[:2]))
    return level + fifo["r_rdy"]


def _watch_in_queue(spec: Spec, name: str, inside: Inside, ahead: Value, level: Value,
                    right: Callable[[Any], Value]) -> None:
    """The watched beat has so many before it in the queue."""
    fifo = inside.submodule(name).submodule("fifo")
    storage = fifo.submodule("storage")
    shown = fifo["r_rdy"]
    address = (fifo["consume"] + ahead - shown)[:2]
    spec.lemma(f"{name}: the watched beat at its end", ~shown | (ahead != 0)
               | right(storage["r_port__data"]))
    spec.lemma(f"{name}: the watched beat in it", (ahead >= level) | (shown & (ahead == 0))
               | right(storage.word_at(spec.m, address)))
