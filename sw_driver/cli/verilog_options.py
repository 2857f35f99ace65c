"""Options of `verilog` alone."""

from pathlib import Path
from typing import Annotated

import typer

from sw_driver.cli.data_options import FORMS

__all__ = [
    "Bake",
    "Cells",
    "Cocotb",
    "ConfigFrom",
    "Data",
    "Fold",
    "Models",
    "Samples",
    "Split",
    "Top",
    "Torus",
    "Train",
    "Waivers",
]

Torus = Annotated[
    str | None, typer.Option(metavar="RxC", help="Size of a torus with default memories.")
]
Top = Annotated[
    str,
    typer.Option(
        metavar="torus|pe|inference-router|training-router|axi|wishbone|board", help="Top module."
    ),
]
Train = Annotated[
    bool, typer.Option("--train", help="With --torus: one that trains, with default widths.")
]
Bake = Annotated[
    Path | None,
    typer.Option(metavar="ARTIFACT", help="Put its weights into the torus's memories."),
]
Fold = Annotated[
    bool, typer.Option("--fold", help="With --bake: as logic, which cannot be loaded.")
]
ConfigFrom = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The torus of a compiled model, or of a model file that was trained on a torus.",
    ),
]
Cells = Annotated[
    str,
    typer.Option(
        metavar="generic|ecp5",
        help="What memories, multipliers, accumulators and a board's reset are: plain Verilog, "
        "or a vendor's cells.",
    ),
]
Split = Annotated[
    bool,
    typer.Option(
        "--split",
        help="OUTPUT is a folder: sources, a file list, .mem files, .sdc, .core, and what "
        "--waivers and --models write.",
    ),
]
Waivers = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Where the warnings of Verilator that are accepted go (.vlt)."
    ),
]
Models = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="With --cells: where models of the cells go, for simulators."
    ),
]
Cocotb = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="With --config-from or --bake: write a cocotb test of the torus there, with samples "
        "and the golden model's outputs.",
    ),
]
Data = Annotated[
    str | None,
    typer.Option(
        metavar=FORMS,
        help="With --cocotb: the data whose training samples are run [default: those that the "
        "model was made from].",
    ),
]
Samples = Annotated[
    int | None,
    typer.Option(min=1, max=65_536, help="With --cocotb: how many of them [default: 16]."),
]
