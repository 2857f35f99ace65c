"""Options of `clostorus train` that say how a torus trains."""

from typing import Annotated

import typer

__all__ = ["Batch", "Checks", "Freeze", "Loss", "Momentum", "Rate", "SaveEvery", "Stale"]

Batch = Annotated[
    int | None, typer.Option(min=1, help="Samples a step, on a torus [default: 1].")
]
Momentum = Annotated[int | None, typer.Option(metavar="N", help="1 - 2**-N, on a torus.")]
Rate = Annotated[
    float | None,
    typer.Option(
        "--lr", help="Learning rate of the first epoch, on a torus; it falls to 0 linearly "
        "[default: 0.03].",
    ),
]
Loss = Annotated[
    str | None,
    typer.Option(metavar="cross-entropy|mse|squared-error", help="On a torus [cross-entropy]."),
]
Freeze = Annotated[
    list[int] | None,
    typer.Option(metavar="LAYER", help="A layer that does not change, from 0; repeat."),
]
Stale = Annotated[
    bool,
    typer.Option(
        "--stale",
        help="Stale by one, on a torus: a sample goes forwards beside the way back of the one "
        "before. Faster at batch 1, and another algorithm.",
    ),
]
SaveEvery = Annotated[
    int | None,
    typer.Option(min=1, metavar="STEPS", help="Save within epochs, too; on a torus."),
]
Checks = Annotated[
    int,
    typer.Option(
        min=0,
        max=1,
        metavar="LEVEL",
        help="1: the torus finds flipped bits in its memories and links, and the training goes "
        "back to the last state before them; sim only (docs/faults.md).",
    ),
]
