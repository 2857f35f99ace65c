"""`--scheduler`: Dask's own scheduler and workers, started as on a cluster, do what we do here."""

import contextlib
import json
import os
import subprocess
import sys
import time

import pytest

from golden.experiments.controllability import Controllability
from tests.support.command_line import fail, succeed
from tests.support.stopped import LIMIT_S, ended_with_the_test

pytestmark = pytest.mark.slow
QUICK = ("experiment", "controllability", "--quick")


@contextlib.contextmanager
def dask(folder, *arguments, **variables):
    """Dask's own program, from a folder in which nothing of ours lies; it ends with the block."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with (folder / "log").open("a") as log, ended_with_the_test(subprocess.Popen(
            [sys.executable, "-m", "dask", *map(str, arguments)], cwd=folder, stdout=log,
            stderr=log, env={**environment, "TMPDIR": str(folder), **variables})) as process:
        try:
            yield
        finally:
            process.terminate()  # With it go the processes that it started.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(LIMIT_S)


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    """The address of a scheduler that runs; each test starts workers of its own."""
    folder = tmp_path_factory.mktemp("scheduler")
    file = folder / "scheduler.json"
    with dask(folder, "scheduler", "--host", "127.0.0.1", "--port", 0, "--no-dashboard",
              "--scheduler-file", file):
        deadline = time.monotonic() + LIMIT_S
        while not (file.exists() and file.read_text().endswith("}")):
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.05)
        yield json.loads(file.read_text())["address"]


def workers(folder, address, *options, **variables):
    return dask(folder, "worker", address, "--no-dashboard", "--local-directory", folder,
                *options, **variables)


def test_rows_are_those_of_one_process(scheduler, tmp_path, monkeypatch):
    """The client does none of the jobs; the workers have nothing of ours but what is installed."""
    alone, there = tmp_path / "alone", tmp_path / "there"
    succeed(*QUICK, "--workers", 1, "--out", alone)

    def measure(experiment, run):
        raise AssertionError(f"{run} is done in this process")

    monkeypatch.setattr(Controllability, "measure", measure)
    with workers(tmp_path, scheduler, "--nworkers", 2, "--nthreads", 1):
        succeed(*QUICK, "--scheduler", scheduler, "--out", there)
    for name in ("runs.csv", "report.md", "controllability.png"):
        assert (there / name).read_bytes() == (alone / name).read_bytes(), name


def test_workers_of_another_version_are_refused(scheduler, tmp_path):
    """One whose package says that it is of another release, as it may be on another machine."""
    about = tmp_path / "path" / "clostorus-0.0.7.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: clostorus\nVersion: 0.0.7\n")
    with workers(tmp_path, scheduler, "--nthreads", 1, PYTHONPATH=str(about.parent)):
        fail(2, "--scheduler must have workers with clostorus .*, as here, but the one at tcp://.* "
                "has clostorus 0.0.7; finished rows are kept",
             *QUICK, "--quiet", "--scheduler", scheduler, "--out", tmp_path / "out")


def test_workers_of_several_threads_are_refused(scheduler, tmp_path):
    with workers(tmp_path, scheduler, "--nthreads", 2):
        fail(2, "--scheduler must have workers of one thread .* but the one at tcp://.* has 2",
             *QUICK, "--quiet", "--scheduler", scheduler, "--out", tmp_path / "out")
