"""`clostorus build`: a bitstream for a board."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sw_driver.cli.best_torus import Lanes, describe_proposal, read_auto
from sw_driver.cli.build_torus import Again, compiled_again, held_on, net_file
from sw_driver.cli.configuration import Held
from sw_driver.cli.job_options import JobWorkers, Scheduler, job_runner
from sw_driver.cli.options import (
    InputBits,
    Json,
    LanesIn,
    LanesOut,
    LinkWords,
    Quiet,
    lanes_of,
    make_output,
)
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
    "clostorus build --board ulx3s-85f --torus 2x2 --lanes-in 2 --lanes-out 2",
    "clostorus build --board ulx3s-85f --config-from model.ctz --torus auto --lanes auto",
    "clostorus build --board ulx3s-85f --config-from model.ctz --input-bits 8",
    "clostorus build --board ulx3s-85f --config-from model.ctz --fifo-pins fifo.txt",
    "clostorus build --board ulx3s-85f --bake model.ctz",
    "clostorus build --board icebreaker --bake model.ctz --fold",
)


_Board = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="ulx3s-85f, ulx3s-25f, ecpix5-85f, icebreaker, tangnano9k, "
        "tangnano20k, tangprimer20k, tangprimer25k or lifcl-40-evn."
    ),
]
_Torus = Annotated[
    str | None,
    typer.Option(
        metavar="RxC|auto",
        help="Size of the torus; auto: with --config-from, the fastest one [default: 1x1].",
    ),
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
    lanes: Lanes = None,
    lanes_in: LanesIn = None,
    lanes_out: LanesOut = None,
    link_words: LinkWords = None,
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

    With --torus auto or --lanes auto the net of --config-from is compiled again, for the fastest
    torus that fits the board; the new artifact is model.ctz in DIR.

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
    auto = read_auto(torus, lanes, lanes_of(lanes_in, lanes_out, link_words))
    again = None
    if "auto" in (torus, lanes):
        net = net_file(config_from, train=train, bake=bake)
        again = compiled_again(out, target, net, auto)
        held = Held(again.compiled.config, None)
    else:
        held = held_on(
            target, torus, auto, train=train, config_from=config_from, bake=bake, fold=fold
        )
    from fpga.board_build import build
    from fpga.fifo_pins import read_fifo_pins

    pins = None if fifo_pins is None else read_fifo_pins(fifo_pins, target)
    # One seed needs no other process.
    at_once = min(workers or cores(), tries) if scheduler is None else workers
    with job_runner(out, at_once, scheduler) as runner, out.progress() as tell:
        built = build(target, held.config, folder, images=held.images, folded=fold, baud=baud,
                      input_bits=input_bits, fifo_pins=pins, clock_mhz=clock_mhz, seed=seed,
                      tries=tries, tell=tell, runner=runner,
                      write_more=(lambda _: None) if again is None else again.write)
    _report(out, target, folder, held, built, again)


def _report(
    out: "Output",
    target: "Board",
    folder: Path,
    held: Held,
    built: "Build",
    again: Again | None,
) -> None:
    """Say what was built, and how fast it is."""
    report, config = built.report, held.config
    path = report["critical_path"]
    fifo = f"{report['fifo_mhz']} MHz, for one of 60 MHz" if "fifo_mhz" in report else None
    out.facts(
        f"{folder}, for {target.name}",
        [
            ("torus", f"{config.rows}x{config.cols}"),
            ("lanes in x out", f"{config.lanes_in} x {config.lanes_out}"),
            *((("words a link moves", str(config.link_words)),) if config.link_words > 1 else ()),
            *((used.name, f"{used.used} of {used.available}") for used in built.usage),
            ("Fmax", f"{report['fmax_mhz']} MHz, for a clock of {report['clock_mhz']:g} MHz"),
            *((("CLKOUT", fifo),) if fifo else ()),
            ("seed", _seeds(report)),
            ("critical path", f"{path['start']} to {path['end']}"),
            ("weights that fit", str(report["weights_that_fit"])),
            ("tools", ", ".join(report["tools"])),
        ],
    )
    bitstream = folder / target.family.flow.bitstream
    say_written(out, bitstream, f"openFPGALoader {quoted(bitstream)}; report.json beside it")
    if again is not None:
        from fpga.board_build import NET_FILE

        net = folder / NET_FILE
        say_written(out, net, f"clostorus run {quoted(net)} --device serial --port PORT")
    proposal = {} if again is None else {"proposal": describe_proposal(again.proposal)}
    out.result({"out": str(folder), **report, **proposal})


def _seeds(report: dict[str, Any]) -> str:
    seed, tried = str(report["seed"]), report["fmax_mhz_by_seed"]
    without = [one for one, fmax_mhz in tried.items() if fmax_mhz is None]
    lost = f" (no route with {', '.join(without)})" if without else ""
    return seed if len(tried) == 1 else f"{seed}, the fastest of {len(tried)}{lost}"
