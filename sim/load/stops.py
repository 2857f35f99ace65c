"""A training that is stopped at random moments, and gone on with each time."""

import dataclasses
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from golden.system.status import BAD_INPUT, TOOL_MISSING
from sim.errors import SimError
from sim.load.child import CLOSTORUS, Child
from sim.load.lesson import Lesson, differences, steps_done
from sw_driver.errors import DriverError
from sw_driver.jobs.store import JobStore

__all__ = ["SIGNALS", "Died", "Stop", "Stopped", "TrainingWrong", "check_end", "planned",
           "stop_and_go", "train_whole"]

SIGNALS = ("SIGINT", "SIGKILL", "SIGTERM", "SIGKILL")
"""In turn: half of the stops let the program clear away, half do not."""
_STATUS = {"SIGINT": 130, "SIGTERM": 143, "SIGKILL": -signal.SIGKILL}
_EARLY = 0.1          # Of the stops, as many come while the program starts.
_EARLY_S = 6.0        # Within so long.
_LATE_SAVES = 1.5     # Others come within the time of so many checkpoints, after the step.
_LOOK_S = 0.01
_TELL_S = 1.0
_LEAST_S = 0.05

Tell = Callable[[str, int, int], object]


class TrainingWrong(AssertionError):
    """A training that was stopped is not the one that it must be."""


class Died(SimError):
    """A training ended by itself, with an error."""


class _CameLate(Exception):
    """A training came to its end before it was stopped."""


@dataclasses.dataclass(frozen=True)
class Stop:
    """One stop of a training.

    Parameters
    ----------
    steps, seed, device, torus, engine
        Of the training, as in `Lesson`.
    number
        Of the stop, from 0.
    stops
        How many there are.
    """

    steps: int
    seed: int
    device: str
    torus: str
    engine: str
    number: int
    stops: int


@dataclasses.dataclass(frozen=True)
class Stopped:
    """What became of a stop.

    Parameters
    ----------
    signal
        "SIGINT", "SIGTERM" or "SIGKILL".
    after_step
        It came at a random moment after this step was saved; -1: while the program started.
    status
        With which the program ended; 0 if it came to the end of the training before the stop.
    before, after
        Steps in the model file when the program started, and when it had been stopped.
    seconds
        That the program ran.
    """

    signal: str
    after_step: int
    status: int
    before: int
    after: int
    seconds: float


def planned(lesson: Lesson, stops: int) -> list[tuple[str, int]]:
    """Draw the signal of every stop, and the step after which it comes; -1 for one at the start."""
    random = Random(f"stops/{lesson.seed}/{lesson.steps}/{stops}")
    last = lesson.steps - 2 * lesson.save_steps
    steps = sorted(random.randrange(last) for _ in range(stops))
    return [(SIGNALS[number % len(SIGNALS)], -1 if random.random() < _EARLY else step)
            for number, step in enumerate(steps)]


def train_whole(lesson: Lesson, folder: Path, program: Sequence[str] | None = None,
                tell: Tell = lambda work, done, total: None) -> Path:
    """Train without a stop, unless that is done; return the model file.

    `program` and `tell` are those of `stop_and_go`.

    Raises
    ------
    Died
        The program ended with an error.
    """
    path, partly = folder / "whole.pt", folder / "whole-unfinished.pt"
    if not path.exists():
        partly.unlink(missing_ok=True)
        _to_the_end(lesson, partly, program, lambda done: tell("train: without stops", done,
                                                               lesson.steps))
        partly.rename(path)
    return path


