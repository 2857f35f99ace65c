"""`clostorus train`: a ClosNet classifier in floating point."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from sw_driver.cli.options import Data, Json, Quiet, make_output

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "clostorus train -o model.pt",
    "clostorus train --data mnist10k --layer 784,128,28,9,16 --layer 128,10,16,9,5 -o mnist.pt",
    "clostorus train --epochs 80 --resume -o model.pt",
)
_MOST_SEED = (1 << 63) - 1  # What PyTorch's generators take.


def command(
    ctx: typer.Context,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the model goes.")],
    data: Data = "digits",
    layer: Annotated[
        list[str] | None,
        typer.Option(metavar="I,O,Ri,Rm,Ro", help="A Clos layer; repeat for more, in order."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs in all.")] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=_MOST_SEED, help="Of first weights and sample order.")
    ] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the output file.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a ClosNet classifier in floating point.

    A layer is (I, O, Ri, Rm, Ro): inputs, outputs, and the routers of its three stages. Between
    layers there is a ReLU. Without --layer, digits get 64,64,8,8,8 and 64,10,8,8,5. The model is
    saved after every epoch, so a training that was stopped can go on with --resume.
    """
    import torch

    from golden import ClosShape
    from sw_driver.report import percent
    from sw_driver.training import train_model

    out = make_output(ctx, json, quiet)
    torch.set_num_threads(1)  # The weights depend on the number, and the blocks are small.
    shapes = [ClosShape.parse(text) for text in layer or []]
    with out.progress() as tell:
        trained = train_model(
            output,
            data,
            shapes,
            epochs=epochs,
            seed=seed,
            resume=resume,
            progress=lambda stats, total: tell(
                f"train: test accuracy {percent(stats.test_accuracy)}", stats.epoch, total
            ),
        )
    shapes, stats = trained.model.shapes, trained.stats
    parameters = sum(shape.parameters for shape in shapes)
    figures = {} if stats is None else dataclasses.asdict(stats)
    out.facts(
        f"{output}, trained on {trained.data}",
        [
            ("layers", ", ".join(map(str, shapes))),
            ("parameters", str(parameters)),
            ("epochs", str(trained.epochs)),
            *(
                (name.replace("_", " "), percent(value))
                for name, value in figures.items()
                if name.endswith("accuracy")
            ),
        ],
    )
    out.result(
        {
            "model": str(output),
            "layers": [list(shape.as_tuple()) for shape in shapes],
            "parameters": parameters,
            **figures,
            "epochs": trained.epochs,
        }
    )
