"""What the flags of a torus with `checks` say: which place of which node, in words."""

import dataclasses

from hw.config import TorusConfig
from hw.fault_places import FaultPlace, fault_units
from sw_driver.errors import FaultError

__all__ = ["Fault", "read_faults", "refuse_faults"]

_MEMORIES = {
    FaultPlace.WEIGHTS: "the weight memory",
    FaultPlace.BUFFER: "a gather buffer",
    FaultPlace.BIASES: "the bias memory",
    FaultPlace.PROGRAM: "the program memory",
}
_MOST_NAMED = 3


@dataclasses.dataclass(frozen=True)
class Fault:
    """A flag of a node.

    Parameters
    ----------
    place
        Where in the node the word was found.
    row
        Of the PE or the gateway; None for the bridge.
    col
        Of the PE; None for a gateway and for the bridge.
    """

    place: FaultPlace
    row: int | None
    col: int | None

    @property
    def node(self) -> str:
        """The node, as a sentence calls it."""
        if self.row is None:
            return "the bridge"
        return f"gateway {self.row}" if self.col is None else f"PE ({self.row}, {self.col})"

    def __str__(self) -> str:
        """Say it in a sentence's words."""
        if self.place is FaultPlace.LINK:
            return f"a link into {self.node}"
        return f"{_MEMORIES[self.place]} of {self.node}"


def read_faults(config: TorusConfig, flags: int) -> list[Fault]:
    """Return the faults that the flags of all nodes say; a memory comes before a link.

    A word that is wrong in a buffer is so on the link that it leaves by, too.

    Parameters
    ----------
    config
        Of the torus.
    flags
        The port `faults` of `hw.top.ClostorusTop`, as one number.
    """
    found: list[Fault] = []
    width, per_row = len(FaultPlace), config.cols + 1
    for unit in range(fault_units(config)):
        row, col = divmod(unit, per_row)
        of_row = row if row < config.rows else None
        of_col = col if of_row is not None and col < config.cols else None
        held = flags >> (unit * width)
        found += [Fault(place, of_row, of_col) for place in FaultPlace if held >> place & 1]
    return sorted(found, key=lambda fault: fault.place is FaultPlace.LINK)


def refuse_faults(config: TorusConfig, flags: int) -> None:
    """Raise what the flags of all nodes say, if they say anything; see `read_faults`.

    Raises
    ------
    FaultError
        It names the places, and the row and the column of each.
    """
    found = read_faults(config, flags)
    if not found:
        return
    named = [str(fault) for fault in found[:_MOST_NAMED]]
    if len(found) > _MOST_NAMED:
        named.append(f"{len(found) - _MOST_NAMED} more places")
    text = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    raise FaultError(
        f"parity of {text} failed: the outputs of this run are not to be trusted; load the net "
        "again"
    )
