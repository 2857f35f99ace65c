"""A ring of a PE and a gateway: words go from the host to the PE and back, and never get stuck."""

from dataclasses import dataclass
from typing import Any

from amaranth import *

from hw.config import TorusConfig
from hw.op_fields import RingKind

from .gateway import gateway_without_sequencer
from .gateway_lemmas import gateway_lemmas
from .gateway_walk import FromHost, GatewayWalk, ToHost
from .inside import look_inside
from .lemmas import StateLemmas
from .node import NodeCheck
from .program import NUMBERS, Cursor, Op, Program, difference, next_position, plus
from .rtl import Rtl
from .slow_link import SlowLink, add_slow_link
from .spec import Spec, Wait, any_constant
from .streams import check_holds, drive_soon, take_soon

__all__ = ["gateway_ring_spec"]

_MOST_IDLE_CYCLES = 4


@dataclass(frozen=True)
class _Place:
    """A word of a repetition."""

    number: Value
    position: Value

    def named(self, spec: Spec, name: str, like: Value) -> "_Place":
        """Return the place as signals, which a trace shows."""
        number, position = Signal(range(NUMBERS), name=f"{name}_number"), Signal.like(
            like, name=f"{name}_position")
        spec.m.d.comb += [number.eq(self.number), position.eq(self.position)]
        return _Place(number, position)

    def __eq__(self, other: object) -> Any:
        assert isinstance(other, _Place)
        return (self.number == other.number) & (self.position == other.position)


def _choose(condition: Value, one: _Place, other: _Place) -> _Place:
    return _Place(Mux(condition, one.number, other.number),
                  Mux(condition, one.position, other.position))


def _is_of_host(op: Op) -> Value:
    """Return whether the gateway sends words in an op; in the others it receives words."""
    return ~op.to_gateway


def gateway_ring_spec(rtl: Rtl, config: TorusConfig, rest_cycles: int) -> Spec:
    """A PE and a gateway that run any two ops in turn, for ever; a reset comes at any time.

    In one op the PE sends its own words to the gateway, which hands them to the host; in the other
    one the gateway sends words of the host to the PE. Nobody rests too long, also not the host.
    Watched is one word of any repetition, from the gateway to the MAC, or from the PE to the
    gateway; and, as in `gateway_spec`, a beat of the host and a word for it.
    """
    spec = Spec(restarts=True)
    m = spec.m
    program = Program(spec, "ring", config, rtl, regions=1, last_in_row=Const(1), given=[
        {"recv": 0, "to_gateway": 1}, {"own": 0, "to_gateway": 0}])
    spec.assume(program.ops[0].own != 0)
    number = any_constant(m, "watched_number", range(NUMBERS))
    spec.assume(number < NUMBERS)
    position = any_constant(m, "watched_position", config.count_bits)
    watched = _Place(number, position)

    engine = rtl.module("ring.gather").RingGather(config)
    m.submodules.node = engine
    m.d.comb += engine.last_in_row.eq(1)
    gateway, inside, sequencer = gateway_without_sequencer(rtl, config)
    m.submodules.gateway = gateway
    to_gateway = add_slow_link(spec, "to_gateway", engine.o, gateway.i, rest_cycles)
    to_node = add_slow_link(spec, "to_node", gateway.o, engine.i, rest_cycles)
    check = NodeCheck(spec, "node", program, engine, to_node.leaves, to_gateway.enters,
                      rest_cycles=rest_cycles, watched=(number, position))
    walk = GatewayWalk(spec, gateway, sequencer, to_gateway.leaves)
    check_holds(spec, "gateway_out", gateway.o)
    host_in = drive_soon(spec, "host_in", gateway.host_in, rest_cycles)
    host_out = take_soon(spec, "host_out", gateway.host_out, rest_cycles)
    from_host = FromHost(spec, config, gateway, walk, sequencer, host_in.transfer)
    to_host = ToHost(spec, config, gateway, walk, host_out.transfer)
    place = program.player(spec, "gateway")
    offers, op_wait = _give_ops(spec, program, sequencer.queue_0, walk, place, rest_cycles)

    next_given, next_got = _same_places(spec, program, check, walk, place, to_node, to_gateway,
                                        gateway)
    gave = Signal(config.word_bits, name="gateway_gave")
    is_given = walk.shows & (next_given[0] == watched)
    with m.If(is_given):
        m.d.sync += gave.eq(gateway.o.payload)
    of_host = _is_of_host(program.op_at(number))
    watch = check.watch
    spec.check("the MAC reads another word than the gateway gave", ~(
        of_host & watch.was_read[-1]) | (check.side.got_word == gave))
    spec.check("the gateway gets another word than the PE had", ~(
        walk.received & (next_got == watched)) | (gateway.i.payload == watch.word))
    spec.lemma("the watched word in the PE", ~of_host | ~(
        watch.to_read | watch.was_read.any()) | (watch.word == gave))
    spec.lemma("the watched word on its way to the PE", ~(
        to_node.full & (next_given[2] == watched)) | (to_node.word == gave))
    spec.lemma("the watched word at the gateway's output", ~(
        gateway.o.valid & ~walk.shows & (next_given[1] == watched)) | (gateway.o.payload == gave))
    spec.lemma("the watched word on its way to the gateway", ~(
        to_gateway.full & (next_got == watched)) | (to_gateway.word == watch.word))

    events = [host_in.shows, host_in.transfer, host_out.transfer, host_out.shows, offers,
              walk.finishes, walk.shows]
    waits = [host_in.wait, host_out.wait, op_wait, from_host.wait, to_host.wait]
    _check_progress(spec, check, [to_node, to_gateway], events, waits)
    # A word of the PE was on its way to the host as a reset came; then two words of the host are
    # read by the MAC, after the host has had one of the PE.
    spec.goal = (check.side.consumes & of_host & (check.side.read.number == 1) & (number == 1)
                 & (program.ops[1].recv == 2) & (to_host.gone == 1)
                 & spec.was_restarted(to_host.inside == 1))

    def add_lemmas() -> None:
        StateLemmas(spec, check, look_inside(engine))
        gateway_lemmas(spec, config, inside, walk, from_host, to_host)

    spec.look_inside(add_lemmas)
    return spec


