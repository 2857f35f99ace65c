"""How programs outside `golden` end: as `golden.system.ending` says, for the errors of all
packages.
"""

from collections.abc import Callable
from typing import Any, NoReturn

from golden.system.ending import run_program as run_golden_program

__all__ = ["run_program"]


def run_program(name: str, main: Callable[[], Any]) -> NoReturn:
    """Run a program's main function, and end; see `golden.system.ending.run_program`."""

    def status(error: BaseException) -> int | None:
        from sw_driver.cli.status import exit_status

        return exit_status(error)

    run_golden_program(name, main, status)
