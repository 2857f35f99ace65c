"""Options that say what data a command reads."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from golden.data.source import Source

__all__ = [
    "FORMS",
    "Label",
    "SplitSeed",
    "Standardise",
    "TestData",
    "TestFraction",
    "TrainingData",
    "make_source",
]

FORMS = "digits|mnist10k|DIR|FILE"
TrainingData = Annotated[
    str | None,
    typer.Option(
        metavar=FORMS,
        help="The data: a name, IDX files or images in a folder, .csv, .parquet, .npz or "
        "x.npy,y.npy [default: digits; with --resume, what the training began with].",
    ),
]
Label = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The column, or the array of a .npz, that has the classes "
        "[default: that of the training].",
    ),
]
TestData = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Data of the same kind, to test with after every epoch."),
]
TestFraction = Annotated[
    float | None,
    typer.Option(metavar="PART", help="Part of the samples of --data, 0 to 1, kept for testing."),
]
SplitSeed = Annotated[
    int | None, typer.Option(metavar="N", help="Chooses those samples [default: 0].")
]
Standardise = Annotated[
    bool,
    typer.Option(
        "--standardise",
        help="Give each input a mean of 0 and a deviation of 1, here and in compile and run.",
    ),
]


def make_source(
    data: str | None,
    label: str | None,
    test_fraction: float | None,
    split_seed: int | None,
    *,
    test_data: str | None = None,
    standardise: bool = False,
) -> "Source | None":
    """Return the data that the options name, or None if they name none.

    Raises
    ------
    DriverError, GoldenError
        If the options do not go together, a file is not there, or one plainly is not what it must
        be.
    """
    from sw_driver.errors import DriverError

    given = {
        "label": label,
        "test_data": test_data,
        "test_fraction": test_fraction,
        "split_seed": split_seed,
        "standardise": standardise or None,
    }
    if data is None:
        for name, value in given.items():
            if value is not None:
                raise DriverError(f"{name} needs --data")
        return None
    from golden.data.source import Source

    return Source(data, label, test_data, test_fraction, split_seed, standardise)