def _give_ops(spec: Spec, program: Program, queue: Any, walk: GatewayWalk, place: Cursor,
              rest_cycles: int) -> tuple[Value, Wait]:
    """Give the gateway the ops that belong to those of the PE.

    Returns
    -------
    Value, Wait
        One is offered or taken; how long none has been offered.
    """
    m = spec.m
    coming = program.player(spec, "gateway_queue")
    op_waits = Signal(name="gateway_op_waits")
    rest = spec.soon("gateway: an op is offered", ~op_waits, rest_cycles)
    assert rest.wait is not None
    of_host = _is_of_host(coming.op)
    fields = {"kind": Mux(of_host, RingKind.SEND, RingKind.SINK), "reps": coming.op.reps,
              "recv": Mux(of_host, 0, coming.op.own), "send": Mux(of_host, coming.op.recv, 0)}
    m.d.comb += queue.valid.eq(op_waits | rest.over)
    m.d.sync += op_waits.eq(queue.valid & ~queue.ready)
    for name, value in fields.items():
        m.d.comb += getattr(queue.p, name).eq(value)
    with m.If(queue.valid & queue.ready):
        m.d.sync += coming.number.eq(plus(coming.number, 1 + coming.op.reps))
    with m.If(walk.finishes):
        m.d.sync += place.number.eq(plus(place.number, 1))
    op = place.op
    spec.lemma("gateway: numbers", (coming.number < NUMBERS) & (place.number < NUMBERS))
    spec.lemma("gateway: queue", (coming.rep == 0) & (coming.number == plus(
        place.number, Mux(walk.active, 1 + walk.reps - walk.rep, 0))))
    spec.lemma("gateway: op", ~walk.active | (
        (walk.rep == place.rep) & (walk.reps == op.reps) & Mux(
            _is_of_host(op), walk.is_send & (walk.send == op.recv) & (walk.recv == 0),
            walk.is_sink & (walk.recv == op.own) & (walk.send == 0))))
    spec.lemma("gateway: an op waits for one in progress", ~op_waits | walk.active)
    return queue.valid & (~op_waits | queue.ready), rest.wait


