"""Results that took long, kept in JSON files: whole, or as if they were not there."""

import json
from pathlib import Path
from typing import Any

from sw_driver.system.files import make_folder, write_text

__all__ = ["read_kept", "write_kept"]


def read_kept(path: Path) -> Any:
    """What `write_kept` wrote; None if there is no such file, or it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def write_kept(path: Path, values: Any) -> None:
    """Write what JSON can write, in the place of what is there; make the folder if need be.

    Raises
    ------
    DriverError
        It cannot be written; what was there stays.
    """
    make_folder(path.parent)
    write_text(path, json.dumps(values, indent=1) + "\n")
