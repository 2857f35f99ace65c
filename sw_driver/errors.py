"""Errors that a user of `sw_driver` can cause and mend; each names the field and the value."""

from golden.errors import one_line

__all__ = [
    "DriverError",
    "FaultError",
    "FitError",
    "HostDataError",
    "LinkError",
    "MissingError",
    "ProgramError",
    "StorageError",
    "WorkerLost",
]


class DriverError(ValueError):
    """Any input that `sw_driver` refuses; its message is one line."""

    exit_status = 2

    def __str__(self) -> str:
        """Return the message."""
        return one_line(super().__str__())


class FaultError(DriverError):
    """A torus with `checks` has found a word whose parity is wrong; the message says where.

    Attributes
    ----------
    what
        The first part of the message: which parity failed.
    """

    exit_status = 1

    @property
    def what(self) -> str:
        """The first part of the message: which parity failed."""
        return str(self).partition(": ")[0]


class FitError(DriverError):
    """A net that the given torus cannot hold."""


class ProgramError(DriverError):
    """A program that would lock up, overwrite words in use, or does not fit its memory."""


class HostDataError(DriverError):
    """Words to or from the host that are not what the program says."""


class LinkError(DriverError):
    """A serial port, or a board behind one, that is not there, not free or not the right one."""


class MissingError(DriverError, AttributeError):
    """What an object does not have now, such as the state of a net that does not train.

    As an `AttributeError`, too, it leaves `hasattr`, `getattr` with a default and
    `inspect.getmembers` what they are.
    """


class StorageError(DriverError):
    """A folder that cannot be written to, or a disk that is full."""


class WorkerLost(DriverError):
    """Processes or machines that work for this one are gone, and some of the work with them."""
