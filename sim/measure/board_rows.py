"""The builds that the tables of docs/fpga.md show, and what is kept of them in a folder.

A row that was built is kept for as long as its Verilog and its flow would be the same today; one
that was refused, as long as its Verilog would. Verilog is the same if synthesis reads the same in
it (`fpga.boundary.as_synthesised`): what is there for simulators alone changes no netlist.
"""

import dataclasses
import functools
import hashlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from fpga.board_build import build, is_report
from fpga.board_design import board_config, board_design, board_link
from fpga.boards import BOARDS, Board
from fpga.boundary import as_synthesised
from fpga.errors import BoardError, FlowFailed
from golden.data import datasets
from golden.system.runner import Runner, in_turn
from golden.training.trainer import DIGITS_SHAPES
from hw.config import ConfigError, TorusConfig
from sw_driver.compiler import compile
from sw_driver.system.kept import read_kept, write_kept
from sw_driver.system.scratch import temporary_folder
from sw_driver.train.model_file import train_model

__all__ = ["ROWS", "Kept", "Row", "build_row", "build_rows", "check_names", "read_row"]

# What place and route aims at: more than is reached, and not so much more that it gives up.
_TARGETS_MHZ = {"ecp5": 150.0, "ice40": 30.0, "gw1n": 80.0, "gw2a": 150.0, "gw5a": 150.0,
                "nexus": 180.0}
_BAUD = 1_000_000


@dataclasses.dataclass(frozen=True)
class Row:
    """A build.

    Parameters
    ----------
    board_name
        Among `BOARDS`.
    rows, cols
        Of the torus.
    kind
        "infers" or "trains": the board's torus; "folded": one that infers, with a trained digits
        net as logic in the place of its weight memories.
    tries
        Seeds of the placer, of which the fastest result is taken.
    """

    board_name: str
    rows: int
    cols: int
    kind: str = "infers"
    tries: int = 1

    @property
    def name(self) -> str:
        """Name of its folder, and on the command line."""
        return f"{self.board_name}-{self.rows}x{self.cols}-{self.kind}"

    @property
    def title(self) -> str:
        """Name in the tables."""
        return f"{self.board_name} {self.rows}x{self.cols}, {self.kind}"

    @property
    def board(self) -> Board:
        """The board."""
        return BOARDS[self.board_name]

    @property
    def config(self) -> TorusConfig:
        """The torus."""
        return board_config(self.board, self.rows, self.cols, train=self.kind == "trains")


ROWS = (
    Row("icebreaker", 1, 1), Row("icebreaker", 1, 1, "folded"),
    Row("ulx3s-25f", 1, 1), Row("ulx3s-85f", 1, 1), Row("ecpix5-85f", 1, 1),
    Row("tangnano9k", 1, 1), Row("ulx3s-85f", 2, 2), Row("ulx3s-85f", 2, 2, "folded"),
    Row("ulx3s-85f", 1, 1, "trains", tries=3), Row("ulx3s-85f", 2, 2, "trains", tries=3),
    Row("ulx3s-85f", 4, 4, tries=2),
    Row("ulx3s-85f", 4, 4, "trains"),
    Row("tangnano20k", 1, 1), Row("tangnano20k", 2, 2), Row("tangnano20k", 1, 1, "trains"),
    Row("tangprimer20k", 1, 1), Row("lifcl-40-evn", 1, 1), Row("tangprimer25k", 1, 1),
)


@dataclasses.dataclass(frozen=True)
class Kept:
    """What is known of a row.

    Parameters
    ----------
    report
        Of its build; None if it was refused.
    refusal
        Why it was refused, else "".
    stale
        It is of another design than the row has now, or of another flow.
    """

    report: dict[str, Any] | None
    refusal: str
    stale: bool


