"""Sizes of chunks: at least 0.2 s of work as long as there is enough, and small ones in the end."""

import pytest

from sw_driver.jobs.chunks import LEAST_CHUNK_S, ChunkSizes


def chunks(jobs, seconds, workers):
    """The sizes of all chunks of jobs that take so long each."""
    sizes, found = ChunkSizes(), []
    while jobs:
        found.append(sizes.size(jobs, workers))
        jobs -= found[-1]
        sizes.add(found[-1], found[-1] * seconds)
    return found


@pytest.mark.parametrize("seconds", [1e-9, 0.0001, 0.01, 0.15, 0.3, 100.0])
@pytest.mark.parametrize("workers", [1, 2, 60])
@pytest.mark.parametrize("jobs", [1, 7, 1000])
def test_chunks(seconds, workers, jobs):
    found = chunks(jobs, seconds, workers)
    assert sum(found) == jobs and min(found) >= 1 and found[0] == 1
    left = jobs - 1
    for size in found[1:]:
        # Less than 0.2 s only where others would have nothing to do; a second or more for one job.
        assert size * seconds >= LEAST_CHUNK_S - 1e-9 or size >= min(left / workers, left)
        assert (size - 1) * seconds <= 1.0 + 1e-9 or seconds < 1e-6
        left -= size


def test_long_jobs_go_singly():
    assert set(chunks(50, 1.01, 2)) == {1}
    assert set(chunks(50, 0.21, 50)) == {1}


def test_short_jobs_go_together():
    found = chunks(1000, 0.01, 2)
    assert found[0] == 1 and found[1] == 100 and len(found) < 40
