"""Processes that work for another one: what they return, and how they end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from golden.errors import ModelError, WorkerLost
from golden.system.workers import workers
from tests.support.project import ROOT

WAIT_S = 30
PROGRAM = """
import os, sys, time
from golden.system.workers import workers

def tell(number):
    print(os.getpid(), flush=True)
    time.sleep(100)

if __name__ == "__main__":
    with workers(2) as processes:
        list(processes.map(tell, range(2)))
"""


def act(item):
    if item == "bad":
        raise ModelError("item must be good, not bad")
    if item == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.01 * (5 - item))
    return item, os.getpid()


def test_results_are_in_order_and_processes_are_used_again():
    with workers(2) as processes:
        first = list(processes.map(act, range(5)))
        second = list(processes.map(act, range(3)))
        assert not list(processes.map(act, []))
        assert [item for item, _ in first + second] == [0, 1, 2, 3, 4, 0, 1, 2]
        made = {number for _, number in first + second}
        assert len(made) == 2 and os.getpid() not in made
    assert not any(Path(f"/proc/{number}").exists() for number in made)


def test_one_job_is_done_in_this_process():
    with workers(1) as processes:
        assert list(processes.map(act, [3, 1])) == [(3, os.getpid()), (1, os.getpid())]


@pytest.mark.parametrize(("item", "kind"), [("bad", ModelError), ("killed", WorkerLost)])
def test_errors_of_processes(item, kind):
    with workers(2) as processes, pytest.raises(kind, match="item must|ended from outside"):
        list(processes.map(act, [1, item, 2]))


def test_workers_end_with_their_parent(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    root = str(ROOT)
    with subprocess.Popen([sys.executable, "program.py"], cwd=tmp_path, text=True,
                          stdout=subprocess.PIPE, env={"PYTHONPATH": root}) as parent:
        found = [int(parent.stdout.readline()) for _ in range(2)]
        parent.kill()
    deadline = time.monotonic() + WAIT_S
    while any(Path(f"/proc/{worker}").exists() for worker in found):
        assert time.monotonic() < deadline
        time.sleep(0.05)
