"""Checks that no op visits a weight or a bias whose change is still being written."""

from collections import deque
from collections.abc import Sequence

from hw.config import UPDATE_CYCLES
from sw_driver.check.mac_units import MacUnit
from sw_driver.errors import ProgramError

__all__ = ["check_fences"]


def check_fences(macs: Sequence[MacUnit]) -> None:
    """Refuse a program in which an op visits a weight or bias whose change is still on its way.

    A change is written UPDATE_CYCLES after its step. No op visits anything twice, so only the end
    of an op and the beginning of a later one can be too near to each other.

    Raises
    ------
    ProgramError
        It names the op that needs a fence, and what it visits too early.
    """
    if not any(unit.updates or unit.updates_biases for unit in macs):
        return
    steps = 0
    written: deque[tuple[int, str, int]] = deque()
    for unit in macs:
        size = max(len(unit.weights), 1)
        if unit.fence:
            written.clear()
        recent = {(memory, address): step for step, memory, address in written}
        visited: list[tuple[int, str, int]] = [
            *((step, "weight", address) for step, address in enumerate(unit.weights)),
            *((step, "bias", address) for step, address in unit.biases if unit.lanes == 1),
        ]
        for step, memory, address in visited:
            since = steps + step - recent.get((memory, address), -UPDATE_CYCLES - 1)
            if since <= UPDATE_CYCLES:
                raise ProgramError(
                    f"{unit.name} needs a fence: it visits {memory} {address} {since} steps after "
                    f"its change began, which takes {UPDATE_CYCLES} cycles"
                )
        changes = {"weight": unit.updates, "bias": unit.updates_biases}
        end = size - UPDATE_CYCLES - 1
        written.extend(
            (steps + step, memory, address)
            for step, memory, address in sorted(visited)
            if step >= end and changes[memory]
        )
        steps += size
        while written and written[0][0] < steps - UPDATE_CYCLES - 1:
            written.popleft()
