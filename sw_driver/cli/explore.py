"""`clostorus explore`: the best accelerator for a net and a board."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sw_driver.cli.data_options import FORMS, Label, SplitSeed, TestFraction, make_source
from sw_driver.cli.job_options import JobWorkers, Scheduler, job_runner
from sw_driver.cli.options import Json, Quiet, make_output
from sw_driver.cli.written import say_written

if TYPE_CHECKING:
    from fpga.explore.board_front import Found
    from fpga.explore.search import Search
    from golden.system.runner import Runner
    from sw_driver.system.console import Output

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "clostorus explore --net 784,256,28,8,16 --board ulx3s-85f",
    "clostorus explore --net model.pt --board ulx3s-85f,ecpix5-85f --clock-mhz 100",
    "clostorus explore --net model.pt --board icebreaker --goal energy --word-bits 4-12",
    "clostorus explore --net 784,256,28,8,16 --board ulx3s-85f --goal LUT --at-least 100000",
    "clostorus explore --net 64,10 --data digits --accuracy 0.5 --board ulx3s-25f",
    "clostorus explore --net model.pt --board ulx3s-85f --verify --build",
)

_STORE, _TABLE = "runs.sqlite", "front.csv"
_PICTURES = {"front.png": "png", "front.svg": "svg"}
_GOALS = ("samples/s", "latency", "energy", "LUT")
_SHOWN = 20
_EXACT, _QUICK_EXACT, _QUICK_SIDE = 300, 12, 4

_Net = Annotated[
    str,
    typer.Option(
        metavar="FILE|LAYERS",
        help="A model file, an ONNX file or FILE.py:FUNCTION; or layers, I,O,Ri,Rm,Ro of a Clos "
        "one and I,O of a dense one, with spaces between them.",
    ),
]
_Board = Annotated[
    str, typer.Option(metavar="NAME,...", help="Boards, as build --help lists them.")
]
_Goal = Annotated[
    str, typer.Option(metavar="|".join(_GOALS), help="What the first points are best in.")
]
_Data = Annotated[
    str | None,
    typer.Option(
        metavar=FORMS,
        help="What sets the scales of the words and judges them [default: the data that the model "
        "was trained on; none of layers].",
    ),
]
_WordBits = Annotated[
    str | None,
    typer.Option(
        metavar="BITS|FROM-TO|BITS,...",
        help="Widths of words to search [default: 6,8,10,12,16; of layers without data 16].",
    ),
]
_Loss = Annotated[
    float | None,
    typer.Option(help="Accuracy that words may lose against float [default: 0.01]."),
]
_Accuracy = Annotated[
    float | None,
    typer.Option(
        metavar="POINTS",
        help="Search other routers and reductions of the net, too: those that a short training "
        "brings to within so many percentage points of the given layers, in words. Needs --data.",
    ),
]
_ClockMhz = Annotated[
    float | None,
    typer.Option(
        metavar="MHZ",
        help="Clock of the torus [default: that of each board's oscillator, as for build].",
    ),
]
_AtLeast = Annotated[
    float | None, typer.Option(metavar="RATE", help="Samples a second that a point must reach.")
]


def command(
    ctx: typer.Context,
    net: _Net,
    board: _Board,
    goal: _Goal = "samples/s",
    data: _Data = None,
    label: Label = None,
    test_fraction: TestFraction = None,
    split_seed: SplitSeed = None,
    word_bits: _WordBits = None,
    loss: _Loss = None,
    accuracy: _Accuracy = None,
    epochs: Annotated[int, typer.Option(min=1, help="Of each training of --accuracy.")] = 10,
    clock_mhz: _ClockMhz = None,
    at_least: _AtLeast = None,
    exact: Annotated[
        int | None,
        typer.Option(min=1, help="Most points of exact cycles [default: 300; quick: 12]."),
    ] = None,
    most_rows: Annotated[int, typer.Option(min=1, max=64, help="Of a torus.")] = 16,
    most_cols: Annotated[int, typer.Option(min=1, max=64, help="Of a torus.")] = 16,
    best: Annotated[int, typer.Option(min=1, help="Points to verify and build.")] = 3,
    verify: Annotated[
        bool, typer.Option("--verify", help="Run the best of each board on the RTL, simulated.")
    ] = False,
    build: Annotated[
        bool, typer.Option("--build", help="Synthesise, place and route the best of each board.")
    ] = False,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Tori of 4x4 at most, one width: only whether it works."),
    ] = False,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Where results go.")
    ] = Path("out/explore"),
    workers: JobWorkers = None,
    scheduler: Scheduler = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find the best torus for a net on a board: no other one beats it in everything.

    Size, lanes, words and host stream are searched. All points are ranked by what their busiest
    part takes and by the resource model; the best get exact cycles, until the whole front of
    samples a second, LUTs, block RAMs and accuracy is exact. DIR gets runs.sqlite, with which the
    same command goes on where it was stopped, and front.csv, front.png and front.svg.
    """
    talk = make_output(ctx, json, quiet)
    source = make_source(data, label, test_fraction, split_seed)
    from sw_driver.cli.explore_best import best_files, check_tools, verify_and_build
    from sw_driver.cli.explore_options import Options, make_search, read_boards
    from sw_driver.system.files import check_folder, check_outputs, make_folder

    options = Options(
        net=net, boards=read_boards(board), goal=_goal(goal), source=source, word_bits=word_bits,
        loss=loss, accuracy=accuracy, epochs=epochs, clock_mhz=clock_mhz,
        least_rate=at_least or 0.0,
        exact=exact or (_QUICK_EXACT if quick else _EXACT),
        most=(min(most_rows, _QUICK_SIDE), min(most_cols, _QUICK_SIDE)) if quick
        else (most_rows, most_cols), quick=quick)  # fmt: skip
    inputs = options.check()
    check_folder(out)
    if build:
        check_tools(options.boards)
    search = make_search(options)
    with talk.progress() as tell:
        points = search.rank(tell)
    talk.note(f"{points} points; of at most {search.asked.exact} the cycles become exact")
    make_folder(out)
    results = [out / name for name in (_STORE, _TABLE, *_PICTURES)]
    results += best_files(options.boards, best, out)
    check_outputs({f"{path.name} of --out": path for path in results}, inputs)
    with job_runner(talk, workers, scheduler) as runner:
        found = _search(talk, search, out, runner)
        values = _report(talk, search, found, out)
        if verify or build or search.nets.data is not None:
            values["best"] = verify_and_build(
                talk, search, found, out, runner, best=best, verify=verify, build=build)
    talk.result(values)


