"""Names for what every engine does at every time, for tables, pictures, and trace viewers.

Recordings of repetitions come from the cycle model or from the RTL; the names of the repetitions
follow from the program alone.
"""

import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from hw.config import HARDWARE_ID_BITS, PROGRAM_BLOCK_WORDS, TorusConfig
from hw.op_fields import (
    PE_QUEUES,
    HostInKind,
    HostOutKind,
    gateway_fields,
    pe_fields,
)
from sw_driver.compiled import Compiled
from sw_driver.cycle_model import Cycles, Engine, Recording, Span
from sw_driver.plan.plan import Plan
from sw_driver.predict.run_steps import queue_steps
from sw_driver.program.image import Op, unpack_image
from sw_driver.program.loops import expand
from sw_driver.program.program import OP_KINDS, QUEUE_NAMES, Program
from sw_driver.schedule.queues import Step
from sw_driver.schedule.scheduler import schedule

__all__ = ["HOST_IN", "HOST_OUT", "UNIT", "Slice", "chrome_trace", "slices", "timeline_json"]

UNIT = "clock cycles; viewers show each as a microsecond"
HOST_IN, HOST_OUT = Engine("host_in", 0, 0), Engine("host_out", 0, 0)
_QUEUE_OF = {"gateway": "ring"}  # The queue of an engine whose name is not that of its queue.


class Slice(NamedTuple):
    """One repetition of an op on one engine.

    Attributes
    ----------
    engine
        The engine; `HOST_IN` and `HOST_OUT` are the two halves of the bridge.
    name
        Name of the stage, for instance "layer 0 H1"; without a stage, the kind of op.
    step
        The step that the repetition belongs to; None if the run is not of a compiled net.
    rep
        Number of the repetition in its op.
    span
        First cycle of the repetition, and the cycle after its last.
    waiting_cycles
        Cycles in which the engine does not do its proper work, which is a step of a sum, a word
        that is received or sent, or a beat.
    """

    engine: Engine
    name: str
    step: Step | None
    rep: int
    span: Span
    waiting_cycles: int


class _Repetition(NamedTuple):
    op: Op
    name: str
    step: Step | None
    rep: int


def slices(
    config: TorusConfig,
    program: Program,
    recording: Recording,
    plan: Plan | None = None,
    steps: Sequence[Step] = (),
) -> list[Slice]:
    """Name the spans of a recording.

    Parameters
    ----------
    config
        The torus.
    program
        The program that was run.
    recording
        The recording of the run.
    plan, steps
        For a run of a compiled net: its plan, and the steps of the run in their common order.

    Returns
    -------
    list of Slice
        The repetitions of one engine after the other, those of an engine in order.
    """
    queues = _repetitions(config, program, plan, queue_steps(steps))
    found: list[Slice] = []
    for engine, spans in recording.spans.items():
        for one, span in zip(queues[_QUEUE_OF.get(engine.kind, engine.kind)], spans, strict=False):
            busy = _work_cycles(config, engine, one.op)
            waiting = span.end - span.start - busy
            found.append(Slice(engine, one.name, one.step, one.rep, span, waiting))
    for engine, stamps in (HOST_IN, recording.in_cycles), (HOST_OUT, recording.out_cycles):
        found += _host_slices(config, engine, queues[engine.kind], stamps)
    return found


def _repetitions(
    config: TorusConfig,
    program: Program,
    plan: Plan | None,
    steps: Mapping[str, Sequence[Step]],
) -> dict[str, list[_Repetition]]:
    """List all repetitions of each queue, those of built-in ops first."""
    pe: list[list[Op]] = [[] for _ in PE_QUEUES]
    if program.pe_image:
        pe = unpack_image(config, pe_fields(config), program.pe_image)
    gateway = unpack_image(config, gateway_fields(config), program.gateway_image)
    images = {"row": program.pe_image, "ring": program.gateway_image}
    images["host_in"] = program.gateway_image
    found: dict[str, list[_Repetition]] = {}
    for name, queue in zip(QUEUE_NAMES, (*pe, *gateway), strict=True):
        ops = [op for _, op in expand(queue)]
        # The ops before a run's own bring the PEs' program.
        own = [*[None] * (len(ops) - len(steps[name])), *steps[name]]
        boots = len(images.get(name, ())) // PROGRAM_BLOCK_WORDS
        found[name] = [
            *itertools.chain.from_iterable(
                _built_in(config, count) for count in (1, boots - 1) if boots
            ),
            *(
                _Repetition(op, _name(plan, name, op, step), step, rep)
                for op, step in zip(ops, own, strict=True)
                for rep in range(op["reps"] + 1)
            ),
        ]
    return found


