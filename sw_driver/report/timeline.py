"""The timeline: what every engine does in a stretch of the steady state, to be zoomed into."""

import json
from collections import defaultdict
from typing import Any

from sw_driver.compiled import Compiled
from sw_driver.predict.steady_tracks import Stretch, Track
from sw_driver.report.kinds import CLASSES, kind_legend
from sw_driver.report.markup import Content, Markup, join, note, number, table, tag
from sw_driver.report.page import Section

__all__ = ["timeline_section"]

_ROW, _HIGH, _THIN = 12.0, 8.0, 2.0  # Of a track, of an engine at work, and of one that waits.
_NAMES_WIDTH = 120
_NAMES = {
    "host_in": "host input",
    "host_out": "host output",
    "gateway": "gateway",
    "row": "row ring",
    "col": "column ring",
    "mac": "MAC",
}


def timeline_section(compiled: Compiled, stretch: Stretch) -> Section:
    """Draw a stretch; a script of the page zooms it.

    Parameters
    ----------
    compiled
        A net for inference.
    stretch
        What `sw_driver.predict.steady_tracks.steady_stretch` recorded of it.
    """
    high = _ROW * len(stretch.tracks)
    names = tag(
        "svg", *_names(stretch), viewBox=f"0 0 {_NAMES_WIDTH} {high:g}", height=high,
        aria_hidden="true",
    )  # fmt: skip
    title = f"What each of {len(stretch.tracks)} engines does in {stretch.cycles} cycles"
    view = tag(
        "svg", tag("title", title), *_stripes(stretch), tag("g", class_="lines"),
        *_bars(compiled, stretch), tag("rect", class_="chosen", width=0, height=0),
        viewBox=f"0 0 {stretch.cycles} {high:g}", preserveAspectRatio="none", height=high,
        role="img", aria_label=title,
    )  # fmt: skip
    data = json.dumps(_values(compiled, stretch), separators=(",", ":"))
    frame = tag(
        "div",
        tag("div", *_buttons(), class_="bar"),
        tag("div", tag("div", names, class_="names"),
            tag("div", view, class_="view", tabindex=0, role="application",
                aria_label="timeline; plus and minus zoom, arrows move"), class_="frame"),
        tag("div", class_="scale"),
        tag("div", "Move the pointer over a bar to see what it is.", class_="says",
            aria_live="polite"),
        tag("script", _harmless(data), type="application/json", class_="data"),
        class_="timeline",
    )  # fmt: skip
    content = join([note(*_explained(stretch)), kind_legend(compiled.stages), frame,
                    _latency(compiled, stretch)])  # fmt: skip
    return Section("timeline", "Timeline", content)


def _explained(stretch: Stretch) -> list[Content]:
    what = "A bar is a repetition of an op" if stretch.repetitions else "A bar is a step of a stage"
    drawn = any(track.working is not None for track in stretch.tracks)
    more = (
        " A bar is high in the cycles in which its engine works, and thin where it waits."
        if drawn
        else " Its cycles of work are too many for a page: hold the pointer over it for the waits."
    )
    left_out = (
        "" if stretch.whole
        else " Of the PEs, only those in the corners of the torus have tracks here."
    )  # fmt: skip
    return [
        (f"{stretch.samples} samples of a long run from their first word to their last output, by "
        f"the cycle model: {number(stretch.cycles)} cycles. {what}, in the colour of its stage; "
        f"every second sample is paler.{more}{left_out} Zoom with the buttons, with + and -, or "
        "with the wheel and Ctrl; move by dragging or with the arrows."),
    ]


def _buttons() -> list[Markup]:
    return [
        tag("button", text, type="button", data_do=do, title=title, aria_label=title)
        for text, do, title in (
            ("+", "in", "zoom in"), ("\u2212", "out", "zoom out"),
            ("\u2190", "left", "move left"), ("\u2192", "right", "move right"),
            ("all", "all", "show all"),
        )
    ]  # fmt: skip


def _name(track: Track) -> str:
    kind, row, col = track.engine
    if kind == "gateway":
        return f"gateway {row}"
    return f"{_NAMES[kind]} {row}, {col}" if kind in ("row", "col", "mac") else _NAMES[kind]


def _names(stretch: Stretch) -> list[Markup]:
    return [
        tag("text", _name(track), x=6, y=_ROW * row + 9, class_="small")
        for row, track in enumerate(stretch.tracks)
    ]


def _stripes(stretch: Stretch) -> list[Markup]:
    """Every second track is darker."""
    return [
        tag("rect", x=0, y=_ROW * row, width=stretch.cycles, height=_ROW, class_="odd")
        for row in range(1, len(stretch.tracks), 2)
    ]


def _bars(compiled: Compiled, stretch: Stretch) -> list[Markup]:
    """All bars of a colour as one path."""
    paths: defaultdict[tuple[str, bool], list[str]] = defaultdict(list)
    for row, track in enumerate(stretch.tracks):
        middle = _ROW * (row + 0.5)
        work = iter(track.working or ())
        now = next(work, None)
        for piece in track.pieces:
            stage = piece.stage
            kind = "k6" if stage is None else CLASSES[compiled.stages[stage].kind]
            path = paths[kind, piece.sample % 2 == 1]
            if track.working is None:
                path.append(_bar(piece.start, piece.end, middle, _HIGH))
                continue
            path.append(_bar(piece.start, piece.end, middle, _THIN))
            while now is not None and now.start < piece.end:
                if now.end > piece.start:
                    start, end = max(now.start, piece.start), min(now.end, piece.end)
                    path.append(_bar(start, end, middle, _HIGH))
                if now.end > piece.end:
                    break
                now = next(work, None)
    return [
        tag("path", d=Markup("".join(found)), class_=f"{kind} pale" if pale else kind)
        for (kind, pale), found in sorted(paths.items())
    ]


def _bar(start: int, end: int, middle: float, high: float) -> str:
    return f"M{start} {middle - high / 2:g}h{end - start}v{high:g}h-{end - start}z"


def _values(compiled: Compiled, stretch: Stretch) -> dict[str, Any]:
    """What the script knows of the bars: for each track five numbers a bar."""
    return {
        "cycles": stretch.cycles,
        "row": _ROW,
        "stages": [stage.name for stage in compiled.stages],
        "names": [_name(track) for track in stretch.tracks],
        "bars": [
            [value for piece in track.pieces
             for value in (piece.start, piece.end, -1 if piece.stage is None else piece.stage,
                           piece.sample, piece.waiting_cycles)]
            for track in stretch.tracks
        ],
    }  # fmt: skip


def _harmless(data: str) -> Markup:
    """JSON that cannot end the element that it stands in."""
    return Markup(data.replace("<", "\\u003c"))


def _latency(compiled: Compiled, stretch: Stretch) -> Markup:
    """When each sample begins and ends, as a table."""
    rows: list[tuple[Content, ...]] = []
    for sample in range(stretch.samples):
        mine = [piece for track in stretch.tracks for piece in track.pieces
                if piece.sample == sample and piece.stage is not None]  # fmt: skip
        first = min(piece.start for piece in mine if piece.stage == 0)
        last = max(piece.end for piece in mine if piece.stage == len(compiled.stages) - 1)
        rows.append((f"sample {sample}", number(first), number(last), number(last - first)))
    header = ("sample", "first word in the torus, cycle", "last output at the host, cycle",
              "cycles")  # fmt: skip
    return table(header, rows, "the latency of a sample among others")
