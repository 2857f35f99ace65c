"""How users name a torus, and an order of its ops. Nothing slow is imported here."""

import contextlib
import dataclasses
import itertools
import re
from collections.abc import Mapping

from hw.config import ConfigError, TorusConfig, TrainingConfig
from hw.lane_sizes import LANES_IN, LANES_OUT
from hw.link_sizes import LINK_WORDS
from sw_driver.errors import DriverError

__all__ = [
    "ORDERS",
    "check_inference_alone",
    "check_infers",
    "check_lanes_in",
    "check_link_words",
    "check_order",
    "given_torus",
    "other_lanes",
    "parse_torus",
]

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


def given_torus(
    torus: str | tuple[int, int] | TorusConfig,
    act_bits: int,
    weight_bits: int,
    host_bits: int,
    training: Mapping[str, int] | None = None,
    *,
    lanes_in: int = 1,
    lanes_out: int = 1,
    link_words: int = 1,
    checks: int = 0,
) -> TorusConfig:
    """Return the configuration that a user gave, or a new one of a size, widths and lanes.

    `training` has the fields of a `TrainingConfig`, for a torus that trains.

    Raises
    ------
    DriverError
        If the size is none, or a width is out of range.
    """
    if isinstance(torus, TorusConfig):
        return torus
    rows, cols = parse_torus(torus)
    try:
        return TorusConfig(
            rows=rows,
            cols=cols,
            act_bits=act_bits,
            weight_bits=weight_bits,
            host_bits=host_bits,
            lanes_in=lanes_in,
            lanes_out=lanes_out,
            link_words=link_words,
            checks=checks,
            training=None if training is None else TrainingConfig(**training),
        )
    except ConfigError as error:
        raise DriverError(str(error)) from error


def check_infers(config: TorusConfig) -> None:
    """Refuse a torus that trains for a net that does not: its memories hold other records.

    Raises
    ------
    DriverError
        If so.
    """
    if config.training is not None:
        raise DriverError(
            "torus must be one for inference, since the net is not trained on it: its "
            "configuration must have no training part"
        )


def check_inference_alone(lanes_in: int, link_words: int) -> None:
    """Refuse what a torus that trains cannot have.

    Raises
    ------
    DriverError
        It names what is given.
    """
    check_lanes_in(lanes_in)
    check_link_words(link_words)


def check_lanes_in(lanes_in: int) -> None:
    """Refuse several words of a sum a cycle for a net that trains.

    Raises
    ------
    DriverError
        If so.
    """
    if lanes_in != 1:
        raise DriverError(
            f"lanes_in must be 1 for a net that trains, not {lanes_in!r}: gradients go back a "
            "word at a time; leave it out, or compile the trained net"
        )


def check_link_words(link_words: int) -> None:
    """Refuse links that move several words at once for a net that trains.

    Raises
    ------
    DriverError
        If so.
    """
    if link_words != 1:
        raise DriverError(
            f"link_words must be 1 for a net that trains, not {link_words!r}: gradients go back a "
            "word at a time; leave it out, or compile the trained net"
        )


def other_lanes(config: TorusConfig, hardware_id: int) -> str:
    """Say that a torus differs from a configuration in its lanes or its links.

    It says nothing if that is not known.
    """
    for lanes_in, lanes_out, moved in itertools.product(LANES_IN, LANES_OUT, LINK_WORDS):
        with contextlib.suppress(ConfigError):
            other = dataclasses.replace(
                config, lanes_in=lanes_in, lanes_out=lanes_out, link_words=moved
            )
            if other.hardware_id != hardware_id:
                continue
            said = ""
            if (lanes_in, lanes_out) != (config.lanes_in, config.lanes_out):
                said = (
                    f", whose MACs have lanes_in = {lanes_in} and lanes_out = {lanes_out} "
                    f"where the net needs {config.lanes_in} and {config.lanes_out}"
                )
            if moved != config.link_words:
                said += (
                    f", whose links have link_words = {moved} where the net needs "
                    f"{config.link_words}"
                )
            return said
    return ""


def check_order(order: object) -> None:
    """Refuse what is none of `ORDERS`.

    Raises
    ------
    DriverError
        If so.
    """
    if not isinstance(order, str) or order not in ORDERS:
        raise DriverError(f"order must be one of {', '.join(ORDERS)}, not {order!r}")