def stop_and_go(lesson: Lesson, stops: int, folder: Path, store: JobStore[Stop, Stopped],
                program: Sequence[str] | None = None,
                tell: Tell = lambda work, done, total: None) -> Path:
    """Train with the stops that are not done yet, and to the end; return the model file.

    Parameters
    ----------
    lesson
        The training, whose data are in `folder`.
    stops
        How many there are in all.
    folder
        Where the model files are.
    store
        Gets a row of each stop.
    program
        What is started, as `Child` takes it. A stop that comes while the program starts is always
        of a program that is executed anew.
    tell
        Hears how far it is.

    Raises
    ------
    TrainingWrong
        A program ended otherwise than its signal says, or a checkpoint is damaged or lost steps.
    Died
        A program ended with an error.
    """
    path = folder / "stopped.pt"
    fields = dataclasses.asdict(lesson)
    for number, (name, step) in enumerate(planned(lesson, stops)):
        stop = Stop(**fields, number=number, stops=stops)
        if stop in store.results:
            continue
        tell(f"train: stop {number + 1} of {stops}", steps_done(path, lesson), lesson.steps)
        store.add(stop, _stopped_once(lesson, path, name, step, number, program))
    if steps_done(path, lesson) < lesson.steps:
        _to_the_end(lesson, path, program, lambda done: tell("train: to the end", done,
                                                             lesson.steps))
    return path


def check_end(whole: Path, stopped: Path) -> None:
    """Hold a training that was stopped against one that was not.

    Raises
    ------
    TrainingWrong
        With the names of what differs.
    """
    if wrong := differences(whole, stopped):
        raise TrainingWrong(f"a training that was stopped differs from one that was not in "
                            f"{len(wrong)} parts: {', '.join(wrong)}")


def _to_the_end(lesson: Lesson, path: Path, program: Sequence[str] | None,
                tell: Callable[[int], object]) -> None:
    """Train to the end, and tell how many steps are done."""
    child = Child(lesson.command(path.name, resume=path.exists()), path.parent, program)
    try:
        while (status := child.wait(_TELL_S)) is None:
            tell(steps_done(path, lesson))
        if status:
            raise _died(child, status)
    finally:
        child.end()


def _stopped_once(lesson: Lesson, path: Path, name: str, step: int, number: int,
                  program: Sequence[str] | None) -> Stopped:
    """Start the program, stop it, and look at what it has left."""
    random = Random(f"stop/{lesson.seed}/{number}")
    before = steps_done(path, lesson)
    begun_s = time.monotonic()
    child = Child(lesson.command(path.name, resume=path.exists()), path.parent,
                  program or CLOSTORUS if step < 0 else program)
    try:
        if step < 0:
            _pass(child, random.random() * _EARLY_S)
        else:
            _pass(child, random.random() * _LATE_SAVES * _reach(child, path, lesson, step))
        child.send(signal.Signals[name])
        status = child.wait()
    except _CameLate:
        status = 0
    finally:
        child.end()
    seconds = time.monotonic() - begun_s
    # Before a program's first line Python itself decides how a signal ends it.
    if status not in (0, _STATUS[name]) and (step >= 0 or status in (BAD_INPUT, TOOL_MISSING)):
        raise _died(child, status)
    try:
        after = steps_done(path, lesson)
    except (DriverError, ValueError) as error:
        raise TrainingWrong(f"{path.name} is damaged after {name}: {error}") from error
    if after < before:
        raise TrainingWrong(f"{path.name} had {before} steps, and {after} after {name}")
    if status == 0 and after < lesson.steps:
        raise TrainingWrong(f"a training ended well with {after} of {lesson.steps} steps")
    return Stopped(name, step, status or 0, before, after, round(seconds, 2))


def _reach(child: Child, path: Path, lesson: Lesson, step: int) -> float:
    """Wait until this program has saved a checkpoint of `step` or later.

    Returns the seconds between two checkpoints.
    """
    seen: list[tuple[float, int]] = []
    known = _version(path)
    while not seen or seen[-1][1] < step:
        _pass(child, _LOOK_S)
        if (now := _version(path)) != known:
            known = now
            seen.append((time.monotonic(), steps_done(path, lesson)))
    if len(seen) < 2:
        return _LEAST_S
    saves = (seen[-1][1] - seen[0][1]) / lesson.save_steps
    return max(_LEAST_S, (seen[-1][0] - seen[0][0]) / max(saves, 1.0))


def _version(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def _pass(child: Child, seconds: float) -> None:
    """Let time pass; an error if the program ends by itself meanwhile."""
    status = child.wait(seconds)
    if status == 0:
        raise _CameLate
    if status is not None:
        raise _died(child, status)


def _died(child: Child, status: int | None) -> Died:
    return Died(f"the training must end by its signal, not with status {status}: {child.said}")
