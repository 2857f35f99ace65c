"""The tables of docs/fpga.md: `python -m fpga.table` builds what is missing, row by row.

A row that was built is kept in `out/fpga`, so that a run that was stopped goes on where it was; a
folder that is removed is built anew. What cannot be built says why. Names of rows as arguments
build these alone; all that were built are written.
"""

import dataclasses
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from golden import datasets
from golden.train import DIGITS_SHAPES
from hw.config import ConfigError, TorusConfig
from sw_driver.compiler import compile
from sw_driver.training.model_file import train_model

from .board_build import build
from .board_design import board_config
from .boards import BOARDS
from .errors import BoardError, FlowFailed
from .throughput import NETS, Speed, speed

__all__ = ["ROWS", "Row", "table"]

_RESULTS = Path("out/fpga")
_PAGE = Path("docs/fpga.md")
_MARKS = "<!-- begin table -->\n", "<!-- end table -->"
# What place and route aims at: more than is reached, and not so much more that it gives up.
_TARGETS_MHZ = {"ecp5": 150.0, "ice40": 30.0, "gowin": 80.0}
_AREA = ("row", "clock, MHz", "LUT", "FF", "DSP", "BRAM", "LUT per PE", "Fmax, MHz",
         "critical path")
_SPEED = ("row", "MAC/s, millions", *(f"{net}, {unit}" for net in NETS
                                      for unit in ("samples/s", "per kLUT")))


@dataclasses.dataclass(frozen=True)
class Row:
    """A build.

    Parameters
    ----------
    board
        Among `BOARDS`.
    size
        Rows and columns of the torus.
    kind
        "infers" or "trains": the board's torus; "folded": one that infers, with a trained digits
        net as logic in the place of its weight memories.
    """

    board: str
    size: int
    kind: str = "infers"

    @property
    def name(self) -> str:
        """Name of its folder, and on the command line."""
        return f"{self.board}-{self.size}x{self.size}-{self.kind}"


ROWS = (
    Row("icebreaker", 1), Row("icebreaker", 1, "folded"),
    Row("ulx3s-25f", 1), Row("ulx3s-85f", 1), Row("ecpix5-85f", 1), Row("tangnano9k", 1),
    Row("ulx3s-85f", 2), Row("ulx3s-85f", 2, "folded"),
    Row("ulx3s-85f", 1, "trains"), Row("ulx3s-85f", 2, "trains"), Row("ulx3s-85f", 4),
)


def table(results: Path, page: Path, names: set[str]) -> None:
    """Build rows, all if none is named, and write all that were built to a page after each."""
    for row in ROWS:
        if not names or row.name in names:
            print(row.name, flush=True)
            _build(row, results / row.name)
            _write(results, page)


def _build(row: Row, out: Path) -> None:
    """Build a row that was not built yet; what refused it is kept in `refused.json`."""
    refusal = out.with_suffix(".refused.json")
    if (out / "report.json").exists() or refusal.exists():
        return
    board = BOARDS[row.board]
    config = board_config(board, row.size, row.size, train=row.kind == "trains")
    images = _digits_images(config) if row.kind == "folded" else None
    try:
        build(board, config, out, images=images, folded=row.kind == "folded",
              target_mhz=_TARGETS_MHZ[board.family.name])
    except (BoardError, ConfigError, FlowFailed) as error:
        out.parent.mkdir(parents=True, exist_ok=True)
        refusal.write_text(json.dumps(str(error)) + "\n")


def _digits_images(config: TorusConfig) -> dict[str, Any]:
    """The memories of a torus that holds the digits net, trained with seed 0."""
    with tempfile.TemporaryDirectory() as folder:
        trained = train_model(Path(folder) / "digits.pt", "digits", DIGITS_SHAPES)
    samples = torch.as_tensor(datasets.load("digits").train_x)
    images = compile(trained.model, config, samples).executable.images
    return {"weights": images.weights, "biases": images.biases}


def _write(results: Path, page: Path) -> None:
    area, speeds = [_line(_AREA), _rule(_AREA)], [_line(_SPEED), _rule(_SPEED)]
    notes: list[str] = []
    missing: list[str] = []
    for row in ROWS:
        name = f"{row.board} {row.size}x{row.size}, {row.kind}"
        report, refusal = results / row.name / "report.json", results / f"{row.name}.refused.json"
        if report.exists():
            values = json.loads(report.read_text())
            area.append(_line(_area_cells(name, row, values)))
            speeds.append(_line(_speed_cells(name, values)))
        elif refusal.exists():
            notes.append(f"- {name}: {json.loads(refusal.read_text()).splitlines()[0]}")
        else:
            missing.append(name)
    if missing:
        notes.append(f"- not built yet: {'; '.join(missing)}")
    blocks = [area, speeds, notes] if notes else [area, speeds]
    text = "\n\n".join("\n".join(lines) for lines in blocks) + "\n"
    begin, end = map(re.escape, _MARKS)
    part = page.with_suffix(".part")
    part.write_text(re.sub(f"(?<={begin}).*?(?={end})", lambda _: text, page.read_text(),
                           flags=re.S))
    part.replace(page)


def _area_cells(name: str, row: Row, report: dict[str, Any]) -> tuple[object, ...]:
    cells, path = report["cells"], report["critical_path"]
    counts = [cells[kind]["used"] for kind in ("LUT", "FF", "DSP", "BRAM")]
    return (name, f"{report['clock_mhz']:g}", *counts, round(counts[0] / row.size ** 2),
            f"{report['fmax_mhz']:.1f}", f"`{path['start']}` to `{path['end']}`")


def _speed_cells(name: str, report: dict[str, Any]) -> tuple[object, ...]:
    config = TorusConfig.from_dict(report["torus"])
    hertz, kluts = 1e6 * report["fmax_mhz"], report["cells"]["LUT"]["used"] / 1000
    speeds = [speed(config, net) for net in NETS]
    macs = speeds[-1].macs / speeds[-1].cycles * hertz / 1e6

    def cells(one: Speed) -> tuple[str, str]:
        per_second = hertz / one.cycles
        return f"{per_second:.0f}{'' if one.fits else ' *'}", f"{per_second / kluts:.0f}"

    return (name, f"{macs:.0f}", *(cell for one in speeds for cell in cells(one)))


def _line(cells: tuple[object, ...]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _rule(header: tuple[str, ...]) -> str:
    return _line(("---", *("---:" for _ in header[1:])))


if __name__ == "__main__":
    table(_RESULTS, _PAGE, set(sys.argv[1:]))
