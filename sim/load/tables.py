"""What campaigns print, and write to a page: figures by name."""

from collections.abc import Sequence

from sim.load.lesson import Lesson
from sim.load.stops import Stopped
from sim.load.stretch import Ran

__all__ = ["Row", "link_table", "training_table"]

Row = tuple[str, ...]
_SUMS = {
    "frames of hosts": "host_frames",
    "frames of boards": "board_frames",
    "bytes on the wires": "wire_bytes",
    "bytes damaged, rows of bytes lost": "damaged",
    "of them rows of 2 to 60 bytes lost": "cuts",
    "sessions": "sessions",
    "of them broken off by hosts that left": "left",
    "bytes of words that came back, each compared": "checked_bytes",
    "frames sent again": "resent",
    "requests to send again": "rewinds",
    "questions because nothing came": "polls",
}


def link_table(rans: dict[str, Sequence[Ran]]) -> list[Row]:
    """Sum up what came of links: a column for the model and one for the RTL."""
    found: list[Row] = [
        (name, *(f"{sum(getattr(one, field) for one in part):,}" for part in rans.values()))
        for name, field in _SUMS.items()]
    found.append(("most that memory grew by within a job, MB",
                  *(f"{max((one.grown_bytes for one in part), default=0) / 1e6:.1f}"
                    for part in rans.values())))
    found.append(("seconds", *(f"{sum(one.seconds for one in part):,.0f}"
                               for part in rans.values())))
    found.append(("words lost, doubled or changed",
                  *("; ".join(one.wrong for one in part if one.wrong) or "none"
                    for part in rans.values())))
    return found


def training_table(lesson: Lesson, stops: Sequence[Stopped], wrong: str) -> list[Row]:
    """Sum up a training that was stopped; `wrong` is what was found."""
    asked, stops = len(stops), [one for one in stops if one.status]
    early = sum(one.after_step < 0 for one in stops)
    lost = [one.after - one.before for one in stops]
    found: list[Row] = [("steps of the training", f"{lesson.steps:,}"),
                        ("stops", f"{len(stops):,}")]
    found += [(f"of them by {name}", f"{sum(one.signal == name for one in stops):,}")
              for name in ("SIGINT", "SIGTERM", "SIGKILL")]
    if asked > len(stops):
        found.append(("stops that came after the end of the training", f"{asked - len(stops):,}"))
    return [*found,
            ("of them while the program started", f"{early:,}"),
            ("stops before which the program had saved nothing new",
             f"{sum(not steps for steps in lost):,}"),
            ("most steps that one program saved", f"{max(lost, default=0):,}"),
            ("seconds that the stopped programs ran", f"{sum(one.seconds for one in stops):,.0f}"),
            ("weights, biases, velocities, generators, losses", wrong or "equal, bit for bit")]
