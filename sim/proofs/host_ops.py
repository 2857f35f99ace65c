"""`Distributor` and `Collector`: each beat goes once, in order, where the op says."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from amaranth import *

from hw.config import HARDWARE_ID_BITS, TorusConfig
from hw.op_fields import HostInKind, HostOutKind
from hw.presets import PROOF

from .inside import Inside
from .rtl import Rtl
from .spec import Spec
from .streams import check_holds, drive, take

__all__ = ["CollectorCheck", "DistributorCheck", "collector_spec", "distributor_spec",
           "host_config"]

_HOST_BITS = 32


def host_config(rows: int) -> TorusConfig:
    """Return the configuration of the proofs of the host side."""
    return dataclasses.replace(PROOF, rows=rows, host_bits=_HOST_BITS)


class _Walk:
    """Where an op of the host is: in which repetition, at which row, and at which beat of it.

    The queue offers ops of the given kinds at any time, and holds each until it is taken.

    Parameters
    ----------
    kinds
        Those that the queue may hold.
    goes
        A beat is done with in this cycle.
    name
        Whose ops they are.

    Attributes
    ----------
    active, kind
        An op is in progress, and its kind.
    row, beat, rep
        The row, the beat of this row and the repetition that come next.
    beats, reps, by_row
        Beats of a row and repetitions less one, and whether the op goes from row to row.
    last
        The coming beat is the last one of the op.
    """

    def __init__(self, spec: Spec, config: Any, port: Any, kinds: tuple[int, ...],
                 goes: Value, name: str) -> None:
        m = spec.m
        self._name = name
        self._config = config
        self.active, self.by_row, self.last = Signal(), Signal(), Signal()
        self.kind = Signal(config.kind_bits)
        self.row = Signal(range(config.rows))
        self.beat, self.beats = Signal(config.count_bits), Signal(config.count_bits)
        self.rep, self.reps = Signal(config.rep_bits), Signal(config.rep_bits)
        self.taken = drive(spec, f"{name}_op", port)
        spec.assume(port.p.beats != 0)
        spec.assume(Cat(port.p.kind == kind for kind in kinds).any())

        last_beat = self.beat + 1 == self.beats
        last_row = ~self.by_row | (self.row == config.rows - 1)
        m.d.comb += self.last.eq(last_beat & last_row & (self.rep == self.reps))
        with m.If(goes):
            m.d.sync += self.beat.eq(Mux(last_beat, 0, self.beat + 1))
            with m.If(last_beat & self.by_row):
                m.d.sync += self.row.eq(Mux(last_row, 0, self.row + 1))
            with m.If(last_beat & last_row):
                m.d.sync += self.rep.eq(self.rep + 1)
            with m.If(self.last):
                m.d.sync += self.active.eq(0)
        spec.check(f"{name}: an op is taken before the one before is done with, or too late",
                   port.ready == (~self.active | (self.last & goes)))

    def begin(self, spec: Spec, kind: Value, by_row: Value, beats: Value, reps: Value) -> None:
        """Say what an op that is taken asks for."""
        m = spec.m
        with m.If(self.taken):
            m.d.sync += [
                self.active.eq(1), self.kind.eq(kind), self.by_row.eq(by_row),
                self.beats.eq(beats), self.reps.eq(reps),
                self.row.eq(0), self.beat.eq(0), self.rep.eq(0),
            ]

    def lemmas(self, spec: Spec, inside: Inside, none_or_all: Value) -> None:
        """Tie the registers of the block's `RowWalk`; `none_or_all`: the rows of other ops."""
        active, rows = self.active, self._config.rows
        one = Array(1 << row for row in range(rows))[self.row]
        name = self._name
        spec.lemma(f"{name}: active", inside["active"] == active)
        spec.lemma(f"{name}: rows", inside["of_row"] == Mux(
            active, Mux(self.by_row, one, none_or_all)[:rows], 0))
        spec.lemma(f"{name}: place", ~active | ((self.row < rows) & (self.beat < self.beats)
                                       & (self.rep <= self.reps)
                                       & (self.by_row | (self.row == 0))))
        spec.lemma(f"{name}: beats of a row", ~active | (inside["beats_of_row"] == self.beats))
        for what, left in (("beats", self.beats - self.beat), ("reps", self.reps - self.rep)):
            spec.lemma(f"{name}: {what} left", ~active | (
                (inside[f"{what}_left"] == left) & (inside[f"{what}_some"] == (left != 0))
                & (inside[f"{what}_last"] == (left == 1))))


