"""What the resource model says of boards, and of builds that its fit has not seen, as Markdown."""

from collections.abc import Iterable, Mapping
from typing import Any

from fpga.boards import BOARDS, Board
from fpga.capacity import Usage, board_estimate
from fpga.errors import BoardError
from fpga.plan import plan
from fpga.resources import is_measured, model_errors
from hw.config import TorusConfig

from .markdown import table_lines

__all__ = ["estimated_text", "is_compared"]

_KINDS = ("LUT", "FF", "DSP", "BRAM")
_LARGEST = ("board", "torus", *_KINDS, "weights that fit")
_UNBUILT = ("build", *_KINDS, "weights that fit")
_COMPARED = ("build", *(f"{kind}, {of}" for kind in _KINDS for of in ("built", "model")))


def estimated_text(built: Iterable[tuple[str, dict[str, Any]]],
                   missing: Iterable[tuple[str, Board, TorusConfig]] = ()) -> str:
    """The largest torus of each board, how builds compare with the model, and its errors.

    `built` are titles and reports, `missing` what has not been built: both are estimated. What
    `is_compared` stands as it is in the place of a report. Left out are builds that the model knows
    nothing of: those with folded weights, which are in no memory, and those of families that were
    not measured.
    """
    largest: list[tuple[object, ...]] = []
    refused: list[str] = []
    for board in BOARDS.values():
        for train in (False, True) if is_measured(board.family) else ():
            try:
                found = plan(board, train=train)
            except BoardError as error:
                refused.append(f"- {error}")
                continue
            config = found.config
            size = f"{config.rows}x{config.cols}{', trains' if train else ''}"
            largest.append((board.name, size, *_counts(found.usage),
                            config.rows * config.cols * config.weight_words))
    compared: list[tuple[object, ...]] = []
    for title, report in built:
        if is_compared(report):
            compared.append((title, *(report.get(column, "") for column in _COMPARED[1:])))
        elif not report["folded"] and is_measured(BOARDS[report["board"]].family):
            model = _counts(board_estimate(BOARDS[report["board"]],
                                           TorusConfig.from_dict(report["torus"])))
            counts = (report["cells"][kind]["used"] for kind in _KINDS)
            compared.append((title, *(cell for pair in zip(counts, model, strict=True)
                                      for cell in pair)))
    unbuilt = [(title, *_counts(board_estimate(board, config)),
                config.rows * config.cols * config.weight_words)
               for title, board, config in missing if is_measured(board.family)]
    errors: list[str] = []
    for family in {board.family: None for board in BOARDS.values() if is_measured(board.family)}:
        one = model_errors(family)
        errors.append(f"- {family.name}: each of {one.count} measured tori estimated by a fit "
                      f"without it, the LUTs are {one.mean:.0%} off in the mean, "
                      f"{one.largest:.0%} at most")
    blocks = [table_lines(_LARGEST, largest), refused]
    if unbuilt:
        blocks += [["Of the tables above, not built:"], table_lines(_UNBUILT, unbuilt)]
    if compared:
        blocks += [["Whole board designs, which the fit has not seen:"],
                   table_lines(_COMPARED, compared)]
    blocks.append(errors)
    return "\n\n".join("\n".join(lines) for lines in blocks if lines) + "\n"


def is_compared(cells: Mapping[str, Any]) -> bool:
    """Whether these are cells of the table of builds and the model, by the names of columns."""
    return _COMPARED[1] in cells


def _counts(used: tuple[Usage, ...]) -> list[int]:
    by_name = {one.name: one.used for one in used}
    return [by_name[kind] for kind in _KINDS]
