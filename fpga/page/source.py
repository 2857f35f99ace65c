"""What a report of a build is made from: the report.json of a build's folder."""

import json
from pathlib import Path
from typing import Any

from ..board_build import NET_FILE, is_report
from ..boards import BOARDS
from ..errors import BoardError

__all__ = ["net_of_build", "read_report"]

_REPORT = "report.json"
_WRITES = "clostorus build writes such a folder"


def read_report(folder: Path) -> dict[str, Any]:
    """Read the report.json of a build.

    Raises
    ------
    BoardError
        The folder has none, or it is not whole; the message names it.
    """
    path = folder / _REPORT
    if not path.is_file():
        raise BoardError(f"source must be a compiled model or the folder of a build, but {folder} "
                         f"has no {_REPORT}: {_WRITES}")
    try:
        values = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BoardError(f"{path} must be that of a build, and cannot be read: {error}") from error
    if not is_report(values) or values["board"] not in BOARDS or not _has_cells(values):
        raise BoardError(f"{path} must be that of a whole build, with its board, cells and clock: "
                         f"{_WRITES}")
    return values


def _has_cells(values: dict[str, Any]) -> bool:
    return all(isinstance(one.get("available"), int) for one in values["cells"].values())


def net_of_build(folder: Path) -> Path | None:
    """The artifact that a build's folder holds, if it holds one."""
    path = folder / NET_FILE
    return path if path.is_file() else None
