"""What the check says of a broken program, and what becomes of the program."""

from hw.op_fields import gateway_fields, pe_fields
from sw_driver.check.event_graph import EventGraph
from sw_driver.check.hazards import check_hazards
from sw_driver.check.waits import program_waits
from sw_driver.errors import ProgramError
from sw_driver.program.image import unpack_image
from sw_driver.program.program import Program

__all__ = ["ACCEPTED", "UNPACKED", "WAITS", "WORDS", "verdict"]

UNPACKED, WAITS, WORDS, ACCEPTED = "does not fit", "waits", "words", "accepted"
"""A field or memory is too small; refused for its waits or counts; refused for words that may be
used too early, or for counters too narrow; accepted."""


def verdict(sound, broken):
    """Return one of the four, and the program as a host sends it (None if it does not fit).

    Parameters
    ----------
    sound, broken
        A `cases.Sound`, and what `breaks.broken` made of it.
    """
    config = sound.config
    try:
        program = Program.build(config, tuple(broken.queues))
    except ProgramError:
        return UNPACKED, None
    try:
        waits = program_waits(config, unpack_image(config, pe_fields(config), program.pe_image),
                              unpack_image(config, gateway_fields(config), program.gateway_image),
                              broken.host)
        sure, all_waits = EventGraph(), EventGraph()
        for first, second in waits.sure:
            sure.add_edge(first, second)
            all_waits.add_edge(first, second)
        for first, second in waits.further:
            all_waits.add_edge(first, second)
        all_waits.in_order()
    except ProgramError:
        return WAITS, program
    try:
        check_hazards(config, sure.ordering(), waits.rings, waits.macs)
    except ProgramError:
        return WORDS, program
    return ACCEPTED, program
