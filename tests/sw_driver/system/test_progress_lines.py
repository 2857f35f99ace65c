"""Progress of long work where there is no terminal: a line now and then, by a clock of our own."""

import datetime

import pytest

from sw_driver.system.console import Output
from sw_driver.system.progress_lines import ProgressLines, Rates, per_time, say_now_and_then


class Clock:
    """Seconds that pass only by waiting; after each wait `act` is called, until `end_s`."""

    def __init__(self, end_s, act):
        self.now_s, self.end_s, self.act = 0.0, end_s, act

    def __call__(self):
        return self.now_s

    def wait(self, seconds):
        self.now_s = min(self.now_s + seconds, self.end_s)
        self.act(self.now_s)
        return self.now_s >= self.end_s


def lines_of(end_s, works):
    """Lines of works [from when, work, done, total], told as time comes to them."""
    written = []

    def act(now_s):
        for work in [work for work in works if work[0] <= now_s]:
            progress.tell(*works.pop(works.index(work))[1:])

    clock = Clock(end_s, act)
    now = datetime.datetime(2026, 1, 1, 23, 50)
    progress = ProgressLines(written.append, Rates(clock, lambda: now))
    act(0)
    say_now_and_then(progress.say, clock.wait)
    return written


def test_a_line_about_every_half_minute():
    works = [(0, "train: 1", 1, 9), (50, "train: 2", 2, 9), (100, "compile", 0, 1),
             (130, "compile", 1, 1)]
    assert lines_of(3700, [*works, (3600, "run", 7, 8)]) == [
        "clostorus: train: 1: 1 of 9 after 0:00:30\n",
        "clostorus: train: 2: 2 of 9 after 0:01:00, 1.0 a minute, ends about 2026-01-01 23:57\n",
        "clostorus: train: 2: 2 of 9 after 0:01:30, 40.0 an hour, ends about 2026-01-02 00:00\n",
        "clostorus: compile: 0 of 1 after 0:00:00\n",
        *(f"clostorus: run: 7 of 8 after 0:0{seconds // 60}:{seconds % 60:02}\n"
          for seconds in (0, 30, 60, 90)),
    ]


def test_nothing_of_short_work():
    assert lines_of(29, [(0, "train", 1, 9)]) == []
    assert lines_of(300, []) == []


@pytest.mark.parametrize(("quiet", "errors"), [(False, "clostorus: long\n"), (True, "")])
def test_output_to_a_pipe(capsys, quiet, errors):
    output = Output(as_json=False, quiet=quiet)
    with output.progress() as tell:
        tell("train", 1, 2)
        output.note("long")
    assert capsys.readouterr() == ("", errors)


@pytest.mark.parametrize(("per_second", "text"), [
    (250, "250.0 a second"), (1, "1.0 a second"), (0.5, "30.0 a minute"), (0.01, "36.0 an hour"),
])
def test_rates_have_a_unit_that_fits(per_second, text):
    assert per_time(per_second) == text
