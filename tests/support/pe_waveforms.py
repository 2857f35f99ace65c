"""Waveforms of the engines inside one PE, which run a program that was loaded over the row ring."""

import dataclasses
import functools

from amaranth.hdl import Fragment

from hw.op_fields import Axis, GatherKind, MacKind
from hw.ops import pe_queues
from hw.pe.pe import PE
from hw.pe.training_pe import TrainingPE
from hw.presets import FITTED_TRAINING, TEST
from tests.support.hw_bench import put
from tests.support.program_blocks import program_blocks
from tests.support.traces import trace

__all__ = ["engines", "read_again"]

_QUEUED_CYCLES = 60  # After its start a program's first ops stand in their queues.
_CELL = 3
_TRAINING = dataclasses.replace(TEST, training=FITTED_TRAINING.training)
_RUN = {"kind": MacKind.RUN, "axis": Axis.ROW, "dest": Axis.COL, "last_word": 2, "last_output": 0}


def _opened(pe):
    """The fragment of a PE, and its blocks by name."""
    fragment = Fragment.get(pe, None)
    return fragment, {name: inside.origins[0] for inside, name, _ in fragment.subfragments}


def _putter_after(start, stream, before, words):
    """A testbench that puts words `before` a program's start, and others when all ops are queued.

    `words` are (idle cycles before it, word).
    """
    async def testbench(ctx):
        for word in before:
            await put(ctx, stream, word)
        await _queued(start)(ctx)
        await ctx.tick()
        for wait, word in words:
            for _ in range(wait):
                await ctx.tick()
            await put(ctx, stream, word)
    return testbench


def _queued(start):
    async def testbench(ctx):
        started = 0
        while not started:
            _, _, started = await ctx.tick().sample(start)
        await ctx.tick().repeat(_QUEUED_CYCLES)
    return testbench


def _run(pe, program, cycles, row_words, shows, col_words=()):
    """The trace of a PE that runs a program; `shows` gets its blocks by name."""
    fragment, blocks = _opened(pe)
    start = blocks["sequencer"].start
    loads = [word for block in program_blocks(pe.config, pe_queues(pe.config), program)
             for word in block]

    async def neighbours(ctx):
        ctx.set(pe.east.ready, 1)
        ctx.set(pe.south.ready, 1)

    return trace(fragment, cycles, shows(blocks), [
        _putter_after(start, pe.west, loads, row_words),
        _putter_after(start, pe.north, [], col_words), neighbours], wait=_queued(start), cell=_CELL)


@functools.cache
def engines():
    """Row ring, MAC and column ring wait for each other: three repetitions in the same regions."""
    pe = PE(TEST, weights=[1] * 9)
    sums = [_RUN, {**_RUN, "need_free": 1, "w_base": 3}, {**_RUN, "need_free": 1, "w_base": 6}]
    program = [
        [{"kind": GatherKind.GATHER, "reps": 2, "recv": 3, "lag": 1}],
        [{"kind": GatherKind.PASS, "reps": 2, "own": 1, "recv": 1, "need_first": 1,
          "need_step": 1, "lag": 1}],
        sums,
    ]

    def shows(blocks):
        row, col = blocks["router"].row, blocks["router"].col
        return {
            "west.valid": pe.west.valid, "west.ready": pe.west.ready,
            "west.payload": (pe.west.payload, pe.west.valid, str),
            "row.readable": row.readable, "row.read_en": row.read_en, "row.consume": row.consume,
            "row.retired": row.retired, "col.landed": col.landed,
            "south.valid": pe.south.valid,
            "south.payload": (pe.south.payload, pe.south.valid, str),
            "col.retired": col.retired,
        }

    row_words = [(int(word == 2), word) for word in range(1, 10)]
    return _run(pe, program, 26, row_words, shows, [(0, word) for word in (40, 50, 60)])


@functools.cache
def read_again():
    """A torus that trains: a region is read by a RUN, then by a BACK, and is free after both."""
    pe = TrainingPE(_TRAINING, weights=[1] * 3)
    back = {"kind": MacKind.BACK, "axis": Axis.ROW, "dest": Axis.COL, "host": 1, "last_word": 2}
    program = [[{"kind": GatherKind.GATHER, "reps": 1, "recv": 3, "need_read_step": 2}], [],
               [_RUN, back, _RUN]]

    def shows(blocks):
        row = blocks["router"].row
        return {
            "west.valid": pe.west.valid, "west.ready": pe.west.ready,
            "west.payload": (pe.west.payload, pe.west.valid, str),
            "row.readable": row.readable, "row.read_en": row.read_en, "row.consume": row.consume,
            "row.reread": row.reread, "row.retired": row.retired,
        }

    return _run(pe, program, 18, [(0, word) for word in range(1, 7)], shows)
