"""Synthesise the best torus of a board for nets: `python -m fpga.lane_boards --board ulx3s-85f`.

Each argument is a net: a layer I,O,Ri,Rm,Ro, or several joined by `+`; without any, those of
`python -m sw_driver.predict.lane_cycles`. The torus is the one that `clostorus plan` proposes, with
the memories that the net needs, and its host link. Nothing is placed.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("fpga.lane_boards")  # Before anything slow is imported.

import argparse

from golden.layers.dense import LayerShape
from golden.system.ending import run_program
from hw.config import TorusConfig
from hw.link_sizes import LINK_WORDS
from sw_driver.system.scratch import temporary_folder

from .boards import BOARDS, Board, find_board

__all__ = ["main", "synthesised"]

_COLUMNS = ("net", "torus", "words x sums", "host bits", "cycles", "bound by", "LUT", "LUT, model",
            "FF", "FF, model", "DSP", "DSP, model", "BRAM", "BRAM, model")
_KINDS = ("LUT", "FF", "DSP", "BRAM")


def synthesised(board: Board, config: TorusConfig) -> dict[str, int]:
    """Synthesise a torus with its host link for a board, and check that all blocks are there.

    Raises
    ------
    FpgaToolMissing, FlowFailed
        As `fpga.synthesis.synthesise` and `fpga.report.check_blocks`.
    """
    from hw.tops import TOPS

    from .board_design import TOP, board_design, board_link
    from .capacity import usage
    from .designs import Design
    from .report import check_blocks
    from .synthesis import synthesise

    verilog = board_design(board, config, board_link(board, 1_000_000))
    with temporary_folder() as folder:
        area = synthesise(folder, verilog, TOP, board.family)
    check_blocks(area, Design("torus", TOPS["torus"], config), board.family)
    return {one.name: one.used for one in usage(board, area)}


def main(arguments: list[str] | None = None) -> int:
    """Print a row of a table for each net."""
    from sw_driver.predict.lane_cycles import NETS
    from sw_driver.torus import parse_torus

    from .lane_areas import parse_lanes

    parser = argparse.ArgumentParser(prog="python -m fpga.lane_boards", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--board", metavar="NAME", default="ulx3s-85f",
                        help=f"{', '.join(BOARDS)} [default: ulx3s-85f]")
    parser.add_argument("--torus", metavar="RxC", help="[default: the best one]")
    parser.add_argument("--lanes", metavar="WORDSxSUMS", help="[default: the best ones]")
    parser.add_argument("--link-words", type=int, choices=LINK_WORDS, default=1,
                        help="words that a link moves at once [default: 1]")
    parser.add_argument("nets", metavar="I,O,Ri,Rm,Ro[+...]", nargs="*")
    asked = parser.parse_args(arguments)
    board = find_board(asked.board)
    torus = None if asked.torus is None else parse_torus(asked.torus)
    moved: int = asked.link_words
    lanes = None if asked.lanes is None else parse_lanes(asked.lanes, link_words=moved)
    nets = [_layers(net) for net in asked.nets or [",".join(map(str, one)) for one in NETS]]
    print("|", " | ".join(_COLUMNS), "|")
    print("|---" * len(_COLUMNS) + "|")
    for shapes in nets:
        print("|", " | ".join(_cells(board, shapes, torus, lanes, moved)), "|", flush=True)
    return 0


def _layers(text: str) -> list[LayerShape]:
    from golden import ClosShape

    return [ClosShape.parse(layer) for layer in text.split("+")]


def _cells(board: Board, shapes: list[LayerShape], torus: tuple[int, int] | None,
           lanes: tuple[int, int] | None, link_words: int) -> list[str]:
    from .lane_search import propose

    best = propose(board, shapes, torus=torus, lanes=lanes, link_words=link_words).best
    config = best.config
    built = synthesised(board, config)
    model = {one.name: one.used for one in best.usage}
    counts = [str(count) for kind in _KINDS for count in (built[kind], model[kind])]
    return ["; ".join(map(str, shapes)), f"{config.rows}x{config.cols}",
            f"{config.lanes_in} x {config.lanes_out}", str(config.host_bits), f"{best.cycles:g}",
            best.bound_by, *counts]


if __name__ == "__main__":
    run_program("fpga.lane_boards", main)