def read_row(row: Row, results: Path) -> Kept | None:
    """What was kept of a row; of a build and a refusal, that of today's design.

    None if there is nothing, or nothing that is whole.
    """
    report, refusal = _report(row, results), _refusal(row, results)
    kept: list[Kept] = []
    values = read_kept(report)
    if is_report(values):
        design = report.with_name("design.v")
        same = (values["torus"] == dataclasses.asdict(row.config)
                and values.get("synthesis") == row.board.family.command
                and values.get("target_mhz") == _TARGETS_MHZ[row.board.family.name]
                and len(values["fmax_mhz_by_seed"]) >= row.tries
                and _file_digest(design) == _design_digest(row))
        kept.append(Kept(values, "", not same))
    match read_kept(refusal):
        case str() as message:  # It does not tell which design it is of.
            kept.append(Kept(None, message, True))
        case {"design": str() as digest, "message": str() as message}:
            kept.append(Kept(None, message, digest != _design_digest(row)))
        case _:
            pass
    return min(kept, key=lambda one: one.stale, default=None)


def build_row(row: Row, results: Path, runner: Runner = in_turn) -> None:
    """Build a row, unless it is known; what refuses it is kept. The runner tries its seeds.

    Raises
    ------
    FpgaToolMissing, FlowFailed, DriverError
        As `build`. Nothing is kept of that: the same build may go well another time.
    """
    kept = read_row(row, results)
    if kept is not None and not kept.stale:
        return
    refusal = _refusal(row, results)
    if kept is None and (found := [one for one in (_report(row, results), refusal)
                                   if one.exists()]):
        print(f"{found[0]} is damaged: the row is built again", file=sys.stderr, flush=True)
    try:
        build(row.board, row.config, results / row.name, images=_images(row),
              folded=row.kind == "folded", baud=_BAUD,
              tries=row.tries, target_mhz=_TARGETS_MHZ[row.board.family.name], runner=runner)
    except (BoardError, ConfigError) as error:
        write_kept(refusal, {"design": _design_digest(row), "message": str(error)})
    else:
        refusal.unlink(missing_ok=True)


def build_rows(rows: Sequence[Row], results: Path, names: set[str], runner: Runner,
               after_each: Callable[[], None]) -> list[str]:
    """Build rows, all if none is named, and call a function after each.

    Returns the names of those whose build failed for no fault of the design.
    """
    failed: list[str] = []
    for row in rows:
        if not names or row.name in names:
            print(row.name, flush=True)
            try:
                build_row(row, results, runner)
            except FlowFailed as error:
                print(f"{row.name}: {error}", file=sys.stderr, flush=True)
                failed.append(row.name)
            after_each()
    return failed


def check_names(rows: Sequence[Row], names: set[str]) -> None:
    """Refuse names that no row has.

    Raises
    ------
    BoardError
        There is no such row.
    """
    unknown = names - {row.name for row in rows}
    if unknown:
        raise BoardError(f"row must be one of {', '.join(row.name for row in rows)}, "
                         f"not {min(unknown)!r}")


def _refusal(row: Row, results: Path) -> Path:
    return results / f"{row.name}.refused.json"


def _report(row: Row, results: Path) -> Path:
    return results / row.name / "report.json"


def _digest(verilog: str) -> str:
    return hashlib.sha256(as_synthesised(verilog).encode()).hexdigest()


def _file_digest(path: Path) -> str | None:
    try:
        return _digest(path.read_text())
    except (OSError, ValueError):
        return None


@functools.cache
def _design_digest(row: Row) -> str:
    """The digest of the Verilog that the row would be built from."""
    link = board_link(row.board, _BAUD)
    return _digest(board_design(row.board, row.config, link, _images(row),
                                folded=row.kind == "folded"))


@functools.cache
def _images(row: Row) -> dict[str, Any] | None:
    """The memories of a folded torus: those of the digits net, trained with seed 0."""
    if row.kind != "folded":
        return None
    with temporary_folder() as folder:
        trained = train_model(folder / "digits.pt", None, DIGITS_SHAPES)
    samples = torch.as_tensor(datasets.load("digits").train_x)
    images = compile(trained.model, row.config, samples).executable.images
    return {"weights": images.weights, "biases": images.biases}
