"""The command `clostorus`: train, compile, run, verilog, info, verify, bench,
analyse, area, build, plan, explore, experiment, export, board, report, wave, fuzz.

One module a command: its function `command`, and the examples at the end of its help. Every command
imports what it needs when it runs, so that help comes at once. `golden.system.status` lists the
exit statuses.
"""

from typing import Any

import typer
from typer.core import TyperGroup

from golden.system.ending import one_line_errors
from sw_driver.cli import (
    analyse,
    area,
    bench,
    board,
    build,
    compile,
    experiment,
    explore,
    export,
    fuzz,
    info,
    plan,
    report,
    run,
    train,
    verify,
    verilog,
    wave,
)
from sw_driver.cli.options import Json, Quiet, examples
from sw_driver.cli.spelling import Command
from sw_driver.system.console import one_line_warnings

__all__ = ["app"]


class _Commands(TyperGroup):
    """Turns what is raised into one line and an exit status; `Command` has said most itself."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        with one_line_errors("clostorus"), one_line_warnings():
            return super().invoke(ctx)


app = typer.Typer(
    cls=_Commands,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@app.callback(
    epilog=examples(
        "clostorus train -o model.pt",
        "clostorus compile model.pt --torus 4x4 -o model.ctz",
        "clostorus run model.ctz --device sim",
    ),
)
def _global(ctx: typer.Context, json: Json = False, quiet: Quiet = False) -> None:  # pyright: ignore[reportUnusedFunction]
    """Train sparse ClosNets and run them on a torus accelerator, bit for bit."""
    ctx.obj = json, quiet


app.command("train", cls=Command, epilog=examples(*train.EXAMPLES))(train.command)
app.command("compile", cls=Command, epilog=examples(*compile.EXAMPLES))(compile.command)
app.command("run", cls=Command, epilog=examples(*run.EXAMPLES))(run.command)
app.command("verilog", cls=Command, epilog=examples(*verilog.EXAMPLES))(verilog.command)
app.command("info", cls=Command, epilog=examples(*info.EXAMPLES))(info.command)
app.command("verify", cls=Command, epilog=examples(*verify.EXAMPLES))(verify.command)
app.command("bench", cls=Command, epilog=examples(*bench.EXAMPLES))(bench.command)
app.command("area", cls=Command, epilog=examples(*area.EXAMPLES))(area.command)
app.command("analyse", cls=Command, epilog=examples(*analyse.EXAMPLES))(analyse.command)
app.command("experiment", cls=Command, epilog=examples(*experiment.EXAMPLES))(experiment.command)
app.command("build", cls=Command, epilog=examples(*build.EXAMPLES))(build.command)
app.command("plan", cls=Command, epilog=examples(*plan.EXAMPLES))(plan.command)
app.command("explore", cls=Command, epilog=examples(*explore.EXAMPLES))(explore.command)
app.command("export", cls=Command, epilog=examples(*export.EXAMPLES))(export.command)
app.command("board", cls=Command, epilog=examples(*board.EXAMPLES))(board.command)
app.command("report", cls=Command, epilog=examples(*report.EXAMPLES))(report.command)
app.command("wave", cls=Command, epilog=examples(*wave.EXAMPLES))(wave.command)
app.command("fuzz", cls=Command, epilog=examples(*fuzz.EXAMPLES))(fuzz.command)