def _built_in(config: TorusConfig, blocks: int) -> Iterator[_Repetition]:
    op = {
        "kind": HostInKind.PROGRAM.value, "own": 0, "recv": PROGRAM_BLOCK_WORDS, "to_gateway": 0,
        "send": PROGRAM_BLOCK_WORDS, "beats": config.block_beats,
    }  # fmt: skip
    return (_Repetition(op, "program", None, rep) for rep in range(blocks))


def _name(plan: Plan | None, queue: str, op: Op, step: Step | None) -> str:
    if step is None or plan is None:
        return OP_KINDS[queue](op["kind"]).name.lower()
    return plan.name(step.task)


def _work_cycles(config: TorusConfig, engine: Engine, op: Op) -> int:
    """Return the cycles of a repetition that never waits."""
    if engine.kind == "mac":
        # Only an op of a torus that trains has blocks and groups, and only a BACK has several.
        lasts = ("last_output", "last_walk", "last_block", "last_group")
        steps = op["last_word"] // op.get("word_step", config.lanes_in) + 1
        return steps * math.prod(op.get(name, 0) + 1 for name in lasts)
    if engine.kind == "gateway":
        return max(op["recv"], op["send"]) // config.link_words
    last_in_row = engine.kind == "row" and engine.col == config.cols - 1
    sends_all = last_in_row and op["to_gateway"]
    return (op["recv"] + op["own"] if sends_all else op["recv"]) // config.link_words


def _host_slices(
    config: TorusConfig, engine: Engine, queue: Sequence[_Repetition], stamps: Cycles
) -> Iterator[Slice]:
    """Go through the repetitions of the bridge, each from its first beat to its last."""
    first = 0
    for one in queue:
        kind, beats = one.op["kind"], one.op["beats"]
        if engine is HOST_OUT and kind == HostOutKind.ID:
            beats = -(-HARDWARE_ID_BITS // config.host_bits)
        elif engine is HOST_OUT or kind == HostInKind.SCATTER:
            beats *= config.rows
        if first + beats > len(stamps):
            return
        span = Span(int(stamps[first]), int(stamps[first + beats - 1]) + 1)
        yield Slice(engine, one.name, one.step, one.rep, span, span.end - span.start - beats)
        first += beats


def chrome_trace(found: Iterable[Slice]) -> dict[str, Any]:
    """Arrange slices as the JSON that Chrome's and Perfetto's trace viewers read.

    Times are clock cycles; viewers show each as a microsecond. PEs, gateways and the bridge are
    processes, their engines threads, numbered from 1: 0 is the idle process of an operating system.
    """
    events: list[dict[str, Any]] = []
    processes: dict[str, int] = {}
    threads: dict[Engine, int] = {}
    for one in found:
        engine = one.engine
        owner = _owner(engine)
        if owner not in processes:
            processes[owner] = len(processes) + 1
            events.append(_named("process_name", owner, processes[owner], len(threads) + 1))
        if engine not in threads:
            threads[engine] = len(threads) + 1
            events.append(_named("thread_name", engine.kind, processes[owner], threads[engine]))
        args = {"rep": one.rep, "waiting_cycles": one.waiting_cycles}
        if one.step is not None:
            args["sample"] = one.step.sample
        events.append(
            {
                "ph": "X",
                "name": one.name,
                "ts": one.span.start,
                "dur": one.span.end - one.span.start,
                "pid": processes[owner],
                "tid": threads[engine],
                "args": args,
            }
        )
    return {"traceEvents": events, "otherData": {"unit": UNIT}}


def timeline_json(compiled: Compiled, recording: Recording, samples: int) -> str:
    """Return the text of a trace viewer's file for a run of a compiled net, one event in a line."""
    steps = schedule(compiled.config, compiled.plan, samples)
    program = compiled.executable.loop.program(compiled.config, samples)
    found = slices(compiled.config, program, recording, compiled.plan, steps)
    trace = chrome_trace(found)
    events = ",\n".join(map(json.dumps, trace["traceEvents"]))
    return f'{{"otherData": {json.dumps(trace["otherData"])}, "traceEvents": [\n{events}\n]}}\n'


def _owner(engine: Engine) -> str:
    if engine in (HOST_IN, HOST_OUT):
        return "bridge"
    if engine.kind == "gateway":
        return f"gateway {engine.row}"
    return f"PE {engine.row}, {engine.col}"


def _named(what: str, name: str, process: int, thread: int) -> dict[str, Any]:
    return {"ph": "M", "name": what, "pid": process, "tid": thread, "args": {"name": name}}
