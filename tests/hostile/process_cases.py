"""Processes whose output is lost, whose inputs hang, and which are stopped: a status and a line."""

import contextlib
import dataclasses
import os
import re
import select
import signal
from collections.abc import Iterator

from tests.hostile.case import Case, Workshop
from tests.support.stopped import CLOSTORUS, LIMIT_S, all_gone, start

GROUP = "signals and pipes"
INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
FULL = "standard output cannot be written: No space left on device\n"
CLOSED = "standard output cannot be written: Bad file descriptor\n"
STOPPED = "name: stopped\n"

# A program of this project; `ready` is what the signals of a case wait for.
PROGRAM = """
import contextlib, os, signal, sys, time
from pathlib import Path
from golden.system.ending import run_program
from golden.system.stopping import cleared, held
def ready():
    print("ready", flush=True)
def wait():
    ready()
    time.sleep(60)
{}
run_program("name", main)
"""
TABLES = """
from sw_driver.system.console import Output
from golden.system.ending import run_program
def main():
    Output(as_json=False, quiet=False).facts("title", [("name", "value")])
    Output(as_json=True, quiet=False).result({"name": "value"})
run_program("clostorus", main)
"""


def program(lines: str) -> tuple[str, ...]:
    """Python code that defines `main`, as a command."""
    return "-c", PROGRAM.replace("{}", lines)


def calls(expression: str) -> tuple[str, ...]:
    """A program whose main function is an expression."""
    return program(f"main = lambda: {expression}")


def clostorus(*arguments: str) -> tuple[str, ...]:
    """The command line."""
    return *CLOSTORUS, *arguments


@dataclasses.dataclass(frozen=True)
class Process:
    """A process, and how it must end.

    Parameters
    ----------
    name
        What is done to it.
    command
        Arguments of Python; {files} are the workshop's.
    status, errors
        What it must exit with, and all that it must say on standard error, as a pattern.
    shell
        What runs it, as a line of bash in which "$@" is the command.
    signals
        To its whole session, one by one: each is sent when it has printed a line.
    fifo
        Whether there is a named pipe, "fifo"; the only signal is sent when something is written to
        it, of which no more is read.
    text
        Of a file, "works.py".
    """

    name: str
    command: tuple[str, ...]
    status: int
    errors: str = ""
    shell: str = 'exec "$@"'
    signals: tuple[int, ...] = ()
    fifo: bool = False
    text: str = ""

    def attempt(self, bench: Workshop) -> None:
        command = [text.replace("{files}", str(bench.files)) for text in self.command]
        with contextlib.ExitStack() as stack:
            if self.text:
                (bench.here / "works.py").write_text(self.text)
            if self.fifo:
                os.mkfifo(bench.here / "fifo")
                end = os.open(bench.here / "fifo", os.O_RDONLY | os.O_NONBLOCK)
                stack.callback(os.close, end)
            before = sorted(bench.here.rglob("*"))
            process = stack.enter_context(start(command, bench.here, shell=self.shell))
            try:
                for number in self.signals:
                    assert select.select([end], [], [], LIMIT_S)[0] if self.fifo else (
                        process.stdout.readline())
                    os.killpg(process.pid, number)
                _, errors = process.communicate(timeout=LIMIT_S)
            finally:
                process.kill()
        assert process.returncode == self.status, errors
        assert re.fullmatch(self.errors, errors), errors
        assert not all_gone(process.pid)
        assert sorted(bench.here.rglob("*")) == before, "nothing is left"


