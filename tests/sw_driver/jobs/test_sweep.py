"""Sweeps on two workers of this machine: every row once, whatever becomes of the workers."""

import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from golden.system.runner import in_turn
from sw_driver.errors import DriverError, WorkerLost
from sw_driver.jobs.engine import MOST_WORKERS, cores, runner
from sw_driver.jobs.store import open_store
from tests.support.jobs import Job, Row, fail, square, threads
from tests.support.project import ROOT
from tests.support.stopped import ended_with_the_test


@pytest.fixture(scope="module")
def notes():
    return []


@pytest.fixture(scope="module")
def run(notes):
    """Two workers, for all tests of this file."""
    with runner(2, note=notes.append) as made:
        list(made(square, [Job(0)]))
        yield made


def rows_of(found, jobs):
    """The rows by their jobs, each of which must be there once."""
    found = list(found)
    assert sorted(job.number for job, _ in found) == sorted(job.number for job in jobs)
    assert all(row.square == job.number**2 for job, row in found)
    return dict(found)


def test_every_job_is_done_once_and_by_both(run):
    jobs = [Job(number, 0.004) for number in range(150)]
    rows = rows_of(run(square, jobs), jobs)
    assert len({row.worker for row in rows.values()}) == 2
    assert os.getpid() not in {row.worker for row in rows.values()}
    assert list(run(square, [])) == []


def test_workers_have_one_thread(run):
    assert {row.square for _, row in run(threads, [Job(1), Job(2)])} == {1}


def test_a_worker_that_is_killed_in_mid_sweep_costs_no_row(run, tmp_path):
    """Killed from outside while it works; the store has each row exactly once."""
    jobs = [Job(number, 0.02) for number in range(100)]
    killed = set()
    with open_store(tmp_path / "runs.sqlite", "squares", Job, Row) as store:
        for job, row in run(square, jobs):
            store.add(job, row)  # A second row of one job would be refused.
            if len(store.results) in (30, 60):
                killed.add(row.worker)
                os.kill(row.worker, 9)
    with open_store(tmp_path / "runs.sqlite", "squares", Job, Row) as store:
        rows_of(store.results.items(), jobs)
        assert len(killed) == 2 and len({row.worker for row in store.results.values()}) >= 3


def test_a_job_that_ends_workers_is_left_out_and_no_other(run, notes, tmp_path):
    """Five workers: with its chunk, as a suspect, and three alone; bystanders have their rows."""
    folder = str(tmp_path)
    jobs = [Job(number, 0.01, folder, 99 if number == 13 else 0) for number in range(40)]
    good = [job for job in jobs if job.number != 13]
    rows = {}
    with pytest.raises(WorkerLost, match="1 of the jobs were left out, .* are kept: job 13$"):
        for job, row in run(square, jobs):
            assert job not in rows
            rows[job] = row
    rows_of(rows.items(), good)
    assert Path(folder, "13").stat().st_size == 5
    assert notes[-1] == "left out, since it ended 3 workers while alone: job 13"


def test_a_job_that_ends_two_workers_is_done_in_the_end(run, tmp_path):
    jobs = [Job(number, 0.01, str(tmp_path), 2 * (number == 3)) for number in range(8)]
    rows_of(run(square, jobs), jobs)


def test_what_a_job_raises_comes_back(run):
    with pytest.raises(ValueError, match="number must not be 7"):
        list(run(fail, [Job(7)]))
    jobs = [Job(1), Job(2)]
    rows_of(run(square, jobs), jobs)


def test_a_sweep_that_is_left_early_leaves_nothing_behind(run):
    found = run(square, [Job(number, 0.05) for number in range(100)])
    assert next(found)[1].square >= 0
    found.close()
    begun = time.monotonic()
    list(run(square, [Job(1)]))
    assert time.monotonic() - begun < 5


def test_the_environment_and_the_network_stay_as_they_are(run):
    """What listens, listens at 127.0.0.1 only, and answers only whoever has the certificate."""
    workers = {row.worker for _, row in run(square, [Job(1, 0.1), Job(2, 0.1)])}
    listening = [line for pid in (os.getpid(), *workers) for line in _listening(pid)]
    assert listening and all(address == "0100007F" for address, _ in listening)
    from distributed import Client

    client = next(iter(Client._instances))
    assert client.scheduler.address.startswith("tls://127.0.0.1:")
    assert client.loop and threading.active_count() > 1