def _goal(text: str) -> str:
    from sw_driver.errors import DriverError

    for goal in _GOALS:
        if text.lower() == goal.lower():
            return goal
    raise DriverError(f"goal must be one of {', '.join(_GOALS)}, not {text!r}")


def _search(talk: "Output", search: "Search", out: Path, runner: "Runner") -> "list[Found]":
    """Work out what is not in the store yet."""
    from golden.experiments.experiment import execute
    from sw_driver.jobs.store import open_store

    with open_store(out / _STORE, search.name, search.run_type, search.result_type) as store:
        with talk.progress() as tell:
            results = execute(search, store, runner, tell)
    return search.found(results)


def _report(talk: "Output", search: "Search", found: "list[Found]", out: Path) -> dict[str, Any]:
    """Print the fronts, write them as CSV and as pictures, and return them."""
    from fpga.explore.tables import COLUMNS, front_csv, front_picture, front_rows
    from sw_driver.errors import DriverError
    from sw_driver.system.files import write_bytes, write_text

    if not any(one.front for one in found):
        raise DriverError(
            "no torus of those that fit keeps to --loss, --accuracy and --at-least: wider words "
            "(--word-bits), or less of them, may; what was worked out is kept"
        )
    names = len(search.layers) > 1
    for one in found:
        exact = len(one.front) + len(one.others)
        text = (f"{one.board}: {len(one.front)} of {exact} exact points of {one.points} are in "
                f"the front{_undecided(one)}")
        columns = (*COLUMNS, *(["layers"] if names else []))
        talk.table(text, columns, front_rows(one.front[:_SHOWN], names=names))
    write_text(out / _TABLE, front_csv(found))
    for name, kind in _PICTURES.items():
        write_bytes(out / name, front_picture(found, kind))
    say_written(talk, out / _TABLE, "a spreadsheet; front.png and front.svg beside it")
    return {
        "net": search.layers[0], "goal": search.asked.goal, "store": str(out / _STORE),
        "table": str(out / _TABLE), "pictures": [str(out / name) for name in _PICTURES],
        "boards": {
            one.board: {
                "points": one.points, "exact": len(one.front) + len(one.others),
                "undecided": one.undecided, "front": [point.as_dict() for point in one.front],
            }
            for one in found
        },
    }  # fmt: skip


def _undecided(one: "Found") -> str:
    if not one.undecided:
        return ""
    return f"; {one.undecided} more may be, whose cycles --exact left out"
