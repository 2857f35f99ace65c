"""The command `clostorus`: train, compile, run, verilog, info.

Every command imports what it needs when it runs, so that help comes at once. Exit status: 0 done,
1 output words differ or the simulation failed, 2 bad input, 3 a tool is missing, 130 stopped by the
user.
"""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from sw_driver.console import Output

__all__ = ["app", "main"]

DIFFERENT, BAD_INPUT, TOOL_MISSING, STOPPED = 1, 2, 3, 130
_MOST_SEED = (1 << 63) - 1  # What PyTorch's generators take.


class _Commands(TyperGroup):
    """Turns what commands raise into one line and an exit status."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except KeyboardInterrupt:
            raise _failed("stopped", STOPPED) from None
        except (ValueError, RuntimeError) as error:
            status = _status(error)
            if status is None:
                raise
            raise _failed(str(error), status) from error


def _status(error: Exception) -> int | None:
    """The exit status of an error that users can cause; None of any other."""
    from golden.errors import GoldenError
    from hw.config import ConfigError
    from sim.errors import SimError, ToolMissing
    from sw_driver.errors import DriverError

    if isinstance(error, ToolMissing):
        return TOOL_MISSING
    if isinstance(error, SimError):
        return DIFFERENT
    return BAD_INPUT if isinstance(error, DriverError | GoldenError | ConfigError) else None


def _failed(message: str, status: int) -> typer.Exit:
    typer.echo(f"clostorus: {message}", err=True)
    return typer.Exit(status)


def _examples(*lines: str) -> str:
    """The last part of a help text, its lines kept as they are."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


