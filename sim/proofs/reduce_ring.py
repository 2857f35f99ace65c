"""Rings of `RingReduce` nodes: every gradient gets the shares of all, and no ring stands still."""

from typing import Any

from amaranth import *

from .gather import small_training
from .reduce import ReduceCheck, look_into_reduce, reduce_lemmas
from .reduce_walk import CHUNKS, PLACE, Walk
from .rtl import Rtl
from .slow_link import SlowLink, add_slow_link
from .spec import Rest, Spec, Wait, any_constant, any_value

__all__ = ["reduce_ring_spec"]

class _Node:
    """One node of a ring with its players: who hands over, the engine, and its two ends.

    Attributes
    ----------
    handed, adds
        The next contribution to be handed over, and the oldest that is not `taken`.
    gets, gives
        The contribution that the next partial sum to be received is for, and that of the next sum
        to be sent.
    adds_next
        `adds`, or the place after it if that one is `taken` in this cycle.
    hands_over
        The rest of the MAC.
    watched, share
        The contribution to the watched gradient, and what was given.
    places, partial_places
        Where the contributions that wait belong, and the partial sums, whether there or not.
    """

    def __init__(self, spec: Spec, name: str, config: Any, rtl: Rtl, walk: Walk, nodes: int,
                 engine: Any, before: SlowLink, behind: SlowLink, watched: Any,
                 rest_cycles: int) -> None:
        m = spec.m
        self.name = name
        self.engine = engine
        self.behind = behind
        self.check = check = ReduceCheck(spec, name, config, rtl, engine, before.leaves)
        self.before = before
        self.handed = walk.player(f"{name}_handed", nodes - 1)
        self.adds = walk.player(f"{name}_adds", nodes - 1)
        self.gets = walk.player(f"{name}_gets", nodes - 2)
        self.gives = walk.player(f"{name}_gives", nodes - 1)
        self.hands_over: Rest = spec.soon(f"{name}: hands over", check.may_hand_over, rest_cycles)
        own = engine.own
        m.d.comb += [
            own.valid.eq(check.may_hand_over & self.hands_over.over),
            own.p.sum.eq(any_value(m, f"{name}_any_sum", config.acc_bits)),
            own.p.takes.eq(walk.takes(self.handed)),
            own.p.keeps.eq(walk.keeps(self.handed)),
            own.p.to_host.eq(any_value(m, f"{name}_any_to_host", 1)),  # In such a ring no matter.
        ]
        self.watched = watched
        self.share = Signal(config.acc_bits, name=f"{name}_share")
        with m.If(own.valid & (self.handed == watched)):
            m.d.sync += self.share.eq(own.p.sum)
        self.adds_next = walk.choose(engine.taken, walk.after(self.adds), self.adds)
        with m.If(own.valid):
            m.d.sync += self.handed.eq(walk.after(self.handed))
        m.d.sync += self.adds.eq(self.adds_next)
        with m.If(before.leaves):
            m.d.sync += self.gets.eq(walk.taker(walk.after(self.gets)))
        with m.If(behind.enters):
            m.d.sync += self.gives.eq(walk.sender(walk.after(self.gives)))
        self._places(spec, walk)

    def _places(self, spec: Spec, walk: Walk) -> None:
        """What lies between the places of the players is what is in the engine."""
        check, engine = self.check, self.engine
        for what, place in (("handed", self.handed), ("adds", self.adds), ("gets", self.gets),
                            ("gives", self.gives)):
            spec.lemma(f"{self.name}: {what}, a place", walk.legal(place))
        spec.lemma(f"{self.name}: gets, for one that takes", walk.takes(self.gets))
        spec.lemma(f"{self.name}: gives, of one that sends", ~walk.keeps(self.gives))
        self.places = [self.adds]  # Of what waits: contributions, and partial sums.
        for index, slot in enumerate(check.contributions.slots):
            place, count = self.places[-1], check.contributions.count
            spec.lemma(f"{self.name}: {index} wait", (count != index) | (self.handed == place))
            spec.lemma(f"{self.name}: flags {index}", (count <= index) | (
                (slot.takes == walk.takes(place)) & (slot.keeps == walk.keeps(place))))
            self.places.append(walk.after(place))
        spec.lemma(f"{self.name}: all wait", (check.contributions.count != check.depth)
                   | (self.handed == self.places[-1]))
        self.partial_places = [walk.taker(self.adds)]
        for index in range(check.depth + 1):
            place = self.partial_places[-1]
            spec.lemma(f"{self.name}: {index} partial sums wait",
                       (check.partials.count != index) | (self.gets == place))
            self.partial_places.append(walk.taker(walk.after(place)))
        spec.lemma(f"{self.name}: what is sent", walk.choose(
            engine.o.valid, walk.sender(walk.after(self.gives)), self.gives)
            == walk.sender(self.adds_next))