LOST = (
    Process("help to a full disk", clostorus("--help"), 2, f"clostorus: {FULL}", '"$@" >/dev/full'),
    Process("help to a reader that has left", clostorus("--help"), 141, "", '"$@" | true'),
    Process("help, closed", clostorus("--help"), 2, f"clostorus: {CLOSED}", '"$@" >&-'),
    Process("help, errors to a full disk", clostorus("--help"), 0, "",
            '"$@" 2>/dev/full >/dev/null'),
    Process("help, errors closed", clostorus("--help"), 0, "", '"$@" 2>&- >/dev/null'),
    Process("help, nothing to read", clostorus("--help"), 0, "", '"$@" <&- >/dev/null'),
    Process("usage, errors to a full disk", clostorus("bogus"), 2, "", '"$@" 2>/dev/full'),
    Process("usage, errors closed", clostorus("bogus"), 2, "", '"$@" 2>&-'),
    Process("tables to a full disk", ("-c", TABLES), 2, f"clostorus: {FULL}", '"$@" >/dev/full'),
    Process("tables to a reader that has left", ("-c", TABLES), 141, "", '"$@" | true'),
    Process("tables, closed", ("-c", TABLES), 2, f"clostorus: {CLOSED}", '"$@" >&-'),
    Process("ten bytes of a million lines", calls("print(*range(10**6), sep='\\n')"), 141, "",
            '"$@" | head -c 10 >/dev/null'),
    Process("a line, then a full disk", calls("print(1)"), 2, f"name: {FULL}", '"$@" >/dev/full'),
    Process("a status and a full disk", calls("print(1) or 3"), 3, f"name: {FULL}",
            '"$@" >/dev/full'),
)  # fmt: skip
ENDS = (
    Process("no status", calls("None"), 0),
    Process("a status", calls("3"), 3),
    Process("sys.exit with text", calls("sys.exit('said')"), 1, "said\n"),
    Process("sys.exit", calls("sys.exit()"), 0),
    Process("a file that is not there", calls("open('/none/x')"), 2,
            "name: /none/x: No such file or directory\n"),
    Process("an error of the system without a number",
            program("def main(): raise OSError('two\\n lines')"), 2, "name: two lines\n"),
)  # fmt: skip
# A file, since the processes begin anew with it.
WORKS = """
import os, time
from golden.system.ending import run_program
from sw_driver.jobs.engine import runner
def act(item):
    os.write(1, b"ready\\n")
    time.sleep(60)
def main():
    with runner(2) as run:
        list(run(act, range(2)))
if __name__ == "__main__":
    run_program("name", main)
"""
WAITS_IN_FOLDER = """
from sw_driver.system.scratch import temporary_folder
def main():
    with temporary_folder() as folder:
        (folder / "half").write_text("")
        wait()
"""
RUNS_CHILD = """
import threading
from sw_driver.system.children import run_child
from sw_driver.system.scratch import temporary_folder
def main():
    with temporary_folder() as folder:
        threading.Timer(0.2, ready).start()
        run_child(["sh", "-c", "while :; do echo > file; sleep 0.01; done"], folder)
"""
CLEARS_SLOWLY = """
def main():
    with cleared(lambda: Path("half").unlink(missing_ok=True)):
        try:
            Path("half").touch()
            wait()
        finally:
            time.sleep(1.2)  # A signal that comes sooner is taken for the first one.
            wait()
"""
CATCHES_ALL = """
class Last:
    def __del__(self):
        wait()
def main():
    last = Last()
    del last
    time.sleep(60)
"""
IMPORTS = """
def main():
    Path("slow.py").write_text("import __main__; __main__.wait()")
    sys.path.insert(0, os.getcwd())
    with cleared(Path("slow.py").unlink):
        sys.dont_write_bytecode = True
        with contextlib.suppress(BaseException):
            import slow
"""
HOLDS = """
def main():
    with held():
        ready()
        time.sleep(0.3)
        Path("half").touch()
        time.sleep(0.3)
        Path("half").unlink()
    time.sleep(60)
"""
WRITES = """
from golden.system.files import write_bytes
def main():
    with cleared(lambda: Path("whole").unlink(missing_ok=True)):
        ready()
        while True:
            write_bytes(Path("whole"), bytes(10**7), ValueError)
"""
WRITES_PIPE = """
from golden.system.files import write_bytes
def main():
    write_bytes(Path("fifo"), bytes(10**6), ValueError)
"""
STUCK = """
def main():
    ready()
    for _ in range(10**6):
        print("x" * 1000)
"""
SIGNALS = (
    *(Process(f"{name}, with a folder half made", program(WAITS_IN_FOLDER), status, errors,
              signals=(number,))
      for name, number, status, errors in (
          ("Ctrl-C", INT, 130, STOPPED), ("SIGTERM", TERM, 143, ""), ("SIGHUP", HUP, 129, ""))),
    Process("Ctrl-C, while a program runs in a folder", program(RUNS_CHILD), 130, STOPPED,
            signals=(INT,)),
    Process("Ctrl-C, while processes work for it", ("works.py",), 130, STOPPED,
            signals=(INT,), text=WORKS),
    Process("Ctrl-C again, while it clears away", program(CLEARS_SLOWLY), 130, STOPPED,
            signals=(INT, INT)),
    Process("SIGTERM, while it clears away", program(CLEARS_SLOWLY), 143, "", signals=(INT, TERM)),
    Process("Ctrl-C in a destructor", program(CATCHES_ALL), 130, STOPPED, signals=(INT,)),
    Process("Ctrl-C in an import", program(IMPORTS), 130, STOPPED, signals=(INT,)),
    Process("Ctrl-C in what belongs together", program(HOLDS), 130, STOPPED, signals=(INT,)),
    Process("Ctrl-C, while a file is written", program(WRITES), 130, STOPPED, signals=(INT,)),
    Process("Ctrl-C, while nobody reads", program(STUCK), 130, STOPPED, signals=(INT,)),
    Process("Ctrl-C that is ignored", calls("ready() or time.sleep(0.3)"), 0, "",
            "trap '' INT; exec \"$@\"", signals=(INT,)),
    Process("an output that nobody reads", program(WRITES_PIPE), 130, STOPPED, signals=(INT,),
            fifo=True),
    Process("a pipe that never brings anything", clostorus("info", "fifo"), 2,
            "clostorus: .*fifo.*\n", fifo=True),
)  # fmt: skip


def cases() -> Iterator[Case]:
    """List all."""
    for process in (*LOST, *ENDS, *SIGNALS):
        yield Case(GROUP, process.name, process.attempt)
