"""How many hostile inputs are tried, and what became of them: the table of docs/verification.md.

`python -m tests.hostile.table` tries all of them and writes the table. It ends at the first input
that leads to anything but a refusal in one line or a right result.
"""

import collections
import itertools
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from sim.measure.markdown import replace_between_marks, table_lines
from tests.hostile import (
    api_cases,
    artifact_cases,
    data_cases,
    file_cases,
    line_cases,
    onnx_cases,
    process_cases,
)
from tests.hostile.case import Case, Workshop
from tests.support.project import ROOT

__all__ = ["MARK", "PAGE", "every_case", "table"]

PAGE = ROOT / "docs" / "verification.md"
MARK = "hostile"
_HEADER = "group", "tried", "refused in one line", "taken with the right result, or ended in order"
_EVERY = 50  # A line tells how far it is after as many inputs.


def every_case() -> list[Case]:
    """All hostile inputs, group by group."""
    modules = (
        line_cases, file_cases, data_cases, onnx_cases, artifact_cases, api_cases,
        process_cases,
    )  # fmt: skip
    return list(itertools.chain.from_iterable(module.cases() for module in modules))


def table(cases: Iterable[Case], bench: Workshop) -> str:
    """Try inputs, and count them in Markdown.

    An input that several commands read counts once: as refused if one of them refuses it.
    """
    tried: dict[str, int] = collections.Counter()
    refused: dict[str, int] = collections.Counter()
    for number, case in enumerate(cases, 1):
        try:
            case.attempt(bench)
        except BaseException as error:
            error.add_note(f"the input was: {case}")
            raise
        tried[case.group] += 1
        refused[case.group] += bench.refusals > 0
        bench.clear()
        if number % _EVERY == 0:
            print(f"{number} hostile inputs tried", file=sys.stderr, flush=True)
    rows = [(name, tried[name], refused[name], tried[name] - refused[name]) for name in tried]
    rows.append(("all", *(sum(row[place] for row in rows) for place in (1, 2, 3))))
    return "\n".join(table_lines(_HEADER, rows)) + "\n"


def main() -> None:
    """Write the table."""
    with tempfile.TemporaryDirectory() as folder:
        text = table(every_case(), Workshop(Path(folder)))
    replace_between_marks(PAGE, MARK, text)
    print(text, end="")


if __name__ == "__main__":
    main()
