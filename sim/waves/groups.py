"""What is worth seeing of a torus: signals in groups, one a PE and one a ring."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hw.config import TorusConfig

from .signals import Widths

__all__ = ["Group", "Shown", "groups"]

_TOP = "clostorus"
_STREAM = (("valid", "bits"), ("ready", "bits"), ("payload", "signed"))
# Of an engine of a ring, and of the control of a MAC: name and radix.
_RING = (("active", "bits"), ("rep", "decimal"), ("receiving", "bits"), ("own_here", "bits"),
         ("own__valid", "bits"), ("own__payload", "signed"))
_MAC = (("active", "bits"), ("waiting", "bits"), ("step", "bits"), ("first", "bits"),
        ("at_last_word", "bits"), ("w_addr", "decimal"), ("reps_left", "decimal"))
_DATA = (("a", "signed"), ("b", "signed"), ("product", "signed"), ("sum", "signed"),
         ("row_word", "signed"), ("col_word", "signed"), ("result__valid", "bits"))
_GATEWAY = (("active", "bits"), ("recv_left", "decimal"), ("send_left", "decimal"),
            ("reps_left", "decimal"))


class Shown(NamedTuple):
    """A signal in a viewer.

    Attributes
    ----------
    path
        Its place in the design.
    bits
        Its width.
    alias
        What it is called in its group.
    radix
        "bits", "decimal", "signed" or "hex".
    """

    path: str
    bits: int
    alias: str
    radix: str


class Group(NamedTuple):
    """Signals below one heading; `closed` ones are folded at first."""

    name: str
    signals: tuple[Shown, ...]
    closed: bool


def groups(config: TorusConfig, widths: Widths) -> list[Group]:
    """List the groups of a torus that infers: host, gateways, row rings, column rings, PEs.

    A signal that this torus does not have is left out, and so is a group of none.

    Parameters
    ----------
    config
        The torus.
    widths
        Its signals, as `declared` reads them.
    """
    found = [Group(name, tuple(_there(signals, widths)), closed)
             for name, closed, signals in _all(config)]
    return [group for group in found if group.signals]


_Named = Iterator[tuple[str, str, str]]  # Path, alias and radix.


def _all(config: TorusConfig) -> Iterator[tuple[str, bool, _Named]]:
    rows, cols = range(config.rows), range(config.cols)
    yield "host", False, _host()
    for row in rows:
        yield f"gateway {row}", True, _gateway(row)
    for row in rows:
        yield f"row ring {row}", row > 0, _ring("row", [(row, col) for col in cols])
    for col in cols:
        yield f"column ring {col}", col > 0, _ring("col", [(row, col) for row in rows])
    for row in rows:
        for col in cols:
            yield f"PE {row}, {col}", (row, col) != (0, 0), _pe(row, col)


def _there(signals: _Named, widths: Widths) -> Iterator[Shown]:
    for path, alias, radix in signals:
        if path in widths:
            yield Shown(path, widths[path], alias, radix)


def _host() -> _Named:
    yield f"{_TOP}.clk", "clk", "bits"
    yield f"{_TOP}.rst", "rst", "bits"
    for side in ("host_in", "host_out"):
        for part in ("valid", "ready"):
            yield f"{_TOP}.{side}_{part}", f"{side} {part}", "bits"
        yield f"{_TOP}.{side}_data", f"{side} data", "hex"


def _gateway(row: int) -> _Named:
    place = f"{_TOP}.torus.gateway_{row}"
    for name, radix in _GATEWAY:
        yield f"{place}.{name}", name, radix
    for side, what in (("host_in", "from host"), ("host_out", "to host"), ("i", "from last PE"),
                       ("o", "to PE 0")):
        for part, radix in _STREAM:
            wide = side.startswith("host") and part == "payload"
            yield f"{place}.{side}__{part}", f"{what} {part}", "hex" if wide else radix


def _ring(kind: str, places: Sequence[tuple[int, int]]) -> _Named:
    """The links into all nodes of a ring, in the order in which words go round."""
    for row, col in places:
        place = f"{_TOP}.torus.pe_{row}_{col}.router.{kind}"
        for part, radix in _STREAM:
            yield f"{place}.i__{part}", f"to PE {row},{col} {part}", radix


def _pe(row: int, col: int) -> _Named:
    place = f"{_TOP}.torus.pe_{row}_{col}"
    for name, radix in _MAC:
        yield f"{place}.control.{name}", f"MAC {name}", radix
    for name, radix in _DATA:
        yield f"{place}.mac.{name}", f"MAC {name}", radix
    for kind in ("row", "col"):
        for name, radix in _RING:
            yield f"{place}.router.{kind}.{name}", f"{kind} {name}", radix
        for side in ("i", "o"):
            for part, radix in _STREAM:
                yield f"{place}.router.{kind}.{side}__{part}", f"{kind} {side} {part}", radix
