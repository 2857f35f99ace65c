"""The registers of a torus on a bus: their offsets in bytes, and the bits of those that have some.

All are words of 32 bits. docs/buses.md describes them for whoever writes a driver.
"""

import enum

__all__ = ["ADDRESS_BITS", "REGISTER_VERSION", "Register", "Source", "Status"]

ADDRESS_BITS = 7
"""Width of an address in bytes: what lies beyond the registers below answers an error."""
REGISTER_VERSION = 1
"""What VERSION reads."""


class Register(enum.IntEnum):
    """Offsets in bytes."""

    ID_LOW = 0x00
    ID_HIGH = 0x04
    VERSION = 0x08
    CONFIG = 0x0C
    STATUS = 0x10
    ERROR = 0x14
    CONTROL = 0x18
    INTERRUPT_ENABLE = 0x1C
    WORDS_IN = 0x20
    WORDS_OUT = 0x24
    CYCLES_LOW = 0x28
    CYCLES_HIGH = 0x2C
    LAST_BEATS = 0x30  # Only where there is a `last`.
    FAULT_UNIT = 0x34  # These two only where the torus has `checks`.
    FAULT = 0x38
    DATA = 0x40        # Only where the beats themselves pass through a register.


class Status(enum.IntEnum):
    """Bits of STATUS."""

    RUNNING = 0
    IN_WAITS = 1
    OUT_WAITS = 2
    FAULTY = 3         # Only where the torus has `checks`.


class Source(enum.IntEnum):
    """Bits of INTERRUPT_ENABLE: what may raise the interrupt, each as long as it holds."""

    OUT_WAITS = 0
    ERROR = 1
    NOT_RUNNING = 2
