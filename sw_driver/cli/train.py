"""`clostorus train`: a classifier, in floating point or in fixed point on a torus."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sw_driver.cli.data_options import (
    Label,
    SplitSeed,
    Standardise,
    TestData,
    TestFraction,
    TrainingData,
    make_source,
)
from sw_driver.cli.given_net import From, Reduction, check_from, net_files
from sw_driver.cli.layer_option import Layer, parse_layer
from sw_driver.cli.options import (
    Baud,
    Engine,
    Json,
    LanesOut,
    Port,
    Quiet,
    checked_engine,
    checked_port,
    make_output,
)
from sw_driver.cli.train_options import (
    Batch,
    Checks,
    Freeze,
    Loss,
    Momentum,
    Rate,
    SaveEvery,
    Stale,
)
from sw_driver.cli.written import say_trained

if TYPE_CHECKING:
    from golden.data.source import Source
    from golden.layers.dense import LayerShape
    from sw_driver.system.console import Output

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "clostorus train -o model.pt",
    "clostorus train --data mnist10k --layer 784,128,28,9,16 --layer 128,10,16,9,5 -o mnist.pt",
    "clostorus train --from net.onnx --reduction 5.5 --data digits -o model.pt",
    "clostorus train --epochs 80 --resume -o model.pt",
    "clostorus train --device sim --torus 2x2 --lanes-out 4 --epochs 2 -o model.pt",
    "clostorus train --device golden --batch 4 --momentum 3 --lr 0.02 -o model.pt",
    "clostorus train --device sim --resume -o model.pt",
    "clostorus train --device sim --torus 2x2 --checks 1 --save-every 500 -o model.pt",
    "clostorus train --device serial --port /dev/ttyUSB0 --torus 2x2 -o model.pt",
)
_MOST_SEED = (1 << 63) - 1  # What PyTorch's generators take.
_TORCH = "torch"
_TORUS_DEVICES = ("golden", "sim", "serial")

_Device = Annotated[
    str,
    typer.Option(
        metavar="torch|golden|sim|serial",
        help="Floating point; the integer model of a torus; its RTL in Verilator; or a board.",
    ),
]
_Seed = Annotated[
    int | None,
    typer.Option(min=0, max=_MOST_SEED, help="Of first weights and sample order [default: 0]."),
]
_Torus = Annotated[
    str | None,
    typer.Option(metavar="RxC", help="The torus that trains, golden too [default: 4x4]."),
]
_Compare = Annotated[
    bool,
    typer.Option(
        "--compare",
        help="Hold all memories against the golden model after every step; sim only, slow.",
    ),
]


@dataclasses.dataclass(frozen=True)
class _Wanted:
    """What the command line asks for; `options` are fields of a recipe that it names."""

    output: Path
    device: str
    data: "Source | None"
    layers: tuple[str, ...]
    start: Path | None
    reduction: float | None
    torus: str | None
    options: Mapping[str, Any]
    save_every: int | None
    checks: int
    port: tuple[str, int] | None
    compare: bool
    resume: bool
    engine: str


def command(
    ctx: typer.Context,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the model goes.")],
    device: _Device = _TORCH,
    engine: Engine = None,
    data: TrainingData = None,
    label: Label = None,
    test_data: TestData = None,
    test_fraction: TestFraction = None,
    split_seed: SplitSeed = None,
    standardise: Standardise = False,
    layer: Layer = None,
    start: From = None,
    reduction: Reduction = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs in all.")] = None,
    seed: _Seed = None,
    torus: _Torus = None,
    lanes_out: LanesOut = None,
    batch: Batch = None,
    momentum: Momentum = None,
    rate: Rate = None,
    loss: Loss = None,
    freeze: Freeze = None,
    stale: Stale = False,
    save_every: SaveEvery = None,
    checks: Checks = 0,
    port: Port = None,
    baud: Baud = None,
    compare: _Compare = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the output file.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a classifier in floating point, or in fixed point on a torus.

    A Clos layer is I,O,Ri,Rm,Ro: inputs, outputs, and the routers of its three stages. A dense
    layer is I,O. Between layers there is a ReLU. Without --layer, digits get 64,64,8,8,8 and
    64,10,8,8,5. The model is saved after every epoch, so a training that was stopped can go on with
    --resume: with the options that it began with, if none are given, and on the golden device where
    the RTL stopped, or the other way round.
    """
    from sw_driver.errors import DriverError

    out = make_output(ctx, json, quiet)
    given = {
        "loss": loss,
        "batch_size": batch,
        "momentum": momentum,
        "frozen": tuple(freeze) if freeze else None,
        "learning_rate": rate,
        "epochs": epochs,
        "seed": seed,
        "lanes_out": lanes_out,
        "stale": stale or None,
    }
    options = {name: value for name, value in given.items() if value is not None}
    if compare and device != "sim":
        raise DriverError(f"compare needs --device sim, not {device}")
    if compare and stale:
        raise DriverError("compare and stale must not be given together: samples overlap")
    if checks and device != "sim":
        raise DriverError(f"checks needs --device sim, not {device}, which goes back to no state")
    serial_port = checked_port(device, port, baud)
    source = make_source(
        data, label, test_fraction, split_seed, test_data=test_data, standardise=standardise
    )
    wanted = _Wanted(
        output, device, source, tuple(layer or ()), start, reduction, torus, options, save_every,
        checks, serial_port, compare, resume, checked_engine(device, engine),
    )  # fmt: skip
    shapes = _check(wanted)
    _train(out, wanted, shapes)


