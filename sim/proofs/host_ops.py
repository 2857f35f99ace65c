"""`Distributor` and `Collector`: each beat goes once, in order, where the op says."""

import dataclasses
from typing import Any

from amaranth import *

from hw.config import HARDWARE_ID_BITS
from hw.op_fields import HostInKind, HostOutKind
from hw.presets import PROOF

from .inside import Inside
from .rtl import Rtl
from .spec import Spec
from .streams import check_holds, drive, take

__all__ = ["collector_spec", "distributor_spec"]

_HOST_BITS = 32


class _Walk:
    """Where an op of the host is: in which repetition, at which row, and at which beat of it.

    The queue offers ops of the given kinds at any time, and holds each until it is taken.

    Parameters
    ----------
    kinds
        Those that the queue may hold.
    goes
        A beat is done with in this cycle.

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
                 goes: Value) -> None:
        m = spec.m
        self._config = config
        self.active, self.by_row, self.last = Signal(), Signal(), Signal()
        self.kind = Signal(config.kind_bits)
        self.row = Signal(range(config.rows))
        self.beat, self.beats = Signal(config.count_bits), Signal(config.count_bits)
        self.rep, self.reps = Signal(config.rep_bits), Signal(config.rep_bits)
        self.taken = drive(spec, "op", port)
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
        spec.check("an op is taken before the one before is done with, or too late",
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
        spec.lemma("active", inside["active"] == active)
        spec.lemma("rows", inside["of_row"] == Mux(
            active, Mux(self.by_row, one, none_or_all)[:rows], 0))
        spec.lemma("place", ~active | ((self.row < rows) & (self.beat < self.beats)
                                       & (self.rep <= self.reps)
                                       & (self.by_row | (self.row == 0))))
        spec.lemma("beats of a row", ~active | (inside["beats_of_row"] == self.beats))
        for name, left in (("beats", self.beats - self.beat), ("reps", self.reps - self.rep)):
            spec.lemma(f"{name} left", ~active | (
                (inside[f"{name}_left"] == left) & (inside[f"{name}_some"] == (left != 0))
                & (inside[f"{name}_last"] == (left == 1))))


def distributor_spec(rtl: Rtl, rows: int) -> Spec:
    """A distributor between any host and any gateways, with any ops; a reset comes at any time."""
    spec = Spec(restarts=True)
    m, config = spec.m, dataclasses.replace(PROOF, rows=rows, host_bits=_HOST_BITS)
    m.submodules.distributor = block = rtl.module("host.distributor").Distributor(config)
    goes = drive(spec, "host", block.host)
    outputs = [*block.gateways, block.own]
    taken = [take(spec, f"output_{number}", port) for number, port in enumerate(outputs)]
    walk = _Walk(spec, config, block.op, (HostInKind.SCATTER, HostInKind.BROADCAST,
                                          HostInKind.PROGRAM), goes)
    op = block.op.p
    walk.begin(spec, op.kind, op.kind == HostInKind.SCATTER, op.beats, op.reps)

    got = Signal(len(outputs))  # Which outputs have taken the beat of the host.
    wanted = Signal(len(outputs))
    m.d.comb += wanted.eq(Mux(walk.active, Cat(
        *(~walk.by_row | (walk.row == row) for row in range(rows)),
        walk.kind == HostInKind.PROGRAM), 0))
    m.d.sync += got.eq(Mux(goes, 0, got | Cat(taken)))
    spec.check("a beat is taken before all have it, or is held though they have",
               goes == (block.host.valid & walk.active & ~(wanted & ~got & ~Cat(taken)).any()))
    for number, port in enumerate(outputs):
        who = "bridge" if port is block.own else f"gateway_{number}"
        check_holds(spec, who, port)
        spec.check(f"{who}: a beat is for another, comes twice or is lost",
                   port.valid == (block.host.valid & wanted[number] & ~got[number]))
        spec.check(f"{who}: another beat", ~port.valid | (port.payload == block.host.payload))
    spec.check("it is idle with an op, or busy without", block.idle == ~walk.active)

    # Two repetitions of two beats to each row, one after the other, and then a program for all.
    scattered = Signal()
    with m.If(goes & walk.last & walk.by_row & (walk.beats == 2) & (walk.reps == 1)):
        m.d.sync += scattered.eq(1)
    spec.goal = scattered & goes & walk.last & (walk.kind == HostInKind.PROGRAM) & (
        got == 1) & (walk.beats == 2)

    def add_lemmas() -> None:
        inside = Inside(block)
        walk.lemmas(spec, inside, Const(-1, rows))
        spec.lemma("taken", inside["taken"] == got)
        spec.lemma("who has it", (got & ~Mux(block.host.valid, wanted, 0)) == 0)
        spec.lemma("broadcasts", ~walk.active | (inside["broadcasts"] == ~walk.by_row))
        spec.lemma("boots", inside["boots"] == (
            walk.active & (walk.kind == HostInKind.PROGRAM)))

    spec.look_inside(add_lemmas)
    return spec


def collector_spec(rtl: Rtl, rows: int) -> Spec:
    """A collector between any gateways and any host, with any ops; a reset comes at any time."""
    spec = Spec(restarts=True)
    m, config = spec.m, dataclasses.replace(PROOF, rows=rows, host_bits=_HOST_BITS)
    m.submodules.collector = block = rtl.module("host.collector").Collector(config)
    for number, port in enumerate(block.gateways):
        drive(spec, f"gateway_{number}", port)
    goes = take(spec, "host", block.host)
    walk = _Walk(spec, config, block.op, (HostOutKind.COLLECT, HostOutKind.ID), goes)
    op = block.op.p
    asks_id = op.kind == HostOutKind.ID
    id_beats = HARDWARE_ID_BITS // config.host_bits
    walk.begin(spec, op.kind, ~asks_id, Mux(asks_id, id_beats, op.beats), Mux(asks_id, 0, op.reps))

    is_id = walk.active & (walk.kind == HostOutKind.ID)
    words = Array(Const(config.hardware_id >> (config.host_bits * beat) & ((1 << config.host_bits)
                        - 1), config.host_bits) for beat in range(id_beats))
    from_row = Array(port.valid for port in block.gateways)[walk.row]
    beat = Array(port.payload for port in block.gateways)[walk.row]
    check_holds(spec, "host", block.host)
    spec.check("a beat goes to the host that is not due, or is held back",
               block.host.valid == (is_id | (walk.active & from_row)))
    spec.check("it is another beat", ~block.host.valid | (
        block.host.payload == Mux(is_id, words[walk.beat[:(id_beats - 1).bit_length()]], beat)))
    for row, port in enumerate(block.gateways):
        spec.check(f"gateway {row}: a beat is taken that does not go to the host, or stays",
                   port.ready == (walk.active & ~is_id & (walk.row == row) & block.host.ready))
    spec.check("it is idle with an op, or busy without", block.idle == ~walk.active)

    collected = Signal()
    with m.If(goes & walk.last & walk.by_row & (walk.beats == 2) & (walk.reps == 1)):
        m.d.sync += collected.eq(1)
    spec.goal = collected & is_id & goes & walk.last

    def add_lemmas() -> None:
        inside = Inside(block)
        walk.lemmas(spec, inside, Const(0, rows))
        spec.lemma("id", inside["is_id"] == is_id)
        spec.lemma("what is left of the id", ~is_id | (inside["hardware_id"] == Array(
            config.hardware_id >> (config.host_bits * beat) for beat in range(id_beats))[
                walk.beat[:(id_beats - 1).bit_length()]]))
        spec.lemma("an id is asked for once", ~is_id | (
            ~walk.by_row & (walk.beats == id_beats) & (walk.reps == 0)))
        spec.lemma("by row", ~walk.active | (walk.by_row == ~is_id))

    spec.look_inside(add_lemmas)
    return spec