class DistributorCheck:
    """Checks a distributor at its ports, whoever is at the other side of its outputs.

    Parameters
    ----------
    config
        The torus.
    host, gateways, own, op
        Its ports. `host` and `op` are driven here.
    taken
        A beat is transferred on each of the gateways' ports and on `own`.

    Attributes
    ----------
    walk
        Where it is in its op.
    goes
        A beat of the host is done with.
    got
        Which outputs have taken the beat of the host.
    """

    def __init__(self, spec: Spec, config: Any, host: Any, gateways: Sequence[Any], own: Any,
                 op: Any, taken: Sequence[Value]) -> None:
        m, rows = spec.m, config.rows
        self._host, self._rows = host, rows
        self.goes = goes = drive(spec, "host", host)
        outputs = [*gateways, own]
        self.walk = walk = _Walk(spec, config, op, (
            HostInKind.SCATTER, HostInKind.BROADCAST, HostInKind.PROGRAM), goes, "in")
        walk.begin(spec, op.p.kind, op.p.kind == HostInKind.SCATTER, op.p.beats, op.p.reps)

        self.got = got = Signal(len(outputs), name="got")
        self._wanted = wanted = Signal(len(outputs), name="wanted")
        m.d.comb += wanted.eq(Mux(walk.active, Cat(
            *(~walk.by_row | (walk.row == row) for row in range(rows)),
            walk.kind == HostInKind.PROGRAM), 0))
        m.d.sync += got.eq(Mux(goes, 0, got | Cat(taken)))
        spec.check("a beat is taken before all have it, or is held though they have",
                   goes == (host.valid & walk.active & ~(wanted & ~got & ~Cat(taken)).any()))
        for number, port in enumerate(outputs):
            who = "bridge" if port is own else f"gateway_{number}"
            check_holds(spec, who, port)
            spec.check(f"{who}: a beat is for another, comes twice or is lost",
                       port.valid == (host.valid & wanted[number] & ~got[number]))
            spec.check(f"{who}: another beat", ~port.valid | (port.payload == host.payload))

    def goal(self, spec: Spec) -> Value:
        """Two repetitions of two beats to each row, one after the other, then a program for all."""
        walk, goes = self.walk, self.goes
        scattered = Signal(name="scattered")
        with spec.m.If(goes & walk.last & walk.by_row & (walk.beats == 2) & (walk.reps == 1)):
            spec.m.d.sync += scattered.eq(1)
        return scattered & goes & walk.last & (walk.kind == HostInKind.PROGRAM) & (
            self.got == 1) & (walk.beats == 2)

    def lemmas(self, spec: Spec, inside: Inside) -> None:
        """Tie the registers of the block to the op."""
        walk, got = self.walk, self.got
        walk.lemmas(spec, inside, Const(-1, self._rows))
        spec.lemma("taken", inside["taken"] == got)
        spec.lemma("who has it", (got & ~Mux(self._host.valid, self._wanted, 0)) == 0)
        spec.lemma("broadcasts", ~walk.active | (inside["broadcasts"] == ~walk.by_row))
        spec.lemma("boots", inside["boots"] == (
            walk.active & (walk.kind == HostInKind.PROGRAM)))


def distributor_spec(rtl: Rtl, rows: int) -> Spec:
    """A distributor between any host and any gateways, with any ops; a reset comes at any time."""
    spec = Spec(restarts=True)
    config = host_config(rows)
    spec.m.submodules.distributor = block = rtl.module("host.distributor").Distributor(config)
    taken = [take(spec, f"output_{number}", port)
             for number, port in enumerate([*block.gateways, block.own])]
    check = DistributorCheck(spec, config, block.host, list(block.gateways), block.own, block.op,
                             taken)
    spec.check("it is idle with an op, or busy without", block.idle == ~check.walk.active)
    spec.goal = check.goal(spec)
    spec.look_inside(lambda: check.lemmas(spec, Inside(block)))
    return spec


