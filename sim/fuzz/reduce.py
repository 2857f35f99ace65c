"""Makes an input that crashes smaller, as long as it crashes in the same way."""

import json
from collections.abc import Callable
from pathlib import Path

from sim.fuzz.campaign import Crash, signature
from sim.fuzz.catalogue import TARGETS
from sim.fuzz.isolated import CRASHED, outcomes
from sim.fuzz.target import Case, Target
from sw_driver.errors import DriverError
from sw_driver.system.files import make_folder, write_bytes, write_text
from sw_driver.system.scratch import temporary_folder

__all__ = ["keep", "read_kept", "reduced"]

_MOST_TRIALS = 300


def reduced(
    target: Target,
    case: Case,
    text: str,
    trials: int = _MOST_TRIALS,
    tell: Callable[[str, int, int], object] = lambda work, done, total: None,
) -> Case:
    """Return the smallest input found that crashes as this one does.

    Parameters
    ----------
    target, case
        What crashes.
    text
        What it was, of which `signature` must stay.
    trials
        Inputs that are tried at most.
    tell
        Hears of each.
    """
    wanted = signature(text)
    done = 0
    while True:
        for other in target.smaller(case):
            if done == trials:
                return case
            done += 1
            tell(f"{target.name}: {done} smaller inputs tried", done, trials)
            [found] = outcomes(target, [other])
            if found.kind == CRASHED and signature(found.text) == wanted:
                case = other
                break
        else:
            return case


def keep(crash: Crash, case: Case, folder: Path) -> list[Path]:
    """Write an input, as the few lines that it is made of and as the file that it makes.

    Returns
    -------
    list of Path
        The JSON file that `clostorus fuzz --file` takes; and the file itself, where it has one.
    """
    make_folder(folder)
    target = TARGETS[crash.target]
    path = folder / f"{crash.target}-{crash.seed}-{crash.number}.json"
    write_text(path, json.dumps(
        {"target": crash.target, "crash": crash.text, "case": case}, indent=1) + "\n")
    with temporary_folder() as scratch:
        content = target.content(case, scratch)
    if content is None:
        return [path]
    write_bytes(path.with_suffix(".bin"), content)
    return [path, path.with_suffix(".bin")]


def read_kept(path: Path) -> tuple[Target, Case]:
    """Read what `keep` wrote.

    Raises
    ------
    DriverError
        If it is something else.
    """
    try:
        held = json.loads(path.read_text())
        return TARGETS[held["target"]], dict(held["case"])
    except OSError as error:
        raise DriverError(f"file {path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DriverError(
            f"file {path} must be an input that clostorus fuzz has kept, but is something else"
        ) from error
