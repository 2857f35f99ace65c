"""The steps of a clock cycle: in what order outputs are computed and wires carried."""

import dataclasses
from collections import defaultdict
from collections.abc import Mapping

from ..errors import VectorRefused
from .emit import Emitter
from .frame import Design, End

__all__ = ["Schedule", "schedule"]

_Node = tuple[str, str, bool]  # Module, port, whether it is an input.


@dataclasses.dataclass(frozen=True)
class Schedule:
    """When what is computed.

    Parameters
    ----------
    outputs
        Of each module, the level of each output: those of level 0 depend on what the module keeps
        alone.
    inputs
        Likewise, the level after which an input is there.
    """

    outputs: dict[str, dict[str, int]]
    inputs: dict[str, dict[str, int]]

    @property
    def levels(self) -> int:
        """How many there are."""
        return 1 + max(level for levels in self.outputs.values() for level in levels.values())


def schedule(design: Design, emitters: Mapping[str, Emitter]) -> Schedule:
    """Order the ports of a design. Copies of a module are computed at once.

    Raises
    ------
    VectorRefused
        A path leads through modules back to where it began, without a register.
    """
    after: dict[_Node, set[_Node]] = defaultdict(set)
    for end, source in design.wires.items():
        if isinstance(source, End):
            after[end.module, end.port, True].add((source.module, source.port, source.is_input))
    for name, netlist in design.modules.items():
        for port in netlist.inputs:
            after[name, port.name, True] |= set()
        for port in netlist.outputs:
            after[name, port.name, False] = {
                (name, found, True) for found in emitters[name].order.inputs_of(port.bits)}
    levels = _levels(after)
    made = Schedule({name: {} for name in design.modules}, {name: {} for name in design.modules})
    for (name, port, is_input), level in levels.items():
        (made.inputs if is_input else made.outputs)[name][port] = level
    return made


def _levels(after: Mapping[_Node, set[_Node]]) -> dict[_Node, int]:
    """An output that waits for an input comes a level later than it; an input at once."""
    levels: dict[_Node, int] = {}
    waiting = {node: len(sources) for node, sources in after.items()}
    users: dict[_Node, list[_Node]] = defaultdict(list)
    for node, sources in after.items():
        for source in sources:
            users[source].append(node)
    ready = [node for node, count in waiting.items() if not count]
    while ready:
        node = ready.pop()
        step = 0 if node[2] else 1
        levels[node] = max((levels[source] + step for source in after[node]), default=0)
        for user in users[node]:
            waiting[user] -= 1
            if not waiting[user]:
                ready.append(user)
    if len(levels) < len(after):
        module, port, _ = min(set(after) - set(levels))
        raise VectorRefused("the vector engine computes all copies of a module at once: a path "
                            f"without a register leads through {module or 'the top'}, port {port}, "
                            "and back to it")
    return levels
