"""Arguments of programs that are no command of `clostorus`."""

import argparse
from typing import NoReturn

from sw_driver.errors import DriverError

__all__ = ["LineParser", "whole_number"]


class LineParser(argparse.ArgumentParser):
    """Refuses arguments by one line, as a `DriverError`."""

    def error(self, message: str) -> NoReturn:
        """Refuse them."""
        raise DriverError(f"{message}; see --help")


def whole_number(option: str, text: str, least: int, most: int) -> int:
    """Read the value of an option, such as "--size", as a whole number.

    Raises
    ------
    DriverError
        It is none, or not from `least` to `most`.
    """
    # The cut spares numbers of more digits than `int` takes; no option goes that far.
    if not (text.isascii() and text.isdigit() and least <= int(text[:20]) <= most):
        raise DriverError(f"{option} must be a whole number from {least} to {most}, not {text!r}")
    return int(text)
