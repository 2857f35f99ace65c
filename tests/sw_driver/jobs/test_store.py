"""Stores of sweeps: what is in them stays, whoever is killed, and nobody else writes."""

import contextlib
import dataclasses
import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from sw_driver.errors import DriverError, StorageError
from sw_driver.jobs.store import job_key, open_store
from tests.support.disks import small_disk
from tests.support.jobs import Job, Row
from tests.support.project import ROOT

WRITES = """
import sys
from pathlib import Path
from sw_driver.jobs.store import open_store
from tests.support.jobs import Job, Row
with open_store(Path(sys.argv[1]), "squares", Job, Row) as store:
    number = len(store.results)
    print("open", flush=True)
    while True:
        store.add(Job(number), Row(number**2, 0))
        number += 1
"""


def opened(path, plan="squares", run_type=Job, result_type=Row):
    return open_store(path, plan, run_type, result_type)


def rows_of(path):
    with opened(path) as store:
        return dict(store.results)


def writer(path):
    child = subprocess.Popen([sys.executable, "-c", WRITES, str(path)], cwd=ROOT, text=True,
                             stdout=subprocess.PIPE)
    assert child.stdout.readline() == "open\n"
    return child


def test_what_is_added_is_read_back(tmp_path):
    path = tmp_path / "runs.sqlite"
    rows = {Job(3, 1 / 3, "a, 'b'\n", 2**70): Row(9, -1), Job(1, 1e-300): Row(1, 2)}
    with opened(path) as store:
        for job, row in rows.items():
            store.add(job, row)
        assert dict(store.results) == rows
        with contextlib.closing(sqlite3.connect(path)) as reader:  # Others may read meanwhile.
            assert len(reader.execute("SELECT * FROM rows").fetchall()) == 2
    assert rows_of(path) == rows and list(rows_of(path)) == list(rows)
    assert [one.name for one in tmp_path.iterdir()] == ["runs.sqlite"]


def test_several_rows_are_all_kept_or_none(tmp_path):
    path = tmp_path / "runs.sqlite"
    with opened(path) as store:
        store.add(Job(2), Row(4, 0))
        with pytest.raises(DriverError):
            store.add_all({Job(5): Row(25, 0), Job(2): Row(4, 0)})
        assert set(store.results) == {Job(2)}
    assert set(rows_of(path)) == {Job(2)}


def test_keys_tell_jobs_and_plans_apart():
    keys = {job_key(plan, job) for plan in ("a", "b") for job in (Job(1), Job(2), Job(1, 0.5))}
    assert len(keys) == 6 and all(len(key) == 64 for key in keys)
    assert job_key("a", Job(1)) == job_key("a", Job(1))


@pytest.mark.parametrize("after_s", [0.0, 0.01, 0.03, 0.1])
def test_a_writer_that_is_killed_leaves_whole_rows(tmp_path, after_s):
    """Killed in the middle of writing: the rows are the first ones, each whole, and it goes on."""
    path = tmp_path / "runs.sqlite"
    found = 0
    for _ in range(2):
        child = writer(path)
        time.sleep(after_s)
        child.kill()
        child.wait()
        child.stdout.close()
        rows = rows_of(path)
        assert rows == {Job(number): Row(number**2, 0) for number in range(len(rows))}
        assert len(rows) >= found
        found = len(rows)
    assert after_s < 0.1 or found


def test_one_store_has_one_writer(tmp_path):
    path = tmp_path / "runs.sqlite"
    child = writer(path)
    try:
        with pytest.raises(DriverError, match="runs.sqlite is open in another process"):
            rows_of(path)
        assert child.poll() is None
        deadline = time.monotonic() + 30
        # Pages of the tables come first: beyond these there are rows.
        while path.with_name("runs.sqlite-wal").stat().st_size < 50_000:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    assert rows_of(path)


@dataclasses.dataclass(frozen=True)
class Other:
    name: str


@pytest.mark.parametrize(("kinds", "found"), [
    ({"plan": "cubes"}, "plan 'squares', not 'cubes'"),
    ({"run_type": Other}, "run 'number, seconds, folder, deaths', not 'name'"),
    ({"result_type": Other}, "result 'square, worker', not 'name'"),
])  # fmt: skip
def test_stores_of_another_plan_are_refused(tmp_path, kinds, found):
    path = tmp_path / "runs.sqlite"
    with opened(path) as store:
        store.add(Job(2), Row(4, 0))
    with pytest.raises(DriverError, match=f"{found}; name another folder, or remove it"):
        opened(path, **kinds).__enter__()
    assert rows_of(path) == {Job(2): Row(4, 0)}


def spoil_format(base):
    base.execute("UPDATE about SET value = '2' WHERE name = 'format'")


def spoil_row(base, run='{"number": 1, "none": 2}'):
    base.execute("INSERT INTO rows VALUES ('k', ?, ?, '0')", (run, '{"square": 1, "worker": 1}'))


def spoil_json(base):
    spoil_row(base, "{")


def spoil_tables(base):
    base.execute("DROP TABLE rows")


@pytest.mark.parametrize(("spoil", "found"), [
    (spoil_format, "format '2', not '1'"),
    (spoil_row, "a row that cannot be read .*none"),
    (spoil_json, "a row that cannot be read .*line 1"),
    (spoil_tables, "another program"),
])  # fmt: skip
def test_stores_that_are_spoilt_are_refused(tmp_path, spoil, found):
    path = tmp_path / "runs.sqlite"
    rows_of(path)
    base = sqlite3.connect(path, isolation_level=None)
    spoil(base)
    base.close()
    with pytest.raises(DriverError, match=f"must hold the results of squares.* has {found}"):
        rows_of(path)


def test_files_of_something_else_stay(tmp_path):
    path = tmp_path / "runs.sqlite"
    path.write_text("words, " * 1000)
    with pytest.raises(DriverError, match="no rows that can be read .file is not a database"):
        rows_of(path)
    assert path.read_text() == "words, " * 1000
    with pytest.raises(StorageError, match="none/x cannot be written: No such file"):
        rows_of(tmp_path / "none" / "x")
    with pytest.raises(StorageError, match="cannot be written: Is a directory"):
        rows_of(tmp_path)


def test_a_disk_that_fills_keeps_the_rows_it_has(tmp_path):
    with small_disk(tmp_path / "disk", 1 << 19) as disk:
        path, number = disk / "runs.sqlite", 0
        with pytest.raises(StorageError, match="runs.sqlite cannot be written: .*full; the rows"):
            with opened(path) as store:
                while number < 5000:
                    store.add(Job(number, folder="f" * 500), Row(number**2, 0))
                    number += 1
        with opened(path) as store:
            assert [job.number for job in store.results] == list(range(number)) and number
            with pytest.raises(StorageError):
                store.add(Job(-1, folder="f" * 200_000), Row(1, 0))
            assert len(store.results) == number
    assert os.listdir(tmp_path / "disk") == []
