"""Rings of `RingGather` nodes: every node gets the right words, and the ring never stands still."""

from dataclasses import dataclass

from amaranth import *

from hw.presets import PROOF

from .inside import look_inside
from .lemmas import StateLemmas
from .node import NodeCheck
from .program import NUMBERS, Program, difference, next_position, plus
from .rtl import Rtl
from .slow_link import SlowLink, add_slow_link
from .spec import Spec, Wait, any_constant

__all__ = ["ring_spec"]


def ring_spec(rtl: Rtl, nodes: int, regions: int, rest_cycles: int, *,
              starts: bool = False) -> Spec:
    """A ring of nodes that run any op again and again, in which nobody rests too long.

    A reset of the whole ring comes at any time. With `starts`, a program may start at each node
    whenever that is idle and has retired a repetition since the last start.

    Watched is any own word of node 0 in any repetition; all nodes are alike, so it stands for all
    words. `docs/architecture.md`, section 2, says at which position each node must see it.
    """
    spec = Spec(restarts=True)
    m = spec.m
    program = Program(spec, "ring", PROOF, rtl, given=[{}], regions=regions,
                      last_in_row=Const(0), ring_nodes=nodes)
    own = program.ops[0].own
    number = any_constant(m, "watched_number", range(NUMBERS))
    spec.assume(number < NUMBERS)
    offset = any_constant(m, "watched_offset", len(own))
    spec.assume(offset < own)

    engines = [rtl.module("ring.gather").RingGather(PROOF) for _ in range(nodes)]
    links = []
    for index, engine in enumerate(engines):
        m.submodules[f"node_{index}"] = engine
        links.append(add_slow_link(spec, f"link_{index}", engine.o, engines[(index + 1) % nodes].i,
                                   rest_cycles))
    checks = []
    for index, engine in enumerate(engines):
        position = Signal.like(own, name=f"watched_position_{index}")
        m.d.comb += position.eq(index * own + offset)
        check = NodeCheck(spec, f"node_{index}", program, engine, links[index - 1].leaves,
                          links[index].enters, rest_cycles=rest_cycles, watched=(number, position),
                          restarts=starts)
        checks.append(check)

    def add_lemmas() -> None:
        for engine, check in zip(engines, checks, strict=True):
            StateLemmas(spec, check, look_inside(engine))

    spec.look_inside(add_lemmas)

    for index, check in enumerate(checks):
        _same_place(spec, f"link_{index}", links[index], check, checks[(index + 1) % nodes])
    origin = checks[0]
    for index, check in enumerate(checks[1:], start=1):
        watch = check.watch
        spec.check(f"node_{index}: gets another word than node 0 had",
                   ~watch.was_read[-1] | (check.side.got_word == origin.watch.word))
        spec.lemma(f"node_{index}: the watched word", ~(
            watch.to_read | watch.to_send | watch.was_read.any())
            | (watch.word == origin.watch.word))
    for index, (link, target) in enumerate(zip(links, checks[1:], strict=False)):
        place = _next_received(target)
        spec.lemma(f"link_{index}: the watched word", ~(
            link.full & (place[0] == number) & (place[1] + own == target.watch.position))
            | (link.word == origin.watch.word))
    _check_progress(spec, links, checks, rest_cycles)
    last = checks[-1]
    forgot = Signal(init=not starts)  # Own words that a start made node 0 forget.
    with m.If(origin.side.starts & (origin.side.write_position != 0)):
        m.d.sync += forgot.eq(1)
    spec.goal = (last.side.consumes & (last.side.read.number == 2) & (own >= 3) & forgot)
    return spec


def _next_received(check: NodeCheck) -> tuple[Value, Value]:
    """Return the repetition of the next word that a node receives, and its place among those."""
    current = check.side.current
    done = check.arrived == current.op.recv
    return Mux(done, plus(current.number, 1), current.number), Mux(done, 0, check.arrived)