def _listening(pid):
    """Addresses and ports, in hexadecimal digits, on which a process listens."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(link))
        except OSError:
            continue
        inodes |= {found[1]} if found else set()
    for family in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{family}").read_text().splitlines()[1:]:
            local, state, inode = (line.split()[number] for number in (1, 3, 9))
            if state == "0A" and inode in inodes:
                yield local.split(":")


def test_one_worker_is_this_process():
    with runner(1) as run:
        assert run is in_turn
        ((_, row),) = run(square, [Job(3)])
        assert row == Row(9, os.getpid())


def test_nothing_is_started_before_there_are_jobs():
    before = threading.active_count()
    with runner(2) as run:
        assert list(run(square, [])) == []
        assert threading.active_count() == before


@pytest.mark.parametrize(("wanted", "message"), [
    ({"workers": 0}, f"workers must be 1 to {MOST_WORKERS}, not 0"),
    ({"workers": MOST_WORKERS + 1}, f"workers must be 1 to {MOST_WORKERS}, not 1025"),
    ({"workers": 2, "scheduler": "tcp://127.0.0.1:1"}, "workers and scheduler cannot both be"),
])  # fmt: skip
def test_bad_numbers_of_workers_are_refused(wanted, message):
    with pytest.raises(DriverError, match=message):
        runner(**wanted).__enter__()
    assert cores() >= 1


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "127.0.0.1:1", "nowhere", "tcp://", "a:b",
                                     "none://127.0.0.1:1", ""])
def test_a_scheduler_that_does_not_answer_is_refused(monkeypatch, address):
    monkeypatch.setattr("sw_driver.jobs.cluster._ANSWER_S", 0.3)
    with pytest.raises(DriverError, match=f"scheduler must be .* but '{address}' does not answer"):
        with runner(scheduler=address) as run:
            list(run(square, [Job(1)]))


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "tcp://", "none://127.0.0.1:1"])
def test_an_address_is_refused_before_dask_starts_a_thread(monkeypatch, address):
    monkeypatch.setattr("distributed.Client", lambda *_, **__: pytest.fail("it was asked"))
    with pytest.raises(DriverError, match="does not answer: .+"):
        runner(scheduler=address).__enter__()


def test_a_thread_of_dask_that_does_not_start_is_one_line(monkeypatch):
    """A machine that is busy for 10 s: Dask has an assertion there, without a word."""
    def busy(*_, **__):
        raise AssertionError
    monkeypatch.setattr("distributed.Client", busy)
    with socket.create_server(("127.0.0.1", 0)) as server, \
            pytest.raises(DriverError, match="could not start its thread in time"):
        runner(scheduler=f"tcp://127.0.0.1:{server.getsockname()[1]}").__enter__()


def test_workers_end_with_their_parent(tmp_path):
    """Even if it is killed: none goes on working for nobody."""
    script = tmp_path / "script.py"
    script.write_text(
        "from sw_driver.jobs.engine import runner\nfrom tests.support.jobs import *\n"
        "if __name__ == '__main__':\n"
        "    with runner(2) as run:\n"
        "        for _, row in run(square, [Job(n, 0.2) for n in range(500)]):\n"
        "            print(row.worker, flush=True)\n")
    with ended_with_the_test(subprocess.Popen(
        [sys.executable, script], text=True, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)})) as parent:
        workers = {int(parent.stdout.readline()) for _ in range(6)}
        parent.kill()
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_nothing_is_left_in_the_folder_of_temporary_files(tmp_path):
    code = ("from sw_driver.jobs.engine import runner\nfrom tests.support.jobs import *\n"
            "if __name__ == '__main__':\n"
            "    with runner(2) as run: print(len(list(run(square, [Job(1), Job(2)]))))\n")
    script = tmp_path / "script.py"
    script.write_text(code)
    temporary, home = tmp_path / "temporary", tmp_path / "home"
    for folder in (temporary, home):
        folder.mkdir()
    done = subprocess.run([sys.executable, "-W", "error", script], capture_output=True,
                          text=True, check=False, timeout=120,
                          env={**os.environ, "TMPDIR": str(temporary), "HOME": str(home),
                               "PYTHONPATH": str(ROOT)})
    assert (done.returncode, done.stdout, done.stderr) == (0, "2\n", "")
    assert not [*temporary.iterdir(), *home.iterdir()]
