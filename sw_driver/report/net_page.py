"""All sections of a net, in order."""

from collections.abc import Callable

from sw_driver.compiled import Compiled
from sw_driver.predict.steady_tracks import MOST_PIECES, steady_stretch
from sw_driver.predict.use import steady_use
from sw_driver.report.cycles import cycles_section
from sw_driver.report.energy import energy_section
from sw_driver.report.heat import heat_section
from sw_driver.report.net import net_section
from sw_driver.report.page import Section
from sw_driver.report.placement import placement_section
from sw_driver.report.summary import torus_section
from sw_driver.report.timeline import timeline_section

__all__ = ["net_sections"]

_STEPS = 4


def net_sections(
    compiled: Compiled,
    precision: Section,
    tell: Callable[[str, int, int], object],
    most_pieces: int = MOST_PIECES,
) -> list[Section]:
    """Make the sections of a compiled net.

    Parameters
    ----------
    compiled
        A net for inference.
    precision
        That of its samples, which takes its place among the others.
    tell
        Told of each step.
    most_pieces
        How much detail the timeline may have: see `steady_stretch`.
    """
    tell("report: cycles", 0, _STEPS)
    cycles = cycles_section(compiled)
    tell("report: use of MACs and links", 1, _STEPS)
    use = steady_use(compiled)
    tell("report: timeline", 2, _STEPS)
    stretch = steady_stretch(compiled, most_pieces=most_pieces)
    tell("report: pictures", 3, _STEPS)
    found = [
        net_section(compiled),
        placement_section(compiled),
        heat_section(compiled, use),
        timeline_section(compiled, stretch),
        cycles,
        precision,
        energy_section(compiled),
        torus_section(compiled),
    ]
    tell("report: pictures", _STEPS, _STEPS)
    return found
