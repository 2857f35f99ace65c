"""`RingReduce` among any neighbours, with any PE that keeps the count of contributions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from amaranth import *
from amaranth.lib import wiring

from .gather import small_training
from .inside import Inside
from .rtl import Rtl
from .spec import Spec, any_value
from .streams import check_holds, drive, take

__all__ = ["ReduceCheck", "Shadow", "reduce_lemmas", "reduce_spec", "look_into_reduce",
           "training_router_spec"]


@dataclass(frozen=True)
class _Ports:
    """The ports of one ring back of a router, named as those of a `RingReduce`."""

    i: Any
    o: Any
    own: Any
    taken: Any
    complete: Any
    idle: Any


class Shadow:
    """A queue as plain as can be: what is in it, the oldest first.

    Attributes
    ----------
    slots, count
        The first `count` of the slots are in use.
    """

    def __init__(self, m: Module, name: str, shape: Any, depth: int) -> None:
        self._m = m
        self.slots: list[Any] = [Signal(shape, name=f"{name}_{slot}") for slot in range(depth)]
        self.count = Signal(range(depth + 1), name=f"{name}_count")

    def connect(self, put: Any, item: Any, take: Any) -> None:
        """Put an item behind the others, and take the oldest one out, in one cycle."""
        left = self.count - take
        self._m.d.sync += self.count.eq(left + put)
        for index, slot in enumerate(self.slots):
            later = self.slots[min(index + 1, len(self.slots) - 1)]
            self._m.d.sync += slot.eq(
                Mux(Value.cast(put) & (left == index), item, Mux(take, later, slot)))


class ReduceCheck:
    """Checks one reduce engine against two plain queues.

    Each contribution leaves in its turn, with the partial sum whose turn it is added if it takes
    one, by the way that it says, once; whatever is not allowed to happen in a cycle does not. Which
    contribution leaves when is for the engine to say (`taken`), but soon.

    Parameters
    ----------
    node : RingReduce
        Its ports; they are driven by others.
    received, sent
        A word is transferred on `node.i`, or on `node.o`.

    Attributes
    ----------
    contributions, partials
        Those handed over and not yet `taken`, and those received and not yet added.
    takes_one
        A partial sum has been added to the contribution that is `taken`.
    may_hand_over
        There is room for a contribution.
    wait
        How long the engine owes the next sum.
    """

    def __init__(self, spec: Spec, name: str, config: Any, rtl: Rtl, node: Any,
                 received: Value) -> None:
        m = spec.m
        self.name = name
        self.node = node
        self.depth = depth = config.training.reduce_words
        layout = rtl.module("layouts").contribution_layout(config)
        self.contributions = Shadow(m, f"{name}_contribution", layout, depth)
        self.partials = Shadow(m, f"{name}_partial", signed(config.acc_bits), depth)
        self.may_hand_over = Signal(name=f"{name}_may_hand_over")
        self.takes_one = Signal(name=f"{name}_takes_one")
        head = self.contributions.slots[0]
        count, partials = self.contributions.count, self.partials.count
        m.d.comb += [
            self.may_hand_over.eq(count - node.taken < depth),
            self.takes_one.eq(node.taken & head.takes),
        ]
        self.contributions.connect(node.own.valid, node.own.payload, node.taken)
        self.partials.connect(received, node.i.p.sum, self.takes_one)

        total = Signal(signed(config.acc_bits), name=f"{name}_total")
        sends, waited = Signal(name=f"{name}_sends"), Signal(name=f"{name}_sum_waited")
        m.d.comb += [
            total.eq(head.sum + Mux(head.takes, self.partials.slots[0], 0)),
            sends.eq(node.taken & ~head.keeps),
        ]
        m.d.sync += waited.eq(node.o.valid & ~node.o.ready)
        spec.check(f"{name}: a contribution is taken that was not handed over",
                   ~node.taken | (count != 0))
        spec.check(f"{name}: a partial sum is added that has not come",
                   ~self.takes_one | (partials != 0))
        spec.check(f"{name}: a sum is sent that is none, or not sent",
                   node.o.valid == (sends | waited))
        spec.check(f"{name}: a sum is sent over another", ~(sends & waited))
        spec.check(f"{name}: another sum is sent", ~sends | (
            (node.o.p.sum == total) & (node.o.p.to_host == head.to_host)))
        spec.check(f"{name}: a sum is kept that is none, or not kept",
                   node.complete.valid == (node.taken & head.keeps))
        spec.check(f"{name}: another sum is kept", ~node.complete.valid | (
            (node.complete.p.sum == total)
            & (Value.cast(node.complete.p.place) == Value.cast(head.place))))
        spec.check(f"{name}: ready does not say whether there is room",
                   node.i.ready == (partials - self.takes_one < depth))
        spec.check(f"{name}: idle is wrong", node.idle == ((count == 0) & ~node.o.valid))
        check_holds(spec, f"{name}_out", node.o)
        self.wait = spec.check_soon(
            f"{name}: does not add up", (count != 0) & ~node.taken
            & (~head.takes | (partials != 0)) & (head.keeps | ~node.o.valid), 1)


def look_into_reduce(component: Any, *engines: str) -> Inside:
    """Return the registers of a `RingReduce`, or of those that are submodules of a component.

    To be called before the component is added to a design.
    """
    names = ("partials.items", "contributions.items")
    return Inside(component, *[f"{engine}.{name}" for engine in engines for name in names]
                  or names, peeks=_MOST_DEPTH)


_MOST_DEPTH = 4


def reduce_lemmas(spec: Spec, check: ReduceCheck, inside: Inside) -> None:
    """Tie the FIFOs of a `RingReduce` to the plain queues of its check."""
    taken, takes_one = check.node.taken, check.takes_one
    for which, shadow, gone in (("contributions", check.contributions, taken),
                                ("partials", check.partials, takes_one)):
        name = f"{check.name}: {which}"
        queue = inside.submodule(which)
        level = shadow.count - gone
        read_at = queue["read_at"]
        address_bits = len(read_at)
        spec.lemma(f"{name}, count", shadow.count <= check.depth)
        spec.lemma(f"{name}, addresses", queue["write_at"] == (read_at + level)[:address_bits])
        spec.lemma(f"{name}, full", queue["full"] == (level == check.depth))
        spec.lemma(f"{name}, valid", queue.component.o.valid == (level != 0))
        items = queue.submodule("items")
        for index, slot in enumerate(shadow.slots):
            later = shadow.slots[min(index + 1, check.depth - 1)]
            item = items.word_at(spec.m, (read_at + index)[:address_bits])
            spec.lemma(f"{name}, item {index}", (level <= index)
                       | (item == Mux(gone, Value.cast(later), Value.cast(slot))))
    spec.lemma(f"{check.name}: about to add up", (check.wait.cycles == 0) | taken)


def reduce_spec(rtl: Rtl, reduce_words: int) -> Spec:
    """One engine, any neighbours, any contributions; a reset comes at any time."""
    spec = Spec(restarts=True)
    config = small_training(reduce_words)
    node = rtl.module("ring.reduce").RingReduce(config)
    spec.m.submodules.node = node
    check, spec.goal = _axis(spec, "node", config, rtl, node)
    spec.look_inside(lambda: reduce_lemmas(spec, check, look_into_reduce(node)))
    return spec


def training_router_spec(rtl: Rtl, reduce_words: int) -> Spec:
    """The rings back of a router, whatever happens on its forward ports, even what must not.

    A reset comes at any time.
    """
    spec = Spec(restarts=True)
    config = small_training(reduce_words)
    router = rtl.module("ring.training_router").TrainingRouter(config)
    spec.m.submodules.router = router
    _drive_anyhow(spec, router, ("west", "north", "east", "south", "row", "col"))
    spec.m.d.comb += router.last_in_row.eq(any_value(spec.m, "last_in_row", 1))
    goals: list[Value] = []
    checks: list[ReduceCheck] = []
    for axis, i, o in (("row_back", router.from_east, router.to_west),
                       ("col_back", router.from_south, router.to_north)):
        side = getattr(router, axis)
        check, goal = _axis(spec, axis, config, rtl, _Ports(
            i, o, side.own, side.taken, side.complete, side.idle))
        checks.append(check)
        goals.append(goal)
    spec.goal = goals[0] & goals[1]

    def add_lemmas() -> None:
        inside = look_into_reduce(router, *(check.name for check in checks))
        for check in checks:
            reduce_lemmas(spec, check, inside.submodule(check.name))

    spec.look_inside(add_lemmas)
    return spec


def _drive_anyhow(spec: Spec, component: Any, names: Sequence[str]) -> None:
    """Give all inputs among these ports any values."""
    for path, member, port in component.signature.flatten(component):
        if path[0] in names and member.flow == wiring.In and not isinstance(port, Const):
            value = Value.cast(port)
            name = "_".join(map(str, path))
            spec.m.d.comb += value.eq(any_value(spec.m, name, value.shape()))


def _axis(spec: Spec, name: str, config: Any, rtl: Rtl,
          node: Any) -> tuple[ReduceCheck, Value]:
    """Put an engine among its neighbours; return its check, and that an end is reached."""
    m = spec.m
    received = drive(spec, f"{name}_in", node.i)
    check = ReduceCheck(spec, name, config, rtl, node, received)
    sent = take(spec, f"{name}_out", node.o)
    m.d.comb += [
        node.own.valid.eq(check.may_hand_over & any_value(m, f"{name}_hands_over", 1)),
        node.own.payload.eq(any_value(m, f"{name}_any_own", Value.cast(node.own.payload).shape())),
    ]
    # Both queues were full as a reset came, and were full again, a sum stayed, and then one is sent
    # that a partial sum was added to.
    filled, kept = Signal(name=f"{name}_filled"), Signal(name=f"{name}_kept")
    added = Signal(name=f"{name}_added")
    full = (check.contributions.count == check.depth) & (check.partials.count == check.depth)
    m.d.sync += [
        filled.eq(filled | full),
        kept.eq(kept | (filled & node.complete.valid)),
        added.eq(Mux(node.taken, check.takes_one & kept, added)),
    ]
    return check, sent & added & (check.contributions.count == 0) & spec.was_restarted(full)
