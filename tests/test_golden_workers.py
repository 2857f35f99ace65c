"""Processes that work for another one end with it, even if it is killed."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

WAIT_S = 30

# The study of training forks its workers, the experiments start them anew.
PROGRAM = """
import concurrent.futures, multiprocessing, os, sys, time

def tell(number):
    print(os.getpid(), flush=True)
    time.sleep(100)

if __name__ == "__main__":
    from golden.training_study import _begin_worker
    from golden.workers import follow_parent
    context = multiprocessing.get_context(sys.argv[1])
    begin = {"fork": _begin_worker, "spawn": follow_parent}[sys.argv[1]]
    with concurrent.futures.ProcessPoolExecutor(2, context, initializer=begin) as pool:
        list(pool.map(tell, range(2)))
"""


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers_end_with_their_parent(tmp_path, start):
    (tmp_path / "program.py").write_text(PROGRAM)
    root = str(Path(__file__).parents[1])
    with subprocess.Popen([sys.executable, "program.py", start], cwd=tmp_path, text=True,
                          stdout=subprocess.PIPE, env={"PYTHONPATH": root}) as parent:
        workers = [int(parent.stdout.readline()) for _ in range(2)]
        parent.kill()
    deadline = time.monotonic() + WAIT_S
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)