def _same_place(spec: Spec, name: str, link: SlowLink, source: NodeCheck,
                target: NodeCheck) -> None:
    """What one node sends next is what the next one receives next, but for a word on the link."""
    number, position = _next_received(target)
    after = next_position(target.program, number, position)
    spec.lemma(f"{name}: both ends are at the same place",
               (source.out.number == Mux(link.full, after[0], number))
               & (source.departed == Mux(link.full, after[1], position)))


@dataclass(frozen=True)
class _Player:
    """One of those who move words, and what it does.

    Attributes
    ----------
    events
        What it does this cycle.
    moved
        A number that grows with each of them: where it is, counted from the slowest repetition.
    most
        The greatest value of `moved`.
    """

    name: str
    events: list[Value]
    moved: Value
    most: int


def _check_progress(spec: Spec, links: list[SlowLink], checks: list[NodeCheck],
                    rest_cycles: int) -> None:
    """Every repetition comes to its end within a bound.

    Something is always owed, by a node or by a player that rests, and whatever is owed comes within
    some cycles: so something happens. And only so much can happen before all nodes have retired
    the repetition that is the slowest.
    """
    m = spec.m
    slowest = Signal(range(NUMBERS))
    leads = [difference(m, f"lead_{index}", check.side.current.number, slowest)
             for index, check in enumerate(checks)]
    all_past = Signal()
    m.d.comb += all_past.eq(Cat(lead > 0 for lead in leads).all())
    with m.If(all_past):
        m.d.sync += slowest.eq(plus(slowest, 1))
    spec.lemma("slowest", (slowest < NUMBERS)
               & Cat((lead >= 0) & (lead <= 1) for lead in leads).all())

    waits: list[Wait] = [link.rest for link in links]
    players: list[_Player] = []
    for index, (check, link) in enumerate(zip(checks, links, strict=True)):
        not_taken = check.waits["receive"]
        waits += [*check.side.rests.values(), check.waits["retire"], check.waits["send"],
                  check.waits["let the MAC read"],
                  Wait(not_taken.owed & check.node.i.valid, not_taken.cycles)]
        players += _players(spec, f"node_{index}", check, link, links[index - 1], slowest, all_past)
    happens = Signal()
    m.d.comb += happens.eq(Cat(event for player in players for event in player.events).any())
    most_idle = max(rest_cycles, 4)
    idle = spec.check_soon("nothing happens", ~happens, most_idle).cycles
    spec.lemma("something is owed", happens | Cat(
        wait.owed & (wait.cycles >= idle) for wait in waits).any())

    most_events = sum(player.most for player in players)
    bound = (most_idle + 1) * most_events + most_idle
    busy = Signal(range(most_events + 2))  # Cycles in which something happened.
    age = Signal(range(bound + 2))
    with m.If(all_past):
        m.d.sync += [busy.eq(0), age.eq(0)]
    with m.Else():
        m.d.sync += [busy.eq(busy + happens), age.eq(age + 1)]
    spec.check(f"a repetition takes longer than {bound} cycles", age <= bound)
    spec.lemma("age", age <= (most_idle + 1) * busy + idle)
    events, _ = _count(spec, all_past, players)
    spec.lemma("busy", busy <= events)


