"""Options of `compile` alone."""

from pathlib import Path
from typing import Annotated

import typer

from sw_driver.cli.data_options import FORMS

__all__ = ["Bake", "Checks", "Data", "Export", "Order", "Samples", "Weights"]

Data = Annotated[
    str | None,
    typer.Option(
        metavar=FORMS,
        help="What sets the scales: data as for train, or a .npy file of inputs [N, I] or images "
        "[N, I, H, W]; classes are not needed "
        "[default: the data that the model was trained on].",
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.pt",
        help="With FILE.py:FUNCTION: its weights, as torch.save(model.state_dict(), FILE) writes.",
    ),
]
Order = Annotated[
    str, typer.Option(metavar="best|program", help="Of ops: fastest, or sample by sample.")
]
Bake = Annotated[
    bool, typer.Option("--bake", help="The torus starts with the weights in its memories.")
]
Checks = Annotated[
    int,
    typer.Option(
        min=0,
        max=3,
        metavar="LEVEL",
        help="The torus finds flipped bits: 1: in its memories and links; 2: in its arithmetic, "
        "too; 3: in all registers (docs/faults.md).",
    ),
]
Export = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Write weights and schedule there too, and a testbench with samples of --data.",
    ),
]
Samples = Annotated[
    int | None,
    typer.Option(min=1, max=65_536, help="With --export: of its testbench, so many [default: 16]."),
]
