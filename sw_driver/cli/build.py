"""`clostorus build`: a bitstream for a board."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sw_driver.cli.configuration import Held, held_configuration
from sw_driver.cli.job_options import JobWorkers, Scheduler, job_runner
from sw_driver.cli.options import InputBits, Json, Quiet, make_output
from sw_driver.cli.written import quoted, say_written

if TYPE_CHECKING:
    from fpga.board_build import Build
    from fpga.boards import Board
    from sw_driver.system.console import Output

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "clostorus build --board icebreaker",
    "clostorus build --board ulx3s-85f --torus 2x2 --out build/ulx3s",
    "clostorus build --board ulx3s-85f --clock-mhz 100 --tries 3 --workers 3",
    "clostorus build --board ulx3s-85f --config-from model.ctz",
    "clostorus build --board ulx3s-85f --config-from model.ctz --input-bits 8",
    "clostorus build --board ulx3s-85f --config-from model.ctz --fifo-pins fifo.txt",
    "clostorus build --board ulx3s-85f --bake model.ctz",
    "clostorus build --board icebreaker --bake model.ctz --fold",
)


_Board = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="ulx3s-85f, ulx3s-25f, ecpix5-85f, icebreaker or tangnano9k."
    ),
]
_Torus = Annotated[
    str | None, typer.Option(metavar="RxC", help="Size of the torus [default: 1x1].")
]
_Train = Annotated[
    bool,
    typer.Option("--train", help="A torus that trains, of default memories; or --config-from."),
]
_ConfigFrom = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The torus of a compiled model, or of a model file that was trained on a torus; "
        "weights are loaded later.",
    ),
]
_Bake = Annotated[
    Path | None,
    typer.Option(
        metavar="ARTIFACT", help="The torus of a compiled model, with its weights in place."
    ),
]
_Fold = Annotated[
    bool,
    typer.Option("--fold", help="With --bake: its weights as logic, which cannot be loaded."),
]
_Folder = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="DIR", help="[default: build/fpga/BOARD]"),
]
_FifoPins = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Instead of the UART, the FIFO of an FT2232H: a line for each of its pins, such as "
        "data[0] B11.",
    ),
]
_ClockMhz = Annotated[
    float | None,
    typer.Option(
        metavar="MHZ",
        help="Clock of the torus, made by the part's PLL [default: the board's oscillator].",
    ),
]
_Tries = Annotated[
    int, typer.Option(min=1, help="Seeds to try, from --seed on; the fastest is kept.")
]


def command(
    ctx: typer.Context,
    board: _Board,
    torus: _Torus = None,
    train: _Train = False,
    config_from: _ConfigFrom = None,
    bake: _Bake = None,
    fold: _Fold = False,
    output: _Folder = None,
    baud: Annotated[int, typer.Option(help="Bits per second of the UART.")] = 1_000_000,
    input_bits: InputBits = 0,
    fifo_pins: _FifoPins = None,
    clock_mhz: _ClockMhz = None,
    seed: Annotated[int, typer.Option(min=1, help="Of the placer.")] = 1,
    tries: _Tries = 1,
    workers: JobWorkers = None,
    scheduler: Scheduler = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Build the bitstream of a torus for a board, with its constraints and a report.

    A bitstream of --torus holds any net that was compiled for it: compile --board. One of
    --config-from has the memories that this net needs, or this training: it goes on with train
    --device serial --resume.

    A torus that does not fit is refused before it is placed. What was in DIR is replaced when all
    is done, and stays as it was if anything fails.
    """
    from fpga.boards import find_board
    from sw_driver.jobs.engine import cores
    from sw_driver.system.files import check_folder, check_outputs, files_in

    out = make_output(ctx, json, quiet)
    target = find_board(board)
    folder = Path("build/fpga") / board if output is None else output
    check_folder(folder)
    check_outputs({"--out": files_in(folder)}, {"--bake": bake, "--config-from": config_from,
                                               "--fifo-pins": fifo_pins})
    held = held_configuration(
        torus=torus, train=train, config_from=config_from, bake=bake, fold=fold
    )
    if held is None:
        held = _default(target, torus, train)
    from fpga.board_build import build
    from fpga.fifo_pins import read_fifo_pins

    pins = None if fifo_pins is None else read_fifo_pins(fifo_pins, target)
    # One seed needs no other process.
    at_once = min(workers or cores(), tries) if scheduler is None else workers
    with job_runner(out, at_once, scheduler) as runner, out.progress() as tell:
        built = build(target, held.config, folder, images=held.images, folded=fold, baud=baud,
                      input_bits=input_bits, fifo_pins=pins, clock_mhz=clock_mhz, seed=seed,
                      tries=tries, tell=tell, runner=runner)
    _report(out, target, board, folder, held, built)


def _default(target: "Board", torus: str | None, train: bool) -> Held:
    """The torus that a board has where no file names one."""
    from sw_driver.torus import parse_torus

    rows, cols = parse_torus(torus or "1x1")
    from fpga.board_design import board_config

    return Held(board_config(target, rows, cols, train=train), None)


def _report(
    out: "Output", target: "Board", board: str, folder: Path, held: Held, built: "Build"
) -> None:
    """Say what was built, and how fast it is."""
    from fpga.board_flow import FLOWS

    report, config = built.report, held.config
    path = report["critical_path"]
    out.facts(
        f"{folder}, for {board}",
        [
            ("torus", f"{config.rows}x{config.cols}"),
            *((used.name, f"{used.used} of {used.available}") for used in built.usage),
            ("Fmax", f"{report['fmax_mhz']} MHz, for a clock of {report['clock_mhz']:g} MHz"),
            ("seed", _seeds(report)),
            ("critical path", f"{path['start']} to {path['end']}"),
            ("weights that fit", str(report["weights_that_fit"])),
            ("tools", ", ".join(report["tools"])),
        ],
    )
    bitstream = folder / FLOWS[target.family.name].bitstream
    say_written(out, bitstream, f"openFPGALoader {quoted(bitstream)}; report.json beside it")
    out.result({"out": str(folder), **report})


def _seeds(report: dict[str, Any]) -> str:
    seed, tried = str(report["seed"]), report["fmax_mhz_by_seed"]
    without = [one for one, fmax_mhz in tried.items() if fmax_mhz is None]
    lost = f" (no route with {', '.join(without)})" if without else ""
    return seed if len(tried) == 1 else f"{seed}, the fastest of {len(tried)}{lost}"