def _check(wanted: _Wanted) -> "list[LayerShape]":
    """Refuse what is wrong with the command line, before PyTorch is imported; read the layers."""
    from sw_driver.errors import DriverError
    from sw_driver.files.data_files import source_files
    from sw_driver.files.kinds import check_model_file
    from sw_driver.system.files import check_outputs
    from sw_driver.torus import parse_torus
    from sw_driver.train.recipe import Recipe

    start = wanted.start
    inputs = {**source_files(wanted.data), "--from": () if start is None else (start,)}
    check_outputs({"--output": wanted.output}, inputs)
    check_from(start, wanted.reduction, resume=wanted.resume, layers=bool(wanted.layers))
    if wanted.device == _TORCH:
        given = [name for name in wanted.options if name not in ("epochs", "seed")]
        given += [] if wanted.torus is None else ["torus"]
        given += [] if wanted.save_every is None else ["save_every"]
        if given:
            raise DriverError(f"{given[0]} needs --device golden, sim or serial, not {_TORCH}")
    elif wanted.device not in _TORUS_DEVICES:
        raise DriverError(
            f"device must be {_TORCH}, golden, sim or serial, not {wanted.device!r}"
        )
    elif not wanted.resume:
        Recipe(**wanted.options)
    if wanted.torus is not None:
        parse_torus(wanted.torus)
    if wanted.resume:
        check_model_file(wanted.output)
    shapes = [parse_layer(text) for text in wanted.layers]
    if wanted.data is not None:
        wanted.data.check()
        if not wanted.resume and start is None:
            wanted.data.check_label()
    if start is not None:
        check_outputs({"--output": wanted.output}, {"--from": net_files(start)})
    return shapes


def _train(out: "Output", wanted: _Wanted, shapes: "list[LayerShape]") -> None:
    """Train where it is asked for."""
    import torch

    torch.set_num_threads(1)  # The weights depend on the number, and the blocks are small.
    output, data, resume, start = wanted.output, wanted.data, wanted.resume, None
    if wanted.start is not None:
        from sw_driver.train.start import load_start

        start = load_start(wanted.start, wanted.reduction)
    if wanted.device == _TORCH:
        _train_float(out, output, data, shapes, **wanted.options, start=start, resume=resume)
        return
    from sw_driver.cli.train_fixed import train_on_device

    train_on_device(
        out,
        output,
        data,
        shapes,
        wanted.device,
        start=start,
        torus=wanted.torus,
        options=wanted.options,
        resume=resume,
        save_every=wanted.save_every,
        checks=wanted.checks,
        compare=wanted.compare,
        port=wanted.port,
        engine=wanted.engine,
    )


def _train_float(
    out: "Output", output: Path, data: "Source | None", shapes: "list[LayerShape]", **options: Any
) -> None:
    from sw_driver.files.report import percent
    from sw_driver.train.model_file import train_model

    def progress(tell: Callable[[str, int, int], None]) -> Callable[[Any, int], None]:
        return lambda stats, total: tell(
            f"train: test accuracy {percent(stats.test_accuracy)}", stats.epoch, total
        )

    with out.progress() as tell:
        trained = train_model(output, data, shapes, progress=progress(tell), **options)
    stats = trained.stats
    layers = trained.model.shapes
    parameters = trained.model.weight_count
    figures = {} if stats is None else dataclasses.asdict(stats)
    out.facts(
        f"{output}, trained on {trained.data}",
        [
            ("layers", ", ".join(map(str, layers))),
            ("parameters", str(parameters)),
            ("epochs", str(trained.epochs)),
            *((f"test accuracy {name}", percent(part)) for name, part in trained.before),
            *(
                (name.replace("_", " "), percent(value))
                for name, value in figures.items()
                if name.endswith("accuracy")
            ),
        ],
    )
    say_trained(out, output, data, trained.epochs, trained=stats is not None)
    out.result(
        {
            "model": str(output),
            "layers": [list(shape.as_tuple()) for shape in layers],
            "parameters": parameters,
            **figures,
            "before": dict(trained.before),
            "epochs": trained.epochs,
        }
    )