def _players(spec: Spec, name: str, check: NodeCheck, link: SlowLink, link_before: SlowLink,
             slowest: Value, all_past: Value) -> list[_Player]:
    """All that happens at a node and on the link behind it, each thing a step of some player.

    A start throws the writer back by what it wrote for the coming repetition, and makes the reader
    ask anew.
    """
    m = spec.m
    side, program, node = check.side, check.program, check.node
    op = program.ops[0]
    most_total = program.region_words
    shown_before, shown = Signal(name=f"{name}_output_before"), Signal(name=f"{name}_output_shown")
    m.d.sync += [
        shown_before.eq(node.o.valid),
        shown.eq(node.o.valid & ~link.enters),
    ]

    spec.lemma(f"{name}: output shown", ~shown | (node.o.valid & shown_before))

    def steps(what: str, number: Value, behind: int, ahead: int, words: Value,
              position: Value) -> Value:
        """Words from `behind` repetitions before the slowest one up to this place."""
        away = difference(m, f"{name}_{what}_from_slowest", number, slowest)
        spec.lemma(f"{name}: {what}, from the slowest", (away >= -behind) & (away <= ahead))
        moved = Signal(range(most_total * (behind + ahead + 1) + 1), name=f"{name}_{what}_moved")
        m.d.comb += moved.eq(
            Array(words * count for count in range(behind + ahead + 1))[away + behind] + position)
        return moved

    sent = steps("out", check.out.number, 2, 2, op.recv, check.departed)
    received = steps("in", side.current.number, 0, 1, op.recv, check.arrived)
    written = steps("written", side.written.number, 0, 2, op.own, side.write_position)
    read = steps("read", side.read.number, 1, 2, op.words, side.read_position)
    queued = steps("queue", side.queue.number, 1, 3, Const(1), Const(0))
    retired = steps("retired", side.current.number, 0, 1, Const(1), Const(0))
    offers, wants = side.begins
    begun = Signal(2, name=f"{name}_programs_begun")  # Since all had retired the one before.
    undone = Signal(range(2 * most_total + 1), name=f"{name}_writes_undone")
    most_undone = most_begun = 0
    if not isinstance(side.starts, Const):
        most_begun, most_undone = 2, 2 * (most_total // 2)
        with m.If(all_past):
            m.d.sync += [begun.eq(0), undone.eq(0)]
        with m.Elif(side.starts):
            m.d.sync += [begun.eq(begun + 1), undone.eq(
                undone + Mux(side.ahead > 0, op.own, 0) + side.write_position)]
        spec.lemma(f"{name}: asks anew after a start", ~(side.started & side.still_wants))
        spec.lemma(f"{name}: programs begun", begun + side.has_run
                   <= 1 + (side.current.number != slowest))
        spec.lemma(f"{name}: writes undone", undone <= Mux(begun == 2, 2 * op.own, Mux(
            begun == 1, op.own, 0)))
    return [
        _Player(f"{name}: output", [link.enters, node.o.valid & ~shown_before],
                2 * sent + shown, 2 * 5 * most_total + 1),
        _Player(f"{name}: link before it", [link_before.leaves, link_before.shows],
                2 * received + link_before.offered, 2 * 2 * most_total + 1),
        _Player(f"{name}: writer", [side.writes], written + undone,
                3 * most_total + most_undone),
        _Player(f"{name}: reader", [side.reads, wants], 2 * read + side.still_wants + begun,
                2 * 4 * most_total + 1 + most_begun),
        _Player(f"{name}: queue", [offers], 2 * queued + side.op_waits, 2 * 4 + 1),
        _Player(f"{name}: engine", [side.retires, side.starts], retired + begun, 1 + most_begun),
    ]


def _count(spec: Spec, restart: Value, players: list[_Player]) -> tuple[Signal, Value]:
    """Return how many events there were since `restart`, and how many there are this cycle.

    Counted by twos, and these by twos again, so that each sum is a small step for the solver.
    """
    m = spec.m
    if len(players) == 1:
        player, = players
        counted, now = Signal(range(player.most + 2)), sum(player.events, start=Const(0))
        spec.lemma(f"{player.name}: events",
                   (counted <= player.moved) & (player.moved <= player.most))
    else:
        half = len(players) // 2
        (first, first_now), (second, second_now) = (
            _count(spec, restart, part) for part in (players[:half], players[half:]))
        counted = Signal(range(sum(player.most for player in players) + 2))
        now = first_now + second_now
        spec.lemma(f"{players[0].name} and {len(players) - 1} more: events",
                   counted == first + second)
    m.d.sync += counted.eq(Mux(restart, 0, counted + now))
    return counted, now
