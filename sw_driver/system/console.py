"""What the commands print: tables on standard output, progress on standard error, or JSON."""

import contextlib
import json
import sys
import warnings
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from golden.system.stopping import cleared
from sw_driver.system.progress_lines import ProgressLines, Rates, while_working

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Output", "one_line_warnings"]

_PIPE_WIDTH = 100  # A pipe has no width of its own; a table whose words need more gets more.
_ANY_WIDTH = 10_000
Rows = Sequence[tuple[str, str]]


class Output:
    """One command's way to talk.

    Parameters
    ----------
    as_json
        Print one JSON object and nothing else on standard output.
    quiet
        Print no tables and no progress.
    """

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        self._as_json = as_json
        self._quiet = quiet

    def result(self, values: dict[str, Any]) -> None:
        """Print the machine-readable result; without `as_json`, nothing."""
        if self._as_json:
            sys.stdout.write(json.dumps(values, indent=1) + "\n")

    def text(self, text: str) -> None:
        """Print text as it is."""
        if not (self._as_json or self._quiet):
            sys.stdout.write(text + "\n")

    def facts(self, title: str, rows: Rows) -> None:
        """Print a table of names and values."""
        self.table(title, ("", ""), rows, header=False)

    def table(
        self,
        title: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        header: bool = True,
    ) -> None:
        """Print a table; all columns but the first are aligned to the right if it has a header.

        What is too wide goes on in the next line; nothing is cut.
        """
        if self._as_json or self._quiet:
            return
        from rich import box
        from rich.console import Console
        from rich.measure import Measurement
        from rich.table import Table

        style = box.SIMPLE_HEAD if header else None
        padding = (0, 1 if header else 2, 0, 0)
        table = Table(box=style, show_header=header, pad_edge=header, padding=padding)
        for index, column in enumerate(columns):
            justify = "right" if header and index else "left"
            table.add_column(column, justify=justify, overflow="fold")
        for row in rows:
            table.add_row(*row)
        console = Console(file=sys.stdout, highlight=False, markup=False)
        if not console.is_terminal:
            anything = console.options.update(max_width=_ANY_WIDTH)
            console.width = max(_PIPE_WIDTH, Measurement.get(console, anything, table).minimum)
        console.print(title, soft_wrap=True)
        console.print(table)
        console.print()

    @contextlib.contextmanager
    def progress(self) -> Generator[Callable[[str, int, int], None]]:
        """Show long work: call with what is done, how much of it, and of how much.

        A colon ends the name of the work; what comes after it may change.

        It goes to standard error: a bar to a terminal, else a line about every 30 seconds.
        """
        from rich.console import Console

        console = Console(stderr=True)
        if self._quiet:
            yield lambda work, done, total: None
        elif console.is_terminal:
            with _bars(console) as tell:
                yield tell
        else:
            lines = ProgressLines(_write_error)
            with while_working(lines.say):
                yield lines.tell

    def note(self, text: str) -> None:
        """Say in a line on standard error what is about to be done."""
        if not self._quiet:
            _write_error(f"clostorus: {text}\n")


@contextlib.contextmanager
def _bars(console: "Console") -> Generator[Callable[[str, int, int], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeElapsedColumn as Elapsed

    text = TextColumn("{task.description}")
    columns = text, BarColumn(), MofNCompleteColumn(), Elapsed(), TextColumn("{task.fields[end]}")
    with (
        cleared(console.show_cursor),
        Progress(*columns, console=console, transient=True) as bars,
    ):
        tasks: dict[str, Any] = {}
        rates = Rates()

        def tell(work: str, done: int, total: int) -> None:
            name = work.partition(":")[0]
            if name not in tasks:
                tasks[name] = bars.add_task(work, total=total, end="")
            end = rates.told(name, done, total)
            bars.update(tasks[name], description=work, completed=done, total=total, end=end)

        yield tell


def _write_error(text: str) -> None:
    if sys.stderr is not None:  # pyright: ignore[reportUnnecessaryComparison]
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)
            sys.stderr.flush()


@contextlib.contextmanager
def one_line_warnings() -> Generator[None]:
    """Have what users should know (`golden.GoldenWarning`) said in one line on standard error."""
    with warnings.catch_warnings():
        others = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if any(kind.__name__ == "GoldenWarning" for kind in category.__mro__):
                sys.stderr.write(f"clostorus: warning: {message}\n")
            else:
                others(message, category, filename, lineno, file, line)

        warnings.showwarning = show
        yield
