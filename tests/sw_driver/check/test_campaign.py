"""The campaign of broken programs: resumable, always the same, and failing if the check does."""

import json

import pytest

from golden.system.runner import in_turn
from sw_driver.errors import DriverError
from sw_driver.jobs.store import open_store
from tests.support.deadlock import __main__ as command
from tests.support.deadlock import campaign as campaigns
from tests.support.deadlock.campaign import Batch, Came, campaign, outcomes, try_batch, wrong
from tests.support.deadlock.page import rows
from tests.support.deadlock.untimed import ENDED
from tests.support.deadlock.verdicts import ACCEPTED

JOB = Batch("untimed", 0, 0, 30)


def test_jobs_are_the_same_each_time():
    came = try_batch(JOB)
    assert came.outcomes == try_batch(JOB).outcomes and came.wrong == "[]"
    assert sum(count for *_, count in json.loads(came.outcomes)) == JOB.count


def test_a_check_that_accepts_everything_is_found(monkeypatch):
    verdict = campaigns.verdict
    monkeypatch.setattr(campaigns, "verdict", lambda *given: (ACCEPTED, verdict(*given)[1]))
    came = try_batch(JOB)
    assert json.loads(came.wrong)
    assert wrong({JOB: came})[0][:2] == ("untimed", 0)


def test_it_goes_on_where_it_was(tmp_path):
    tried = []

    def note(job):
        tried.append(job)
        return Came(json.dumps([["one wait", ACCEPTED, ENDED, job.count]]), "[]", 0.1)

    def runner(function, jobs):
        return in_turn(note, jobs)

    for goal in (300, 700):
        with open_store(tmp_path / "untimed.sqlite", "deadlock", Batch, Came) as store:
            campaign("untimed", goal, 9, store, runner)
            came = outcomes("untimed", store.results)
            assert goal <= came["one wait", ACCEPTED, ENDED] < goal + 200
            results = dict(store.results)
    assert len(tried) == len(set(tried)) == len(results)
    assert rows(results)[-1][:2] == ("all", f"{100 * len(results):,}")


def test_options_are_whole_numbers():
    with pytest.raises(DriverError, match="--programs must be a whole number above 0, not '0'"):
        command.main(["--programs", "0"])
