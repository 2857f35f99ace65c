"""Options about the widths of a torus and its lanes; those of words may be searched for."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Annotated, Any

import typer

__all__ = ["HostBits", "Loss", "Widths", "WeightBits", "WordBits", "read_widths"]

_AUTO = "auto"
_DEFAULT_LOSS = 0.01

WordBits = Annotated[
    str | None,
    typer.Option(
        metavar="BITS|auto",
        help="Bits of an activation, and of a weight unless given: 4 to 18; or auto, the narrowest "
        "that keep to --loss [default: 16].",
    ),
]
Loss = Annotated[
    float | None,
    typer.Option(
        help="Of --word-bits auto: the accuracy that may be lost on the training samples of "
        "--data; of data without classes, the part of them whose class may change; of a single "
        "output, its mean error as a part of its range [default: 0.01]."
    ),
]
WeightBits = Annotated[int | None, typer.Option(help="Bits of a weight: 4 to 18.")]
HostBits = Annotated[
    int | None, typer.Option(help="Bits of a host beat: 32, 64, 128, 256 [default: 64].")
]


@dataclasses.dataclass(frozen=True)
class Widths:
    """The widths and lanes that the command line names.

    Parameters
    ----------
    given
        By the names of the compiler.
    loss
        Most that the narrowest words, to be searched for, may lose; None if there is no search.
    """

    given: Mapping[str, Any]
    loss: float | None

    @property
    def named(self) -> bool:
        """Whether the command line says anything about widths."""
        return bool(self.given) or self.loss is not None


def read_widths(
    word_bits: str | None,
    weight_bits: int | None,
    host_bits: int | None,
    loss: float | None,
    lanes: dict[str, int],
    checks: int = 0,
) -> Widths:
    """Read the options about widths; whether a torus has such is checked elsewhere.

    `lanes` are those that the command line names; `checks` is an option of the torus, too.

    Raises
    ------
    DriverError
        If --word-bits is no number nor auto, or an option does not go with it.
    """
    from sw_driver.errors import DriverError

    if checks:
        lanes = {**lanes, "checks": checks}
    if word_bits == _AUTO:
        most = _DEFAULT_LOSS if loss is None else loss
        if not 0 <= most < 1:
            raise DriverError(f"loss must be at least 0 and below 1, not {most:g}")
        if weight_bits is not None:
            raise DriverError(
                f"weight-bits must be left out with --word-bits auto, which finds words for "
                f"activations and weights alike, not {weight_bits}"
            )
        return Widths(({} if host_bits is None else {"host_bits": host_bits}) | lanes, most)
    if loss is not None:
        raise DriverError(
            f"loss needs --word-bits auto, not {word_bits or 'the default of 16 bits'}"
        )
    if word_bits is None:
        bits = None
    elif re.fullmatch(r"[+-]?[0-9]{1,40}", word_bits):
        bits = int(word_bits)
    else:
        raise DriverError(
            f"word-bits must be a whole number of 4 to 18 or auto, not {word_bits!r}"
        )
    both = bits if weight_bits is None else weight_bits
    given = {"act_bits": bits, "weight_bits": both, "host_bits": host_bits}
    return Widths({name: bits for name, bits in given.items() if bits is not None} | lanes, None)
