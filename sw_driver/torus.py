"""How users name a torus, and an order of its ops. Nothing slow is imported here."""

import re

from hw.config import ConfigError, TorusConfig
from sw_driver.errors import DriverError

__all__ = ["ORDERS", "check_order", "parse_torus"]

ORDERS = ("best", "program")


def parse_torus(torus: str | tuple[int, int]) -> tuple[int, int]:
    """Read "RxC", for instance "4x4", or (R, C): rows and columns, 1 to 64 each.

    Raises
    ------
    DriverError
        If it is anything else.
    """
    text = "x".join(map(str, torus)) if isinstance(torus, tuple | list) else torus
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DriverError(f"torus must be ROWSxCOLUMNS, for instance 4x4, not {torus!r}")
    match = re.fullmatch(r"\s*(\d{1,3})\s*[xX]\s*(\d{1,3})\s*", text)
    if match is None:
        raise DriverError(f"torus must be ROWSxCOLUMNS, for instance 4x4, not {torus!r}")
    rows, cols = int(match[1]), int(match[2])
    try:
        TorusConfig(rows=rows, cols=cols)
    except ConfigError as error:
        raise DriverError(f"torus {text}: {error}") from error
    return rows, cols


def check_order(order: str) -> None:
    """Refuse what is none of `ORDERS`.

    Raises
    ------
    DriverError
        If so.
    """
    if order not in ORDERS:
        raise DriverError(f"order must be one of {', '.join(ORDERS)}, not {order!r}")
