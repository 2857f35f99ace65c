"""Options that several commands have, and what becomes of them."""

from typing import Annotated

import typer

from sw_driver.console import Output

__all__ = ["Data", "Json", "Quiet", "Torus", "examples", "failed", "make_output"]

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, and no tables.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print no tables and no progress.")]
Data = Annotated[
    str,
    typer.Option(metavar="digits|mnist10k|DIR", help="The dataset; DIR holds MNIST's four files."),
]
Torus = Annotated[str, typer.Option(metavar="RxC", help="Rows and columns of the torus: 4x4.")]


def make_output(ctx: typer.Context, json: bool, quiet: bool) -> Output:
    """How a command talks: --json and --quiet may stand before or after it."""
    json_before, quiet_before = ctx.obj
    return Output(as_json=json or json_before, quiet=quiet or quiet_before)


def examples(*lines: str) -> str:
    """The last part of a help text, its lines kept as they are."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def failed(message: str, status: int) -> typer.Exit:
    """Say what went wrong, in one line; raise what is returned."""
    typer.echo(f"clostorus: {message}", err=True)
    return typer.Exit(status)
