"""Programs that are started in a session of their own, stopped at some moment, and looked at."""

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.support.project import ROOT

LIMIT_S = 60.0
# A shell without job control starts what runs in the background deaf to Ctrl-C, and a function that
# `subprocess` calls in the child may wait for ever for a lock that another thread held at the fork.
HEEDS_CTRL_C = ("env", "--default-signal=INT")
CLOSTORUS = ("-c", "from sw_driver.cli import main; main()")


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a program ended; `left` are the processes of its session that went on."""

    status: int
    errors: str
    left: tuple[str, ...] = ()


def start(command, folder, shell='exec "$@"', **variables):
    """Start Python by a line of bash, with a terminal's default for Ctrl-C."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.Popen(
        [*HEEDS_CTRL_C, "bash", "-c", f"set -o pipefail; {shell}", "bash", sys.executable,
         *map(str, command)],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder), **variables},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True)


@contextlib.contextmanager
def ended_with_the_test(process):
    """A process that goes no further than the lines under it; `Popen` alone waits for its end."""
    with process:
        try:
            yield process
        finally:
            process.kill()


def stopped(command, folder, after_s, number=signal.SIGINT, processes=1, cache=None):
    """Send a signal to a program and its children, so long after it heeds signals.

    It is waited for until its session has so many processes; models are built in `cache`.
    """
    variables = {} if cache is None else {"CLOSTORUS_CACHE": str(cache)}
    with ended_with_the_test(start(command, folder, **variables)) as program:
        _wait_until_heeded(program)
        deadline = time.monotonic() + LIMIT_S
        while len(_processes(program.pid)) < processes and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(after_s)
        os.killpg(program.pid, number)
        _, errors = program.communicate(timeout=LIMIT_S)
    return Ended(program.returncode, errors, all_gone(program.pid))


def all_gone(session, limit_s=10.0):
    """Processes of a session that go on after a while; none, it is hoped."""
    deadline = time.monotonic() + limit_s
    while (left := _processes(session)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return tuple(left)


def _processes(session):
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text().rpartition(")")
        except OSError:
            continue
        state, *numbers = rest.split()
        if int(numbers[2]) == session and state != "Z":
            found.append(name)
    return found


def _wait_until_heeded(program):
    """Python by itself heeds Ctrl-C, but not SIGTERM: the program's own code has begun."""
    deadline = time.monotonic() + LIMIT_S
    while program.poll() is None and time.monotonic() < deadline:
        lines = Path(f"/proc/{program.pid}/status").read_text().splitlines()
        caught = next(int(line.split()[1], 16) for line in lines if line.startswith("SigCgt"))
        if caught >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.002)
