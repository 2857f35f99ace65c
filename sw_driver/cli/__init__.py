"""The command line, `clostorus`: how it begins and ends; `sw_driver.cli.commands` has the rest.

Nothing slow is imported here, so that `main` can be stopped before anything slow is.
"""

from typing import TYPE_CHECKING, Any

from golden.system.stopping import begin

if TYPE_CHECKING:
    from sw_driver.cli.commands import app

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line; who ends it by a signal gets half-made files cleared away too."""
    begin("clostorus")
    from golden.system.ending import run_program

    run_program("clostorus", _run)


def _run() -> Any:
    from golden.system.extras import needs

    needs("hardware").check("amaranth", "rich", "typer")
    from sw_driver.cli.commands import app

    return app()


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sw_driver.cli.commands import app

    return app
