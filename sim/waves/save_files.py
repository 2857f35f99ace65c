"""Groups of signals as files for viewers: a save file of GTKWave, and commands of Surfer."""

import io
from collections.abc import Sequence
from typing import Any, cast

from vcd.gtkw import GTKWFlag, GTKWSave

from .groups import Group, Shown

__all__ = ["TICKS", "gtkwave_file", "surfer_file"]

TICKS = 2
"""Units of time that a clock cycle takes in a trace."""

_FORMATS = {"bits": "bin", "decimal": "dec", "signed": "signed", "hex": "hex"}
_ZOOM = -7.0  # A power of two: about a hundred cycles fill a window.


def gtkwave_file(groups: Sequence[Group], begin_cycle: int) -> str:
    """Return the text of a save file, which opens at a cycle.

    The trace is not named in it, so both files can be moved: `gtkwave TRACE FILE`.

    Parameters
    ----------
    groups
        What is shown, from top to bottom.
    begin_cycle
        The cycle of the trace at which the run begins; a marker, `a`, stands there.
    """
    file = io.StringIO()
    save = GTKWSave(file)
    save.comment("Written by clostorus wave.")
    save.timestart(begin_cycle * TICKS)
    # The marker `a` is declared as a dictionary in the library, and written as what it is.
    save.zoom_markers(_ZOOM, begin_cycle * TICKS, a=cast(Any, begin_cycle * TICKS))
    save.size(1500, 900)
    save.treeopen("clostorus.torus")
    save.signals_width(280)
    save.sst_expanded(False)
    for group in groups:
        with save.group(group.name, closed=group.closed):
            for one in group.signals:
                save.trace(_name(one), alias=one.alias, datafmt=_FORMATS[one.radix],
                           extraflags=GTKWFlag.collapsed if group.closed else GTKWFlag(0))
    return file.getvalue()


def _name(one: Shown) -> str:
    """A signal as GTKWave calls those of Verilator: a vector with its range."""
    return one.path if one.bits == 1 else f"{one.path}[{one.bits - 1}:0]"


def surfer_file(groups: Sequence[Group], begin_cycle: int) -> str:
    """Return commands that show the same in Surfer: `surfer --command-file FILE TRACE`.

    A heading stands above each group; parameters are those of `gtkwave_file`.
    """
    lines = ["# Written by clostorus wave."]
    for group in groups:
        lines.append(f"divider_add {group.name}")
        lines += [f"variable_add {one.path}" for one in group.signals]
    lines.append(f"cursor_set {begin_cycle * TICKS}")
    return "\n".join(lines) + "\n"
