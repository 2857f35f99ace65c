"""The table of docs/fpga.md: `python -m fpga.table` builds what is missing, row by row.

A row that was built is kept in `out/fpga`, so that a run that was stopped goes on where it was; a
folder that is removed is built anew. What cannot be built says why.
"""

import json
import re
from pathlib import Path
from typing import Any

from hw.config import ConfigError

from .board_build import build
from .board_design import board_config
from .boards import BOARDS
from .errors import BoardError, FlowFailed

__all__ = ["ROWS", "table"]

ROWS = (("icebreaker", 1, False), ("ulx3s-25f", 1, False), ("ulx3s-85f", 1, False),
        ("ecpix5-85f", 1, False), ("tangnano9k", 1, False), ("ulx3s-85f", 1, True),
        ("ulx3s-85f", 2, False), ("ulx3s-85f", 2, True), ("ulx3s-85f", 4, False))
_RESULTS = Path("out/fpga")
_PAGE = Path("docs/fpga.md")
_MARKS = "<!-- begin table -->\n", "<!-- end table -->"
_HEADER = "| board | torus | LUT | FF | DSP | BRAM | Fmax, MHz | clock, MHz | critical path |"


def table(results: Path, page: Path) -> None:
    """Build all rows, and write them to a page after each."""
    lines: list[str] = []
    for name, size, train in ROWS:
        kind = f"{size}x{size}{', trains' if train else ''}"
        print(f"{name} {kind}", flush=True)
        try:
            report = _report(results, name, size, train)
        except (BoardError, ConfigError, FlowFailed) as error:
            lines.append(f"| {name} | {kind} | {str(error).splitlines()[0]} |" + 6 * " |")
        else:
            lines.append(_line(name, kind, report))
        begin, end = map(re.escape, _MARKS)
        text = "\n".join([_HEADER, f"| --- | --- |{' ---: |' * 6} --- |", *lines]) + "\n"
        old = page.read_text()
        part = page.with_suffix(".part")
        part.write_text(re.sub(f"(?<={begin}).*?(?={end})", lambda _, text=text: text, old,
                               flags=re.S))
        part.replace(page)


def _report(results: Path, name: str, size: int, train: bool) -> dict[str, Any]:
    out = results / f"{name}-{size}x{size}{'-train' if train else ''}"
    if not (out / "report.json").exists():
        board = BOARDS[name]
        build(board, board_config(board, size, size, train=train), out)
    return json.loads((out / "report.json").read_text())


def _line(name: str, kind: str, report: dict[str, Any]) -> str:
    cells, path = report["cells"], report["critical_path"]
    counts = " | ".join(str(cells[one]["used"]) for one in ("LUT", "FF", "DSP", "BRAM"))
    return (f"| {name} | {kind} | {counts} | {report['fmax_mhz']:.1f} | "
            f"{report['target_mhz']:g} | `{path['start']}` to `{path['end']}` |")


if __name__ == "__main__":
    table(_RESULTS, _PAGE)
