"""What campaigns print, and write to a page: figures by name."""

from collections.abc import Sequence

from sim.load.lesson import Lesson
from sim.load.stops import Stopped

__all__ = ["training_table"]


def training_table(lesson: Lesson, stops: Sequence[Stopped], wrong: str) -> list[tuple[str, str]]:
    """Sum up a training that was stopped; `wrong` is what was found."""
    early = sum(one.after_step < 0 for one in stops)
    lost = [one.after - one.before for one in stops]
    found = [("steps of the training", f"{lesson.steps:,}"),
             ("stops", f"{len(stops):,}")]
    found += [(f"of them by {name}", f"{sum(one.signal == name for one in stops):,}")
              for name in ("SIGINT", "SIGTERM", "SIGKILL")]
    return [*found,
            ("of them while the program started", f"{early:,}"),
            ("stops before which the program had saved nothing new",
             f"{sum(not steps for steps in lost):,}"),
            ("most steps that one program saved", f"{max(lost, default=0):,}"),
            ("seconds that the stopped programs ran", f"{sum(one.seconds for one in stops):,.0f}"),
            ("weights, biases, velocities, generators, losses", wrong or "equal, bit for bit")]
