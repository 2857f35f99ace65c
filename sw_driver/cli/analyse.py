"""`clostorus analyse`: what a topology can do, without data."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sw_driver.cli.options import Json, Quiet, make_output, summary_of
from sw_driver.cli.written import say_written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from golden.analysis.report import Analysis
    from golden.topologies import Topology
    from sw_driver.system.console import Output

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "clostorus analyse --list",
    "clostorus analyse clos:32,32,8,9,8",
    "clostorus analyse butterfly:32,9 butterfly:32,9+skip+diagonal --quick",
    "clostorus analyse hypercube:32,6 clos:32,32,8,9,8 butterfly:32,18 torus:8,4,7 -o fig5.png",
)


def command(
    ctx: typer.Context,
    topology: Annotated[
        list[str] | None,
        typer.Argument(help="KIND:VALUE,VALUE,...[+OPTION]; several are shown side by side."),
    ] = None,
    list_kinds: Annotated[
        bool, typer.Option("--list", help="Say which kinds and options there are.")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave out what trains: control and reconstruction.")
    ] = False,
    starts: Annotated[
        int, typer.Option(help="Starts that trained results are averaged over.")
    ] = 2,
    fit_steps: Annotated[int, typer.Option(help="Steps of each reconstruction.")] = 1000,
    control_steps: Annotated[int, typer.Option(help="Steps of the controllability.")] = 60,
    seed: Annotated[int, typer.Option(help="Seed of the first start.")] = 0,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE.png", help="Draw a picture.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Count, bound and measure what sparse topologies can represent.

    Elements of the equivalent dense matrix that the trained edges can set: at most as many as a
    matching gives edges, exactly as many as the rank of the Jacobian says; trained to a random
    matrix, how near it comes. docs/papers.md says where each analysis is described.
    """
    from sw_driver.errors import DriverError
    from sw_driver.system.files import check_target

    out = make_output(ctx, json, quiet)
    if list_kinds:
        _list(out)
        return
    if not topology:
        raise DriverError("topology must be given at least once; --list shows the kinds")
    if output is not None:
        if output.suffix != ".png":
            raise DriverError(f"output must end in .png, not {output.name!r}")
        check_target(output)
    from golden.analysis.report import Training, analyse  # Takes PyTorch.

    wanted = Training(control_steps, fit_steps, starts, seed)
    training = None if quick else wanted
    found = [_parsed(text) for text in topology]
    if training is not None:
        out.note(
            f"{len(found)} topologies, each trained from {starts} starts: this can take minutes; "
            "--quick trains none"
        )
    with out.progress() as tell:
        analyses = [analyse(one, training, tell) for one in found]
    _report(out, analyses, seed, output)


def _list(out: "Output") -> None:
    """Say which kinds and options there are."""
    from golden.topologies import usage
    from golden.topologies.vocabulary import OPTIONS

    out.facts("kinds; lists of numbers are written with hyphens (784-300-10)", usage())
    options = {name: summary_of(change) for name, change in OPTIONS.items()}
    out.facts("options, after a plus sign", list(options.items()))
    out.result({"kinds": dict(usage()), "options": options})


def _report(
    out: "Output", analyses: "Sequence[Analysis]", seed: int, output: Path | None
) -> None:
    """Say what was found, side by side, and draw it."""
    from golden.analysis.pictures import analysis_png
    from golden.analysis.report import LABELS, text_of
    from sw_driver.system.files import write_bytes

    rows = [
        [label, *(text_of(one.values[name]) if name in one.values else "-" for one in analyses)]
        for name, label in LABELS.items()
        if any(name in one.values for one in analyses)
    ]
    out.table("topologies", ["", *(one.topology.name for one in analyses)], rows)
    reasons = [reason for one in analyses for reason in one.skipped.values()]
    out.text("\n".join(f"left out: {reason}" for reason in reasons))
    if output is not None:
        write_bytes(output, analysis_png(analyses))
        say_written(out, output, "a viewer of pictures")
    result: dict[str, Any] = {
        one.topology.name: {"widths": one.topology.widths, **one.values, "skipped": one.skipped}
        for one in analyses
    }
    picture = None if output is None else str(output)
    out.result({"seed": seed, "topologies": result, "picture": picture})


def _parsed(text: str) -> "Topology":
    """Read a topology; what is wrong with it is said of the text."""
    from golden import GoldenError
    from golden.topologies import parse_topology
    from sw_driver.errors import DriverError

    try:
        return parse_topology(text)
    except GoldenError as error:
        if str(error).startswith("topology "):
            raise
        raise DriverError(f"topology {text}: {error}") from error