app = typer.Typer(
    cls=_Commands,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, and no tables.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print no tables and no progress.")]
Data = Annotated[
    str,
    typer.Option(metavar="digits|mnist10k|DIR", help="The dataset; DIR holds MNIST's four files."),
]
Torus = Annotated[str, typer.Option(metavar="RxC", help="Rows and columns of the torus: 4x4.")]


@app.callback(
    epilog=_examples(
        "clostorus train -o model.pt",
        "clostorus compile model.pt --torus 4x4 -o model.ctz",
        "clostorus run model.ctz --device sim",
    ),
)
def _global(ctx: typer.Context, json: Json = False, quiet: Quiet = False) -> None:  # pyright: ignore[reportUnusedFunction]
    """Train sparse ClosNets and run them on a torus accelerator, bit for bit."""
    ctx.obj = json, quiet


def _output(ctx: typer.Context, json: bool, quiet: bool) -> Output:
    """The options --json and --quiet may stand before or after the command."""
    json_before, quiet_before = ctx.obj
    return Output(as_json=json or json_before, quiet=quiet or quiet_before)


@app.command(
    epilog=_examples(
        "clostorus train -o model.pt",
        "clostorus train --data mnist10k --layer 784,128,28,9,16 --layer 128,10,16,9,5 -o mnist.pt",
        "clostorus train --epochs 80 --resume -o model.pt",
    ),
)
def train(
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

    out = _output(ctx, json, quiet)
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


@app.command(
    "compile",
    epilog=_examples(
        "clostorus compile model.pt --torus 4x4 -o model.ctz",
        "clostorus compile model.pt --torus 2x8 --word-bits 12 --weight-bits 8 -o small.ctz",
        "clostorus compile mnist.pt --data mnist10k --torus 8x8 --export mnist -o mnist.ctz",
    ),
)
def compile_command(
    ctx: typer.Context,
    model: Annotated[Path, typer.Argument(help="A model file, as train writes it.")],
    torus: Torus,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the artifact goes.")],
    data: Data = "digits",
    word_bits: Annotated[
        int, typer.Option(help="Bits of an activation, and of a weight unless given: 4 to 18.")
    ] = 16,
    weight_bits: Annotated[int | None, typer.Option(help="Bits of a weight: 4 to 18.")] = None,
    host_bits: Annotated[int, typer.Option(help="Bits of a host beat: 32, 64, 128, 256.")] = 64,
    order: Annotated[
        str, typer.Option(metavar="best|program", help="Of ops: fastest, or sample by sample.")
    ] = "best",
    bake: Annotated[
        bool, typer.Option("--bake", help="The torus starts with the weights in its memories.")
    ] = False,
    export: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write weights and schedule there too.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Quantise a model and compile it for a torus.

    The training samples of --data set the scales of the fixed-point words. The memories of the
    torus become as large as the model needs. --export writes the weights of every PE, the programs
    and the schedule, in words and as a picture.
    """
    import torch

    from golden import datasets, load_model
    from sw_driver import report
    from sw_driver.artifact import save_artifact
    from sw_driver.compiler import compile
    from sw_driver.export import export_files
    from sw_driver.files import check_target

    out = _output(ctx, json, quiet)
    check_target(output)
    net = load_model(model)
    calibration = torch.as_tensor(datasets.load(data).train_x)
    with out.progress() as tell:
        tell("compile", 0, 1)
        compiled = compile(
            net,
            torus,
            calibration,
            act_bits=word_bits,
            weight_bits=word_bits if weight_bits is None else weight_bits,
            host_bits=host_bits,
            order=order,
        )
    files = [] if export is None else export_files(compiled, export)
    save_artifact(output, compiled, baked=bake)
    out.facts(f"{output}, from {model}", report.cost_rows(compiled))
    out.result(
        {
            "artifact": str(output),
            "exported": [str(export / name) for name in files] if export else [],
            **report.describe(compiled),
            "baked": bake,
        }
    )


@app.command(
    epilog=_examples(
        "clostorus run model.ctz",
        "clostorus run model.ctz --device sim",
        "clostorus run model.ctz --device sim --samples 2 --trace waves.vcd",
        "clostorus run model.ctz --data inputs.npy -o outputs.npy",
    ),
)
def run(
    ctx: typer.Context,
    artifact: Annotated[Path, typer.Argument(help="A compiled model, as compile writes it.")],
    device: Annotated[
        str,
        typer.Option(metavar="golden|sim", help="The integer model, or the RTL in Verilator."),
    ] = "golden",
    data: Annotated[
        str,
        typer.Option(
            metavar="digits|mnist10k|DIR|FILE.npy",
            help="The dataset whose test samples are run, or an array of inputs [N, I].",
        ),
    ] = "digits",
    samples: Annotated[int | None, typer.Option(min=1, help="Only so many samples.")] = None,
    trace: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write waveforms (VCD); sim only.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the outputs there (.npy).")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run a compiled model on samples.

    On the simulated RTL every output word is compared with the integer model, and the exit status
    is 1 if one differs. The first run of a configuration builds its simulation, which takes a while
    and needs g++, make and perl.
    """
    from sw_driver.artifact import load_artifact
    from sw_driver.device import GoldenDevice
    from sw_driver.errors import DriverError
    from sw_driver.files import check_target, write_array
    from sw_driver.report import percent
    from sw_driver.samples import load_samples

    out = _output(ctx, json, quiet)
    if device not in ("golden", "sim"):
        raise DriverError(f"device must be golden or sim, not {device!r}")
    if trace is not None and device != "sim":
        raise DriverError(f"trace needs --device sim: the {device} device has no waveforms")
    for target in filter(None, (trace, output)):
        check_target(target)
    compiled = load_artifact(artifact)
    inputs = load_samples(data, samples)
    golden = GoldenDevice()
    golden.load(compiled)
    words = golden.to_words(inputs.x)
    outputs = golden.infer_words(words)
    accuracy = {"fixed_point_accuracy": inputs.accuracy(outputs)}
    verdict = None
    if device == "sim":
        from sim.device import SimDevice
        from sim.verify import verify

        with out.progress() as tell, SimDevice(trace=trace, progress=tell) as simulated:
            simulated.load(compiled)
            verdict = verify(simulated, words, outputs)
        outputs = verdict.outputs
        accuracy["rtl_accuracy"] = inputs.accuracy(outputs)
    if output is not None:
        write_array(output, golden.to_reals(outputs))
    labels = {"fixed_point_accuracy": "fixed-point accuracy", "rtl_accuracy": "RTL accuracy"}
    rows = [(labels[name], percent(value)) for name, value in accuracy.items() if value is not None]
    out.facts(
        f"{artifact} on the {device} device, {len(words)} samples of {inputs.name}",
        rows + ([] if verdict is None else verdict.rows()),
    )
    out.result(
        {
            "artifact": str(artifact),
            "device": device,
            "data": inputs.name,
            "samples": len(words),
            **accuracy,
            **({} if verdict is None else verdict.as_dict()),
        }
    )
    if verdict is not None and verdict.comparison.first is not None:
        raise _failed(f"words differ; the first at {verdict.comparison.first}", DIFFERENT)


@app.command(
    epilog=_examples(
        "clostorus verilog --torus 4x4 -o torus.v",
        "clostorus verilog --config-from model.ctz --top pe -o pe.v",
        "clostorus verilog --bake model.ctz -o with_weights.v",
    ),
)
def verilog(
    ctx: typer.Context,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the Verilog goes.")],
    torus: Annotated[
        str | None, typer.Option(metavar="RxC", help="Size of a torus with default memories.")
    ] = None,
    top: Annotated[
        str, typer.Option(metavar="torus|pe|inference-router", help="The top module.")
    ] = "torus",
    bake: Annotated[
        Path | None,
        typer.Option(metavar="ARTIFACT", help="Put its weights into the torus's memories."),
    ] = None,
    config_from: Annotated[
        Path | None, typer.Option(metavar="ARTIFACT", help="Take its configuration.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write the Verilog of a torus, or of one of its blocks.

    The configuration is the default one of a size (--torus) or that of a compiled model
    (--config-from, --bake). The same configuration gives the same bytes.
    """
    from hw.config import TorusConfig
    from hw.tops import TOPS, top_verilog  # pyright: ignore[reportUnknownVariableType]
    from sw_driver.artifact import load_artifact
    from sw_driver.compiler import parse_torus
    from sw_driver.errors import DriverError
    from sw_driver.files import check_target, write_text

    out = _output(ctx, json, quiet)
    if top not in TOPS:
        raise DriverError(f"top must be one of {', '.join(TOPS)}, not {top!r}")
    if bake is not None and top != "torus":
        raise DriverError(f"bake needs --top torus: {top} has no weights of its own")
    if bake is not None and config_from is not None:
        raise DriverError("bake and config-from both name a configuration: give one of them")
    check_target(output)
    source = bake or config_from
    images: dict[str, Any] = {}
    if source is not None:
        compiled = load_artifact(source)
        config = compiled.config
        size = f"{config.rows}x{config.cols}"
        if torus is not None and parse_torus(torus) != (config.rows, config.cols):
            raise DriverError(f"torus must be {size}, that of {source}, not {torus}")
        if bake is not None:
            held = compiled.executable.images
            images = {"weights": held.weights, "biases": held.biases}
    elif torus is not None:
        rows, cols = parse_torus(torus)
        config = TorusConfig(rows=rows, cols=cols)
    else:
        raise DriverError("one of torus, config-from and bake must name a configuration")
    with out.progress() as tell:
        tell("write Verilog", 0, 1)
        text: str = top_verilog(top, config, **images)
    write_text(output, text)
    facts = {
        "top_module": TOPS[top],
        "lines": text.count("\n"),
        "hardware_id": f"{config.hardware_id:016x}",
        "baked": bake is not None,
    }
    out.facts(str(output), [(name.replace("_", " "), str(value)) for name, value in facts.items()])
    out.result({"verilog": str(output), "torus": dataclasses.asdict(config), **facts})


@app.command(
    epilog=_examples(
        "clostorus info model.ctz",
        "clostorus info model.ctz --json",
    ),
)
def info(
    ctx: typer.Context,
    artifact: Annotated[Path, typer.Argument(help="A compiled model, as compile writes it.")],
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show what a compiled model holds and what bounds its speed.

    Cycles of ops are those of one sample in the steady state, as the cycle model predicts them; 0
    is when its first op begins.
    """
    from sw_driver import report
    from sw_driver.artifact import load_artifact

    out = _output(ctx, json, quiet)
    compiled = load_artifact(artifact)
    out.facts(str(artifact), report.cost_rows(compiled))
    out.table("Layers", report.LAYER_HEADER, report.layer_rows(compiled))
    out.table("Memories and counters", report.FIT_HEADER, report.fit_rows(compiled))
    out.table("Ops", report.OP_HEADER, report.op_rows(compiled))
    out.result({"artifact": str(artifact), **report.describe(compiled)})


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
