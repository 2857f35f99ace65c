"""The measurement of what the engine of jobs costs: that both sides do the work."""

import time

import pytest

from golden.system.runner import in_turn
from sim.measure.job_overhead import Busy, busy, measured
from sw_driver.jobs.engine import runner


def test_a_job_keeps_a_core_busy():
    begun_s = time.process_time()
    assert busy(Busy(3, 0.05)) == 3
    assert 0.05 <= time.process_time() - begun_s < 0.5


def test_both_sides_do_all_jobs():
    """In this process all jobs come one after the other, and in two bare ones half of them."""
    bare_s, engine_s = measured(20, 0.02, 1, in_turn)
    assert bare_s >= 0.2 and engine_s >= 0.4


@pytest.mark.slow
def test_the_engine_is_measured():
    with runner(2) as run:
        bare_s, engine_s = measured(100, 0.01, 1, run)
    assert bare_s >= 0.5 and engine_s >= 0.5
