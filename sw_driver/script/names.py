"""Names of the files of a host script, and whose files of these names a folder has.

Nothing slow is imported here.
"""

from collections.abc import Iterable
from pathlib import Path

from sw_driver.errors import DriverError
from sw_driver.system.files import files_in

__all__ = [
    "BEAT_FILES",
    "BENCH_FILES",
    "COCOTB_FILES",
    "IO_FILE",
    "MARK",
    "REGISTER_FILE",
    "SCRIPT_FILES",
    "TESTBENCH",
    "check_own",
    "is_own",
]

IO_FILE, TESTBENCH = "io.json", "tb.v"
BEAT_FILES = ("host_in.mem", "host_out.mem", "host_mask.mem", "host_script.mem", IO_FILE)
"""The files of a script but for its testbench."""

SCRIPT_FILES = (*BEAT_FILES, TESTBENCH)
"""All of them."""

REGISTER_FILE = "register_map.py"
COCOTB_FILES = ("test_clostorus.py", "host.py", "streams.py", "runner.py", REGISTER_FILE)
"""The files of a cocotb test that plays a script; the last one is for a torus on a bus alone."""

BENCH_FILES = (*BEAT_FILES, *COCOTB_FILES)
"""All files of the folder of such a test."""

MARK = "clostorus"
"""The first key of `IO_FILE`, which says who wrote it."""

_MARK_BYTES = 64  # It stands within the first so many.


def check_own(folder: Path, names: Iterable[str]) -> None:
    """Refuse a folder in which a file of one of these names is not one of an earlier script.

    Raises
    ------
    DriverError
        The message names the file; or the folder cannot be read.
    """
    there = {path.name for path in files_in(folder)}
    found = next((name for name in names if name in there), None)
    if found is not None and not is_own(folder):
        raise DriverError(
            f"{folder / found} must not be replaced, since no {IO_FILE} beside it says that "
            "clostorus wrote it: move it, or name another folder"
        )


def is_own(folder: Path) -> bool:
    """Whether a folder has the files of an earlier script."""
    try:
        with (folder / IO_FILE).open("rb") as file:
            return f'"{MARK}": '.encode() in file.read(_MARK_BYTES)
    except OSError:
        return False