class CollectorCheck:
    """Checks a collector at its ports, among any gateways and any host, which are played here.

    Parameters
    ----------
    config
        The torus.
    gateways, host, op
        Its ports.

    Attributes
    ----------
    walk
        Where it is in its op.
    """

    def __init__(self, spec: Spec, config: Any, gateways: Sequence[Any], host: Any,
                 op: Any) -> None:
        for number, port in enumerate(gateways):
            drive(spec, f"from_gateway_{number}", port)
        self._goes = goes = take(spec, "to_host", host)
        self.walk = walk = _Walk(spec, config, op, (HostOutKind.COLLECT, HostOutKind.ID), goes,
                                 "out")
        asks_id = op.p.kind == HostOutKind.ID
        self._id_beats = HARDWARE_ID_BITS // config.host_bits
        self._hardware_id = config.hardware_id
        walk.begin(spec, op.p.kind, ~asks_id, Mux(asks_id, self._id_beats, op.p.beats),
                   Mux(asks_id, 0, op.p.reps))

        self._is_id = is_id = walk.active & (walk.kind == HostOutKind.ID)
        words = Array(Const(config.hardware_id >> (config.host_bits * beat)
                            & ((1 << config.host_bits) - 1), config.host_bits)
                      for beat in range(self._id_beats))
        from_row = Array(port.valid for port in gateways)[walk.row]
        beat = Array(port.payload for port in gateways)[walk.row]
        check_holds(spec, "to_host", host)
        spec.check("a beat goes to the host that is not due, or is held back",
                   host.valid == (is_id | (walk.active & from_row)))
        spec.check("it is another beat", ~host.valid | (
            host.payload == Mux(is_id, words[self._id_beat()], beat)))
        for row, port in enumerate(gateways):
            spec.check(f"gateway {row}: a beat is taken that does not go to the host, or stays",
                       port.ready == (walk.active & ~is_id & (walk.row == row) & host.ready))

    def goal(self, spec: Spec) -> Value:
        """Two repetitions of two beats from each row, and then the id."""
        walk, goes = self.walk, self._goes
        collected = Signal(name="collected")
        with spec.m.If(goes & walk.last & walk.by_row & (walk.beats == 2) & (walk.reps == 1)):
            spec.m.d.sync += collected.eq(1)
        return collected & self._is_id & goes & walk.last

    def lemmas(self, spec: Spec, inside: Inside) -> None:
        """Tie the registers of the block to the op."""
        walk, is_id = self.walk, self._is_id
        host_bits = HARDWARE_ID_BITS // self._id_beats
        walk.lemmas(spec, inside, Const(0, len(inside["of_row"])))
        spec.lemma("id", inside["is_id"] == is_id)
        spec.lemma("what is left of the id", ~is_id | (inside["hardware_id"] == Array(
            self._hardware_id >> (host_bits * beat) for beat in range(self._id_beats))[
                self._id_beat()]))
        spec.lemma("an id is asked for once", ~is_id | (
            ~walk.by_row & (walk.beats == self._id_beats) & (walk.reps == 0)))
        spec.lemma("by row", ~walk.active | (walk.by_row == ~is_id))

    def _id_beat(self) -> Value:
        return self.walk.beat[:(self._id_beats - 1).bit_length()]


def collector_spec(rtl: Rtl, rows: int) -> Spec:
    """A collector between any gateways and any host, with any ops; a reset comes at any time."""
    spec = Spec(restarts=True)
    config = host_config(rows)
    spec.m.submodules.collector = block = rtl.module("host.collector").Collector(config)
    check = CollectorCheck(spec, config, list(block.gateways), block.host, block.op)
    spec.check("it is idle with an op, or busy without", block.idle == ~check.walk.active)
    spec.goal = check.goal(spec)
    spec.look_inside(lambda: check.lemmas(spec, Inside(block)))
    return spec
