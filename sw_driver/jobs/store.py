"""Rows of a sweep on disk, in SQLite: what was written stays, whenever the writer is killed."""

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import sqlite3
import sys
from collections.abc import Generator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from sw_driver.errors import DriverError, StorageError
from sw_driver.jobs.versions import product_version

__all__ = ["JobStore", "job_key", "open_store"]

RunT = TypeVar("RunT")
ResultT = TypeVar("ResultT")

_FORMAT = 1
_TABLES = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE rows (
    key TEXT PRIMARY KEY, run TEXT NOT NULL, result TEXT NOT NULL, version TEXT NOT NULL
);
"""


def job_key(plan: str, run: object) -> str:
    """Return what a job is known by: 64 hexadecimal digits of its plan and of all its values.

    The version of the package is no part of it: a run holds all that its result depends on. Rows
    say which version made them.

    Parameters
    ----------
    plan
        The name of the sweep.
    run
        A frozen dataclass of plain values.
    """
    text = json.dumps([plan, type(run).__name__, _values(run)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class JobStore(Generic[RunT, ResultT]):
    """Results by their runs, in one file with one writer; `open_store` makes it.

    The tables of the file are `rows` (key, run and result as JSON, version of the package) and
    `about` (format, plan and fields). Other programs may read it at any time.
    """

    def __init__(
        self, path: Path, base: sqlite3.Connection, plan: str, types: tuple[type[Any], type[Any]]
    ) -> None:
        self._path, self._base, self._plan, self._types = path, base, plan, types
        self._results: dict[RunT, ResultT] = {}
        self._begin()

    @property
    def results(self) -> Mapping[RunT, ResultT]:
        """All results by their runs, in the order in which they were added."""
        return MappingProxyType(self._results)

    def add(self, run: RunT, result: ResultT, /) -> None:
        """Keep a result; when this returns, no kill of this process takes it away.

        Raises
        ------
        StorageError
            The file cannot be written, as on a full disk; it then holds what it held before.
        """
        self.add_all({run: result})

    def add_all(self, results: Mapping[RunT, ResultT]) -> None:
        """Keep results, all of them or, if one cannot be written, none; errors as for `add`."""
        version = product_version()
        rows = [
            (job_key(self._plan, run), _json(run), _json(result), version)
            for run, result in results.items()
        ]
        with self._told(), self._whole():
            self._base.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", rows)
        self._results.update(results)

    def _begin(self) -> None:
        """Read all rows, or make the tables; refuse the file of another plan."""
        about = {
            "format": str(_FORMAT),
            "plan": self._plan,
            "run": ", ".join(_fields(self._types[0])),
            "result": ", ".join(_fields(self._types[1])),
        }
        with self._told():
            self._base.execute("PRAGMA journal_mode=WAL")
            # Enough against kills of processes; a loss of power may take the last rows with it.
            self._base.execute("PRAGMA synchronous=NORMAL")
            names = {name for (name,) in self._base.execute("SELECT name FROM sqlite_master")}
            if not names:
                with self._whole():
                    for statement in _TABLES.split(";")[:2]:
                        self._base.execute(statement)
                    self._base.executemany("INSERT INTO about VALUES (?, ?)", about.items())
            elif not {"about", "rows"} <= names:
                raise self._of_something_else("another program")
            found = dict(self._base.execute("SELECT name, value FROM about"))
            for name, wanted in about.items():
                if found.get(name) != wanted:
                    raise self._of_something_else(f"{name} {found.get(name)!r}, not {wanted!r}")
            rows = list(self._base.execute("SELECT run, result FROM rows ORDER BY rowid"))
        try:
            for run, result in rows:
                self._results[self._read(0, run)] = self._read(1, result)
        except (TypeError, ValueError) as error:
            raise self._of_something_else(f"a row that cannot be read ({error})") from error

    def _read(self, part: int, text: str) -> Any:
        values = json.loads(text)
        return self._types[part](**values)

    def _of_something_else(self, found: str) -> DriverError:
        return DriverError(
            f"{self._path} must hold the results of {self._plan}, as this version writes them, but "
            f"has {found}; name another folder, or remove it to begin anew"
        )

    @contextlib.contextmanager
    def _whole(self) -> Generator[None]:
        """Write all that the block writes, or nothing."""
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._base.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # A full disk may have ended it already.
                self._base.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _told(self) -> Generator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise StorageError(
                f"{self._path} cannot be written: {error}; the rows that it had are kept"
            ) from error
        except sqlite3.DatabaseError as error:
            raise self._of_something_else(f"no rows that can be read ({error})") from error


@contextlib.contextmanager
def open_store(
    path: Path, plan: str, run_type: type[RunT], result_type: type[ResultT]
) -> Generator[JobStore[RunT, ResultT]]:
    """Give the store in a file, for this process alone; the file is made if there is none.

    Parameters
    ----------
    path
        Of the file; its folder must exist. While it is open SQLite keeps two files beside it.
    plan
        The name of the sweep; a file of another one is refused.
    run_type, result_type
        Frozen dataclasses of strings, numbers and truth values.

    Raises
    ------
    StorageError
        The file cannot be read or written.
    DriverError
        It is of another plan or of something else, or another process has it open.
    """
    with contextlib.ExitStack() as stack:
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            stack.callback(os.close, lock)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DriverError(
                f"{path} is open in another process, which must end first; or name another folder"
            ) from error
        except OSError as error:
            raise StorageError(f"{path} cannot be written: {error.strerror or error}") from error
        base = sqlite3.connect(path, isolation_level=None)
        stack.callback(_close, base)
        yield JobStore(path, base, plan, (run_type, result_type))


def _close(base: sqlite3.Connection) -> None:
    try:
        base.close()
    except sqlite3.Error as error:  # Every row is in the log beside the file already.
        print(f"the store is closed without tidying up: {error}", file=sys.stderr)


def _json(part: object) -> str:
    return json.dumps(_values(part))


def _values(part: Any) -> dict[str, Any]:
    return dataclasses.asdict(part)


def _fields(kind: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]
