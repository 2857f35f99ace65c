"""Load host links with frames, or a training with stops: `python -m sim.load WHAT`.

    python -m sim.load link --frames 1000000 --rtl-frames 10000
    python -m sim.load training --steps 100000 --stops 100
    python -m sim.load training --steps 300 --stops 4 --device golden --out out/small

`link` lets hosts come and go at two boards at once, over wires that drop, double and flip bytes and
lose rows of them, and compares every word that comes back. The boards are a model in Python; it is
held to the RTL, byte by byte and cycle by cycle, for the frames of --rtl-frames.

`training` runs `clostorus train` on a simulated torus, stops it at random moments, half of the
times so that it cannot clear anything away, and goes on with it each time. In the end all weights,
biases, velocities and random generators must be those of a training without stops.

Each command goes on where it was stopped, with what DIR holds. The exit status is 1 if a word was
lost, doubled or changed.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("sim.load")  # Before anything slow is imported.

import argparse
from collections.abc import Sequence

from golden.system.ending import run_program
from golden.system.status import DIFFERENT
from sim.measure.campaign_page import check_page, made, write_page
from sw_driver.errors import DriverError
from sw_driver.jobs.engine import runner
from sw_driver.jobs.store import open_store
from sw_driver.system.console import Output
from sw_driver.system.files import make_folder

from .arguments import line_of, parsed
from .lesson import Lesson
from .link import load_links, stretches
from .stops import Stop, Stopped, TrainingWrong, check_end, stop_and_go, train_whole
from .stretch import Ran, Stretch
from .tables import link_table, training_table

__all__ = ["main"]

_STORE = "runs.sqlite"


def main(arguments: list[str] | None = None) -> int:
    """Return 0 if all is as it must be, 1 if something was lost, doubled or changed."""
    asked = parsed(__doc__ or "", arguments)
    if asked.page is not None:
        check_page(asked.page, f"load-{asked.what}")
    make_folder(asked.out)
    return {"link": _link, "training": _training}[asked.what](asked, made())


def _link(asked: argparse.Namespace, when: str) -> int:
    jobs = {"model": stretches("model", asked.frames, asked.seed, asked.per_mille),
            "rtl": stretches("rtl", asked.rtl_frames, asked.seed, asked.per_mille)}
    wrong = ""
    talk = Output(as_json=False, quiet=asked.quiet)
    with (runner(asked.workers, note=talk.note) as run, talk.progress() as tell,
          open_store(asked.out / _STORE, "load-link", Stretch, Ran) as store):
        rans: dict[str, Sequence[Ran]] = {}
        for kind, part in jobs.items():
            rans[kind] = load_links(part, store, run, tell)
            wrong = wrong or "; ".join(ran.wrong for ran in rans[kind] if ran.wrong)
    return _say(asked, ("what", "model", "RTL"), link_table(rans), when, wrong)


def _training(asked: argparse.Namespace, when: str) -> int:
    lesson = Lesson(asked.steps, asked.seed, asked.device, asked.engine, asked.torus)
    lesson.write_data(asked.out)
    with open_store(asked.out / _STORE, "load-training", Stop, Stopped) as store:
        for run in store.results:
            if (Lesson(run.steps, run.seed, run.device, run.engine, run.torus) != lesson
                    or run.stops != asked.stops):
                raise DriverError(f"--out must be a folder of this training, but {asked.out} has "
                                  f"stops of another one, {run}: name another folder, or remove it")
        wrong = ""
        try:
            with Output(as_json=False, quiet=asked.quiet).progress() as tell:
                stopped = stop_and_go(lesson, asked.stops, asked.out, store, tell=tell)
                check_end(train_whole(lesson, asked.out, tell=tell), stopped)
        except TrainingWrong as error:
            wrong = str(error)
        table = training_table(lesson, list(store.results.values()), wrong)
    return _say(asked, ("what", "figure"), table, when, wrong)


def _say(asked: argparse.Namespace, header: tuple[str, ...], table: Sequence[tuple[str, ...]],
         when: str, wrong: str) -> int:
    out = Output(as_json=False, quiet=False)
    out.table(asked.what, header, table)
    if asked.page is not None:
        write_page(asked.page, f"load-{asked.what}", line_of(asked), when, header, table)
    if wrong:
        out.text(f"FAIL: {wrong}")
    return DIFFERENT if wrong else 0


if __name__ == "__main__":
    run_program("sim.load", main)
