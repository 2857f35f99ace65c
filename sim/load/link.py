"""A campaign on host links: so many frames on the model of a board, and so many on the RTL."""

from collections.abc import Callable

from golden.system.runner import Runner
from sim.load.stretch import Ran, Stretch, run_stretch
from sw_driver.jobs.store import JobStore

__all__ = ["STRETCH_FRAMES", "load_links", "stretches"]

STRETCH_FRAMES = {"model": 50_000, "rtl": 1_000}
"""Of a job: long enough to show memory that grows, and a minute at most."""


def stretches(kind: str, frames: int, seed: int, per_mille: float) -> list[Stretch]:
    """Cut a campaign into jobs."""
    size = min(STRETCH_FRAMES[kind], frames)
    return [Stretch(kind, seed, number, size, per_mille) for number in range(-(-frames // size))]


def load_links(
    jobs: list[Stretch],
    store: JobStore[Stretch, Ran],
    runner: Runner,
    tell: Callable[[str, int, int], object] = lambda work, done, total: None,
) -> list[Ran]:
    """Do the jobs that are not done yet; return what came of all.

    Parameters
    ----------
    jobs
        All of the campaign.
    store
        Gets a row of each job.
    runner
        Does the jobs.
    tell
        Hears how many frames have been sent, and of how many.
    """
    total = sum(job.frames for job in jobs)
    left = [job for job in jobs if job not in store.results]
    done = total - sum(job.frames for job in left)
    tell("link: frames", done, total)
    for job, ran in runner(run_stretch, left):
        store.add(job, ran)
        done += job.frames
        tell(f"link: frames of the {job.kind}", done, total)
        if ran.wrong:
            break
    return [store.results[job] for job in jobs if job in store.results]