def reduce_ring_spec(rtl: Rtl, nodes: int, reduce_words: int, rest_cycles: int, *,
                     locks_up: int = 0) -> Spec:
    """A ring of nodes that all walk the same chunks, in which nobody rests too long.

    A reset of the whole ring comes at any time. Watched is any word of node 0; all nodes are alike,
    so it stands for all words.

    Parameters
    ----------
    reduce_words
        Depth of a FIFO, and the size of the largest chunk.
    locks_up
        If not 0, all chunks are of so many words, which are too many: then it is not demanded that
        the ring goes on, and the goal is that it stands still.
    """
    spec = Spec(restarts=True)
    m = spec.m
    config = small_training(reduce_words, max_fan_in=2)
    walk = Walk(spec, nodes, locks_up or 1, locks_up or reduce_words)
    engines = [rtl.module("ring.reduce").RingReduce(config) for _ in range(nodes)]
    links: list[SlowLink] = []  # Each behind its node: sums go to the node numbered one less.
    for index, engine in enumerate(engines):
        m.submodules[f"node_{index}"] = engine
        links.append(add_slow_link(spec, f"link_{index}", engine.o, engines[index - 1].i,
                                   rest_cycles))
    chunk = any_constant(m, "watched_chunk", range(CHUNKS))
    word = any_constant(m, "watched_word", 4)
    ring: list[_Node] = []
    for index, engine in enumerate(engines):
        # The words of node 0 are in block n of the node that lies n before it on the way forward.
        watched = Signal(PLACE, name=f"watched_{index}")
        m.d.comb += [watched.chunk.eq(chunk), watched.block.eq(index), watched.word.eq(word)]
        ring.append(_Node(spec, f"node_{index}", config, rtl, walk, nodes, engine,
                          links[(index + 1) % nodes], links[index], watched, rest_cycles))
    for index, node in enumerate(ring):
        after = ring[index - 1]
        next_got = walk.choose(node.behind.full, walk.taker(walk.after(after.gets)), after.gets)
        spec.lemma(f"{node.name}: both ends of its link are at the same place",
                   node.gives == walk.upstream(next_got))
    _watch(spec, ring)
    stands_still = _progress(spec, ring, demanded=not locks_up)
    spec.goal = stands_still if locks_up else (
        ring[0].engine.complete.valid & (ring[0].adds.chunk == 2)
        & spec.was_restarted(ring[0].engine.complete.valid))

    def add_lemmas() -> None:
        for node in ring:
            reduce_lemmas(spec, node.check, look_into_reduce(node.engine))

    spec.look_inside(add_lemmas)
    return spec


def _watch(spec: Spec, ring: list[_Node]) -> None:
    """The watched gradient is the sum of what all nodes gave to it, and grows node by node."""
    acc_bits = len(ring[0].share)
    share_from: list[Value] = [Const(0, acc_bits)]  # The sums from each node on, then nothing.
    for node in reversed(ring):
        total = Signal(acc_bits, name=f"{node.name}_share_from")
        spec.m.d.comb += total.eq(share_from[0] + node.share)
        share_from.insert(0, total)
    owner = ring[0].engine
    spec.check("a gradient is not the sum of all shares",
               ~(owner.complete.valid & (ring[0].adds == ring[0].watched))
               | (owner.complete.p.sum.as_unsigned() == share_from[0]))
    for index, node in enumerate(ring):
        check, link = node.check, node.before
        for slot, item in enumerate(check.contributions.slots):
            spec.lemma(f"{node.name}: the watched one waits {slot}", ~(
                (slot < check.contributions.count) & (node.places[slot] == node.watched))
                | (item.sum.as_unsigned() == node.share))
        arriving = share_from[index + 1]
        for slot, item in enumerate(check.partials.slots):
            spec.lemma(f"{node.name}: the watched partial sum waits {slot}", ~(
                (slot < check.partials.count) & (node.partial_places[slot] == node.watched))
                | (item.as_unsigned() == arriving))
        spec.lemma(f"{node.name}: the watched partial sum is on its way",
                   ~(link.full & (node.gets == node.watched)) | (link.word[:acc_bits] == arriving))
        out = node.engine.o
        spec.lemma(f"{node.name}: the watched sum goes out", ~(
            out.valid & (node.gives == node.watched))
            | (out.p.sum.as_unsigned() == share_from[index]))


def _progress(spec: Spec, ring: list[_Node], *, demanded: bool) -> Value:
    """Demand that something always happens; return whether nothing ever happens again.

    Whatever happens brings a player forward, and no node is far before another, so every chunk
    comes to its end.
    """
    m = spec.m
    slowest = Signal(range(CHUNKS))
    leads: list[Value] = []
    for node in ring:
        lead = Signal(range(CHUNKS), name=f"{node.name}_lead")
        m.d.comb += lead.eq(node.adds.chunk - slowest)
        leads.append(lead)
    all_past = Signal()
    m.d.comb += all_past.eq(Cat(lead != 0 for lead in leads).all())
    with m.If(all_past):
        m.d.sync += slowest.eq(slowest + 1)
    spec.lemma("slowest", Cat(lead <= 1 for lead in leads).all())

    waits: list[Wait] = []
    events: list[Value] = []
    for node in ring:
        link = node.behind
        waits += [node.check.wait, link.rest]
        if node.hands_over.wait is not None:
            waits.append(node.hands_over.wait)
        events += [node.engine.own.valid, node.engine.taken, link.enters, link.shows, link.leaves]
    happens = Signal()
    m.d.comb += happens.eq(Cat(events).any())
    owed = Cat(wait.owed for wait in waits).any()
    if demanded:
        idle = spec.check_soon("nothing happens", ~happens, 2).cycles
        spec.lemma("something is owed", happens | Cat(
            wait.owed & (wait.cycles >= idle) for wait in waits).any())
    return ~happens & ~owed
