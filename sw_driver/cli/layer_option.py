"""`--layer I,O,Ri,Rm,Ro` or `--layer I,O`: a Clos or a dense layer on the command line."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from golden.layers.dense import LayerShape

__all__ = ["Layer", "parse_layer"]

Layer = Annotated[
    list[str] | None,
    typer.Option(
        metavar="I,O,Ri,Rm,Ro",
        help="A Clos layer, or I,O for a dense one; repeat for more, in order.",
    ),
]
_LETTERS = {
    "in_features": "I",
    "out_features": "O",
    "input_routers": "Ri",
    "middle_routers": "Rm",
    "output_routers": "Ro",
}


def parse_layer(text: str) -> "LayerShape":
    """Read a layer; what is wrong with it is said of the five numbers as --help calls them.

    Raises
    ------
    GoldenError, DriverError
        If the text is no layer.
    """
    from golden import GoldenError
    from golden.layers.dense import parse_shape
    from sw_driver.errors import DriverError

    try:
        return parse_shape(text)
    except GoldenError as error:
        reason = str(error)
        if reason.startswith("a layer must"):
            raise
        for name, letter in _LETTERS.items():
            reason = reason.replace(name, letter)
        raise DriverError(f"layer {text}: {reason}") from error