def _same_places(spec: Spec, program: Program, check: NodeCheck, walk: GatewayWalk, place: Cursor,
                 to_node: SlowLink, to_gateway: SlowLink,
                 gateway: Any) -> tuple[tuple[_Place, _Place, _Place], _Place]:
    """What one end sends next is what the other end receives next, but for what is between them.

    Returns
    -------
    tuple
        The places of the word that the gateway shows next, of the one that enters the link next,
        and of the one that the PE receives next.
    _Place
        That of the word that the gateway receives next.
    """
    current = check.side.current
    like = check.arrived

    def after(number: Value, of_host: bool) -> Value:
        return program.after(number, lambda op: op.to_gateway != of_host)

    def next_given(at: _Place) -> _Place:
        ends = at.position + 1 >= program.op_at(at.number).recv
        return _Place(Mux(ends, after(at.number, True), at.number),
                      Mux(ends, 0, at.position + 1)[:len(like)])

    received = check.arrived == current.op.recv
    gets = _choose(received, _Place(after(current.number, True), Const(0)),
                   _Place(current.number, check.arrived)).named(spec, "node_gets", like)
    enters = _choose(to_node.full, next_given(gets), gets).named(spec, "link_gets", like)
    shows = _choose(gateway.o.valid & ~walk.shows, next_given(enters), enters).named(
        spec, "gateway_shows", like)
    spec.lemma("both ends of the way to the PE are at the same place", shows == _choose(
        _is_of_host(place.op) & (walk.gave < place.op.recv), _Place(place.number, walk.gave),
        _Place(after(place.number, True), Const(0))))

    got = _choose(place.op.to_gateway & (walk.got < place.op.own), _Place(place.number, walk.got),
                  _Place(after(place.number, False), Const(0))).named(spec, "gateway_gets", like)
    spec.lemma("both ends of the way to the gateway are at the same place", _choose(
        to_gateway.full, _Place(*next_position(program, got.number, got.position)), got)
        == _Place(check.out.number, check.departed))
    # Numbers wrap, but those that are compared are near each other.
    def lies(name: str, later: Value, earlier: Value) -> Signal:
        return difference(spec.m, f"{name}_is_after", later, earlier)

    apart = lies("gateway", place.number, current.number)
    ways = {"to the PE": (lies("node_gets", gets.number, current.number),
                          lies("gateway_shows", shows.number, gets.number),
                          -lies("shown", shows.number, place.number)),
            "to the gateway": (-check.unsent, -lies("node_out", check.out.number, place.number))}
    spec.lemma("the gateway is not far from the PE", (apart >= -3) & (apart <= 3))
    for way, distances in ways.items():
        total = Signal(signed(7), name=f"apart {way}".replace(" ", "_"))
        spec.m.d.comb += total.eq(sum(distances, start=Const(0)))
        spec.lemma(f"both ends of the way {way} are in the same turn", total == apart)
    return (shows, enters, gets), got


def _check_progress(spec: Spec, check: NodeCheck, links: list[SlowLink], events: list[Value],
                    waits: list[Wait]) -> None:
    """Something always happens, as in `ring_spec`."""
    side, node = check.side, check.node
    not_taken = check.waits["receive"]
    waits = [*waits, *(link.rest for link in links), *side.rests.values(), check.waits["retire"],
             check.waits["send"], check.waits["let the MAC read"],
             Wait(not_taken.owed & node.i.valid, not_taken.cycles)]
    for link in links:
        events = [*events, link.enters, link.leaves, link.shows]
    offers, wants = side.begins
    waited = Signal(name="node_output_waited")
    spec.m.d.sync += waited.eq(node.o.valid & ~node.o.ready)
    happens = Signal()
    spec.m.d.comb += happens.eq(Cat(
        *events, node.o.valid & ~waited, side.writes, side.reads, wants, offers,
        side.retires).any())
    idle = spec.check_soon("nothing happens", ~happens, _MOST_IDLE_CYCLES).cycles
    spec.lemma("something is owed", happens | Cat(
        wait.owed & (wait.cycles >= idle) for wait in waits).any())
