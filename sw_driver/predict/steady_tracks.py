"""What every engine of a torus does in a stretch of the steady state: a track for each."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from hw.config import TorusConfig
from sw_driver.compiled import Compiled
from sw_driver.cycle_model import Engine, Recording, Span, record
from sw_driver.plan.order import delays
from sw_driver.predict.timeline import HOST_IN, HOST_OUT, Slice, slices
from sw_driver.schedule.scheduler import schedule

__all__ = ["MOST_PIECES", "Piece", "Stretch", "Track", "steady_stretch"]

_SETTLING_SAMPLES = 2
_OF_PES = ("row", "col", "mac")
MOST_PIECES = 30_000
"""Of all tracks, times of work included: what a page has room for."""


class Piece(NamedTuple):
    """When an engine is at something of a sample.

    Attributes
    ----------
    stage
        Index of the stage; None for what belongs to none.
    sample
        Number of the sample; that with which the stretch begins is 0, those before it are below.
    start, end
        Cycles of the stretch; what begins before it or ends after it is cut.
    waiting_cycles
        Cycles in which the engine waits, also of parts that were cut.
    """

    stage: int | None
    sample: int
    start: int
    end: int
    waiting_cycles: int


class Track(NamedTuple):
    """What one engine does.

    Attributes
    ----------
    engine
        The engine; `HOST_IN` and `HOST_OUT` are the two halves of the bridge.
    pieces
        In order; none overlaps another.
    working
        The cycles in which it works, neighbours as one span; None where they were left out.
    """

    engine: Engine
    pieces: tuple[Piece, ...]
    working: tuple[Span, ...] | None


class Stretch(NamedTuple):
    """A part of a long run.

    Attributes
    ----------
    cycles
        How long it is. Cycle 0 is when the first row ring begins with sample 0, and the stretch
        ends when the host has all outputs of the last of `samples`.
    samples
        Samples that are in it from their first word to their last.
    tracks
        Of the engines: host input, gateways, row rings, column rings, MACs, host output.
    whole
        Whether there is a track for every PE; else for those in the corners of the torus.
    repetitions
        Whether pieces are repetitions of ops; else all that an engine does for a step of a sample.
    """

    cycles: int
    samples: int
    tracks: tuple[Track, ...]
    whole: bool
    repetitions: bool


def steady_stretch(
    compiled: Compiled, samples: int = 2, *, most_pieces: int = MOST_PIECES
) -> Stretch:
    """Record a stretch of the steady state by the cycle model.

    Of a large torus or a long sample the stretch has less detail: first the times of work are left
    out, then repetitions are joined, and then all PEs but those in the corners are left out.

    Parameters
    ----------
    compiled
        A net for inference.
    samples
        Samples to show.
    most_pieces
        How many pieces and times of work there may be, unless even the least detail has more.
    """
    config, plan = compiled.config, compiled.plan
    depth = max(delays(plan.order, plan.extra_turns))
    before = -(-(depth + _SETTLING_SAMPLES) // plan.period) * plan.period
    run = min(before + samples + 2 * depth + 1, compiled.executable.max_samples)
    program = compiled.executable.loop.program(config, run)
    watched = [engine for engine in _engines(config) if engine not in (HOST_IN, HOST_OUT)]
    recording = record(config, program, watched)
    found: defaultdict[Engine, list[Slice]] = defaultdict(list)
    mine: list[Slice] = []
    for one in slices(config, program, recording, plan, schedule(config, plan, run)):
        found[one.engine].append(one)
        if one.step is not None and before <= one.step.sample < before + samples:
            mine.append(one)
    origin = min(one.span.start for one in mine if one.engine.kind == "row")
    window = Span(origin, max(one.span.end for one in mine))
    busy = _working(recording, window)
    for whole, repetitions, works in ((True, True, True), (True, True, False),
                                      (True, False, False), (False, False, False)):  # fmt: skip
        tracks = [
            Track(engine, pieces, busy.get(engine) if works else None)
            for engine in _engines(config)
            if whole or _in_corner(config, engine)
            for pieces in [_pieces(found[engine], before, window, repetitions=repetitions)]
        ]
        size = sum(len(one.pieces) + len(one.working or ()) for one in tracks)
        if size <= most_pieces:
            break
    return Stretch(window.end - window.start, samples, tuple(tracks), whole, repetitions)


def _engines(config: TorusConfig) -> list[Engine]:
    places = [(row, col) for row in range(config.rows) for col in range(config.cols)]
    gateways = [Engine("gateway", row, config.cols) for row in range(config.rows)]
    pes = [Engine(kind, *place) for kind in _OF_PES for place in places]
    return [HOST_IN, *gateways, *pes, HOST_OUT]


def _in_corner(config: TorusConfig, engine: Engine) -> bool:
    if engine.kind not in _OF_PES:
        return True
    return engine.row in (0, config.rows - 1) and engine.col in (0, config.cols - 1)


def _pieces(
    found: Sequence[Slice], before: int, window: Span, *, repetitions: bool
) -> tuple[Piece, ...]:
    """What an engine does in a window: its repetitions, or those of a step as one piece."""
    pieces: list[Piece] = []
    last: object = None
    for one in found:
        start, end = max(one.span.start, window.start), min(one.span.end, window.end)
        if start >= end:
            continue
        stage = None if one.step is None else one.step.task.stage
        sample = 0 if one.step is None else one.step.sample - before
        piece = Piece(stage, sample, start - window.start, end - window.start, one.waiting_cycles)
        if not repetitions and pieces and one.step is not None and one.step is last:
            joined = pieces.pop()
            gap = piece.start - joined.end
            waiting = joined.waiting_cycles + piece.waiting_cycles + gap
            piece = piece._replace(start=joined.start, waiting_cycles=waiting)
        pieces.append(piece)
        last = one.step
    return tuple(pieces)


def _working(recording: Recording, window: Span) -> dict[Engine, tuple[Span, ...]]:
    """The times of work of all engines that were watched, and of the host, in a window."""
    cycles: dict[Engine, Sequence[int]] = {
        **recording.working,
        HOST_IN: recording.in_cycles.tolist(),
        HOST_OUT: recording.out_cycles.tolist(),
    }
    return {engine: tuple(_runs(found, window)) for engine, found in cycles.items()}


def _runs(cycles: Iterable[int], window: Span) -> list[Span]:
    """Cycles of a window, in order, as spans without gaps, counted from its start."""
    found: list[Span] = []
    for cycle in cycles:
        if not window.start <= cycle < window.end:
            continue
        at = cycle - window.start
        if found and found[-1].end == at:
            found[-1] = found[-1]._replace(end=at + 1)
        else:
            found.append(Span(at, at + 1))
    return found
