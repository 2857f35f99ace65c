"""The search of small programs: what the check accepts must end, and what a weaker one accepts not.

A weaker check, a mutant, leaves out all waits of one kind. A program that it accepts and that locks
up shows that the kind is needed.
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence

from sim.deadlock.machine import machine
from sim.deadlock.small import SmallProgram, Torus
from sw_driver.check.event_graph import Event, EventGraph
from sw_driver.check.waits import program_waits
from sw_driver.errors import ProgramError

__all__ = ["Found", "Kind", "kind_of", "same_end", "search", "sound"]

Kind = tuple[str, str]
"""What happens first, and what waits for it."""

_QUEUES = {"row": "ring", "col": "ring", "mac": "MAC"}


def kind_of(first: Event, second: Event) -> Kind:
    """Return the kind of a wait: rows and columns are of one kind."""
    return _label(first), _label(second)


def _label(event: Event) -> str:
    queue, _, what = event
    queue = _QUEUES.get(queue, queue.partition("s of axis")[0])
    return f"{queue}: {what}"


@dataclasses.dataclass
class Found:
    """What came of programs.

    Parameters
    ----------
    programs, counts, cycles, accepted
        All; those that are refused since counts do not agree, and since waits have a cycle; others.
    locked
        Programs that are accepted and lock up.
    strict
        Programs refused for a cycle that end all the same.
    kinds
        For each kind of wait of these programs, one that locks up and that a check without this
        kind accepts; None if there is none.
    """

    programs: int = 0
    counts: int = 0
    cycles: int = 0
    accepted: int = 0
    locked: list[str] = dataclasses.field(default_factory=list[str])
    strict: int = 0
    kinds: dict[Kind, str | None] = dataclasses.field(default_factory=dict[Kind, str | None])


def sound(waits: Iterable[tuple[Event, Event]], without: Kind | None = None) -> bool:
    """Whether waits have no cycle, but for those of a kind that is left out."""
    graph = EventGraph()
    for first, second in waits:
        if without is None or kind_of(first, second) != without:
            graph.add_edge(first, second)
    try:
        graph.in_order()
    except ProgramError:
        return False
    return True


def search(
    torus: Torus,
    programs: Iterable[SmallProgram],
    found: Found | None = None,
    tell: Callable[[int], object] = lambda count: None,
) -> Found:
    """Ask the check about programs, and see which of them end.

    Parameters
    ----------
    torus
        That they are for.
    programs
        To be tried.
    found
        What came of others, to which this is added.
    tell
        Hears how many are tried.
    """
    found = Found() if found is None else found
    for program in programs:
        found.programs += 1
        tell(found.programs)
        try:
            waits = program_waits(torus.config, program.pe, program.gateway, program.host)
        except ProgramError:
            found.counts += 1
            continue
        pairs = [*waits.sure, *waits.further]
        for first, second in pairs:
            found.kinds.setdefault(kind_of(first, second), None)
        ends = not machine(torus.config, program.pe, program.gateway, program.host).left()
        if sound(pairs):
            found.accepted += 1
            if not ends:
                found.locked.append(program.text)
            continue
        found.cycles += 1
        if ends:
            found.strict += 1
        else:
            _try_kinds(pairs, program.text, found)
    return found


def _try_kinds(pairs: Sequence[tuple[Event, Event]], text: str, found: Found) -> None:
    there = {kind_of(first, second) for first, second in pairs}
    for kind in there:
        if found.kinds[kind] is None and sound(pairs, kind):
            found.kinds[kind] = text


def same_end(torus: Torus, program: SmallProgram) -> bool:
    """Whether all orders of turns of a program lead to one end, which is that of `Steps.left`."""
    steps = machine(torus.config, program.pe, program.gateway, program.host)
    ends = list(steps.ends())
    return len(ends) == 1 and len(steps.names) - len(ends[0]) == len(steps.left())
