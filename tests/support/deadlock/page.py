"""The table of the campaign, for the terminal and for docs/deadlock.md."""

from collections import Counter

from tests.support.deadlock.breaks import BREAKS
from tests.support.deadlock.campaign import SEVERAL, outcomes
from tests.support.deadlock.untimed import ENDED
from tests.support.deadlock.verdicts import ACCEPTED, UNPACKED, WAITS, WORDS

__all__ = ["COLUMNS", "MARK", "rows"]

MARK = "deadlock"

COLUMNS = ("what was broken", "programs", "do not fit", "refused: words", "refused: waits",
           "of these end", "share", "accepted", "lock up", "run on the RTL", "lock up there")


def rows(results):
    """Return the cells: a row of each kind of break, and one of all."""
    untimed, rtl = outcomes("untimed", results), outcomes("RTL", results)
    return [_row(name, untimed, rtl, {name} if name != "all" else {*BREAKS, SEVERAL})
            for name in (*BREAKS, SEVERAL, "all")]


def _row(name, untimed, rtl, kinds):
    counts, ends = Counter(), Counter()
    for (kind, said, became), count in untimed.items():
        if kind in kinds:
            counts[said] += count
            ends[said] += count * (became == ENDED)
    ran = Counter()
    for (kind, _, became), count in rtl.items():
        if kind in kinds and became != "not run":
            ran[became == ENDED] += count
    share = f"{100 * ends[WAITS] / counts[WAITS]:.1f} %" if counts[WAITS] else "-"
    numbers = (counts.total(), counts[UNPACKED], counts[WORDS], counts[WAITS], ends[WAITS])
    more = (counts[ACCEPTED], counts[ACCEPTED] - ends[ACCEPTED], ran.total(), ran[False])
    return (name, *(f"{one:,}" for one in numbers), share, *(f"{one:,}" for one in more))
