"""What the flags of a torus with `checks` say: which place of which node, in words."""

import dataclasses

from hw.config import TorusConfig
from hw.fault_places import FaultPlace, fault_units, flag_bits
from sw_driver.errors import FaultError

__all__ = ["Fault", "read_faults", "refuse_faults"]

_MEMORIES = {
    FaultPlace.WEIGHTS: "the weight memory",
    FaultPlace.BUFFER: "a gather buffer",
    FaultPlace.BIASES: "the bias memory",
    FaultPlace.PROGRAM: "the program memory",
    FaultPlace.SUM: "the arithmetic",
    FaultPlace.CONTROL: "a register",
    FaultPlace.GRADIENTS: "a memory of gradients",
    FaultPlace.VELOCITIES: "a memory of accumulated gradients",
    FaultPlace.PARTIALS: "a queue of partial sums",
    FaultPlace.RANDOM: "the random generator",
}
_LINKS = {FaultPlace.LINK: "a link", FaultPlace.BACK_LINK: "a link back"}
_NO_PARITY = (FaultPlace.SUM, FaultPlace.CONTROL)
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
        if self.place in _LINKS:
            return f"{_LINKS[self.place]} into {self.node}"
        return f"{_MEMORIES[self.place]} of {self.node}"


def read_faults(config: TorusConfig, flags: int) -> list[Fault]:
    """Return the faults that the flags of all nodes say, those first that others follow from.

    A word that is wrong in a buffer or on a link is wrong in every node that it goes on to, and in
    what it is stored in there. So of one flipped bit the first fault is the place: a memory of a
    node whose links brought nothing wrong; or else a link into a node, of which no node before it
    in its rings says the same. A wrong sum, or a register that differs from its twin, follows from
    no other fault, so that these come first of all.

    Parameters
    ----------
    config
        Of the torus.
    flags
        The port `faults` of `hw.top.ClostorusTop`, as one number.
    """
    return [fault for _, fault in _ranked(config, flags)]


def refuse_faults(config: TorusConfig, flags: int) -> None:
    """Raise what the flags of all nodes say, if they say anything; see `read_faults`.

    Raises
    ------
    FaultError
        It names the places that the others follow from, and the row and the column of each.
    """
    ranked = _ranked(config, flags)
    if not ranked:
        return
    first = [str(fault) for rank, fault in ranked if rank == ranked[0][0]][:_MOST_NAMED]
    text = first[0] if len(first) == 1 else f"{', '.join(first[:-1])} and {first[-1]}"
    more = len(ranked) - len(first)
    rest = f" (and of {more} more {'places' if more > 1 else 'place'})" if more else ""
    checked_otherwise = any(fault.place in _NO_PARITY for _, fault in ranked[:len(first)])
    kind = "check" if checked_otherwise else "parity"
    raise FaultError(
        f"{kind} of {text} failed{rest}: the outputs of this run are not to be trusted; load the "
        "net again"
    )


def _ranked(config: TorusConfig, flags: int) -> list[tuple[int, Fault]]:
    """The faults, each with how many of the rules of `read_faults` it does not pass."""
    found: list[tuple[int, Fault]] = []
    width, cols = flag_bits(config), config.cols

    def of(unit: int) -> int:
        return flags >> (unit * width) & ((1 << width) - 1)

    def brought(unit: int) -> bool:
        return bool(of(unit) >> FaultPlace.LINK & 1)

    for unit in range(fault_units(config)):
        row, col = divmod(unit, cols + 1)
        bridge = row == config.rows
        before = set[int]()
        if not bridge:
            before.add(unit - 1 if col else unit + cols)
        if not bridge and col < cols:
            before.add((row - 1) % config.rows * (cols + 1) + col)
        carried_on = any(brought(one) for one in before - {unit})
        for place in FaultPlace:
            if of(unit) >> place & 1:
                rank = 2 * brought(unit)
                if place is FaultPlace.LINK:
                    rank = 1 + carried_on
                elif place is FaultPlace.BACK_LINK:
                    rank = 1  # Each node makes the parity of its sum anew.
                elif place is FaultPlace.PARTIALS:
                    rank = 2 * (of(unit) >> FaultPlace.BACK_LINK & 1)
                elif place in _NO_PARITY:
                    rank = -1
                fault = Fault(place, None if bridge else row,
                              None if bridge or col == cols else col)
                found.append((rank, fault))
    return sorted(found, key=lambda one: one[0])
