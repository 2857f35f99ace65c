"""Load a host link with frames, or a training with stops: `python -m sim.load WHAT`.

    python -m sim.load training --steps 100000 --stops 100
    python -m sim.load training --steps 300 --stops 4 --device golden --out out/small

`training` runs `clostorus train` on a simulated torus, stops it at random moments, half of the
times so that it cannot clear anything away, and goes on with it each time. In the end all weights,
biases, velocities and random generators must be those of a training without stops. Each command
goes on where it was stopped, with what DIR holds, and writes a table between the marks of a page.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("sim.load")  # Before anything slow is imported.

import argparse
from pathlib import Path

from golden.system.ending import run_program
from golden.system.status import DIFFERENT
from sw_driver.errors import DriverError
from sw_driver.jobs.store import open_store
from sw_driver.system.arguments import LineParser
from sw_driver.system.console import Output
from sw_driver.system.files import make_folder
from sw_driver.torus import parse_torus

from .lesson import Lesson
from .page import check_page, made_of, write_table
from .stops import Stop, Stopped, TrainingWrong, check_end, stop_and_go, train_whole
from .tables import training_table

__all__ = ["main"]

_STORE = "runs.sqlite"
_LARGEST = (1 << 31) - 1
_DEVICES = ("sim", "golden")
_ENGINES = ("auto", "verilator", "vector")


def main(arguments: list[str] | None = None) -> int:
    """Return 0 if all is as it must be, 1 if something was lost, doubled or changed."""
    asked = _parsed(arguments)
    if asked.page is not None:
        check_page(asked.page, asked.what)
    make_folder(asked.out)
    made = made_of()  # Before the work: what is tested may have changed when it ends.
    return asked.work(Output(as_json=False, quiet=False), asked, made)


def _training(out: Output, asked: argparse.Namespace, made: str) -> int:
    lesson = Lesson(asked.steps, asked.seed, asked.device, asked.engine, asked.torus)
    lesson.write_data(asked.out)
    with open_store(asked.out / _STORE, "load-training", Stop, Stopped) as store:
        other = [run for run in store.results
                 if Lesson(run.steps, run.seed, run.device, run.engine, run.torus) != lesson
                 or run.stops != asked.stops]
        if other:
            raise DriverError(f"--out must be a folder of this training, and {asked.out} has stops "
                              f"of {other[0]}: name another folder, or remove it")
        wrong = ""
        try:
            with Output(as_json=False, quiet=asked.quiet).progress() as tell:
                stopped = stop_and_go(lesson, asked.stops, asked.out, store, tell=tell)
                tell("train: without stops", asked.stops, asked.stops)
                check_end(train_whole(lesson, asked.out), stopped)
        except TrainingWrong as error:
            wrong = str(error)
        table = training_table(lesson, list(store.results.values()), wrong)
    return _say(out, asked, table, made, wrong)


def _say(out: Output, asked: argparse.Namespace, table: list[tuple[str, str]], made: str,
         wrong: str) -> int:
    out.facts(asked.what, table)
    if asked.page is not None:
        write_table(asked.page, asked.what, asked.line, made, table)
    if wrong:
        out.text(f"FAIL: {wrong}")
    return DIFFERENT if wrong else 0


def _parsed(arguments: list[str] | None) -> argparse.Namespace:
    parser = LineParser(prog="python -m sim.load", description=__doc__,
                        formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(metavar="WHAT", required=True)
    training = parts.add_parser("training", help="a training that is stopped over and over")
    training.set_defaults(work=_training, what="training")
    training.add_argument("--steps", metavar="N", default="100000",
                          help="steps of the training, in thousands [default: 100000]")
    training.add_argument("--stops", metavar="N", default="100",
                          help="how often it is stopped [default: 100]")
    training.add_argument("--device", metavar="|".join(_DEVICES), default="sim",
                          help="what trains [default: sim]")
    training.add_argument("--engine", metavar="|".join(_ENGINES), default="auto",
                          help="what simulates [default: auto]")
    training.add_argument("--torus", metavar="RxC", default="1x2", help="[default: 1x2]")
    for part in (training,):
        part.add_argument("--seed", metavar="N", default="1",
                          help="what everything random follows from [default: 1]")
        part.add_argument("--out", metavar="DIR", type=Path, default=Path("out/load"),
                          help="where the work goes on from, in a folder of its own "
                          "[default: out/load]")
        part.add_argument("--page", metavar="FILE", type=Path,
                          help="write the table to this page")
        part.add_argument("--quiet", action="store_true", help="no progress")
    asked = parser.parse_args(arguments)
    asked.out = asked.out / asked.what
    asked.line = _line(asked)
    for name, least in (("steps", 100), ("stops", 1), ("seed", 0)):
        if hasattr(asked, name):
            setattr(asked, name, _whole(f"--{name}", getattr(asked, name), least))
    for name, choices in (("device", _DEVICES), ("engine", _ENGINES)):
        if getattr(asked, name, choices[0]) not in choices:
            raise DriverError(f"--{name} must be one of {', '.join(choices)}, not "
                              f"{getattr(asked, name)!r}")
    if hasattr(asked, "torus"):
        parse_torus(asked.torus)
    return asked


def _line(asked: argparse.Namespace) -> str:
    """The command line of what was asked for, as a page names it."""
    values = vars(asked)
    words = [f"--{name} {values[name]}" for name in
             ("steps", "stops", "frames", "rtl_frames", "device", "engine", "torus", "seed")
             if name in values]
    return " ".join(["python -m sim.load", asked.what, *words]).replace("_", "-")


def _whole(name: str, text: str, least: int) -> int:
    if not (text.isascii() and text.isdigit() and least <= int(text) <= _LARGEST):
        raise DriverError(f"{name} must be a whole number of at least {least}, not {text!r}")
    return int(text)


if __name__ == "__main__":
    run_program("sim.load", main)
