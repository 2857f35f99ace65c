"""Arguments of programs that are no command of `clostorus`."""

import argparse
from typing import NoReturn

from sw_driver.errors import DriverError

__all__ = ["LineParser"]


class LineParser(argparse.ArgumentParser):
    """Refuses arguments by one line, as a `DriverError`."""

    def error(self, message: str) -> NoReturn:
        """Refuse them."""
        raise DriverError(f"{message}; see --help")
