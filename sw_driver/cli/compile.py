"""`clostorus compile`: from a trained model to an artifact."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from sw_driver.cli.options import Json, Quiet, Torus, make_output
from sw_driver.cli.written import quoted, say_written

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "clostorus compile model.pt --torus 4x4 -o model.ctz",
    "clostorus compile model.pt --torus 2x8 --word-bits 12 --weight-bits 8 -o small.ctz",
    "clostorus compile mnist.pt --data mnist10k --torus 8x8 --export mnist -o mnist.ctz",
    "clostorus compile model.pt --board ulx3s-85f --torus 2x2 -o model.ctz",
    "clostorus compile pixels.pt --data images.npy --torus 4x4 -o pixels.ctz",
)


def command(
    ctx: typer.Context,
    model: Annotated[Path, typer.Argument(help="A model file, as train writes it.")],
    torus: Torus,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the artifact goes.")],
    data: Annotated[
        str | None,
        typer.Option(
            metavar="digits|mnist10k|DIR|FILE.npy",
            help="What sets the scales: a dataset, or inputs [N, I] or images [N, I, H, W] "
            "[default: the data that the model was trained on].",
        ),
    ] = None,
    board: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The torus of this size that build --board makes, memories and widths too.",
        ),
    ] = None,
    word_bits: Annotated[
        int | None,
        typer.Option(
            help="Bits of an activation, and of a weight unless given: 4 to 18 [default: 16]."
        ),
    ] = None,
    weight_bits: Annotated[int | None, typer.Option(help="Bits of a weight: 4 to 18.")] = None,
    host_bits: Annotated[
        int | None, typer.Option(help="Bits of a host beat: 32, 64, 128, 256 [default: 64].")
    ] = None,
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

    The training samples of --data set the scales of the fixed-point words, and on them the outputs
    are compared with those of the model. The memories of the torus become as large as the model
    needs, but for --board: a bitstream of build --board and --torus holds any model that was
    compiled for it so. --export writes the weights of every PE, the programs and the schedule, in
    words and as a picture.

    Pointwise Clos convolutions are run at every pixel, which is a sample: golden.pixel_net makes
    their model file.
    """
    from golden import load_checkpoint
    from hw.config import TorusConfig
    from sw_driver.compiler import ORDERS, compile, parse_torus
    from sw_driver.errors import DriverError
    from sw_driver.files import report
    from sw_driver.files.accuracy import measure_error
    from sw_driver.files.artifact import save_artifact
    from sw_driver.files.export import export_files, exported_files
    from sw_driver.files.samples import check_features, data_files, data_of, load_calibration
    from sw_driver.system.files import check_folder, check_outputs

    out = make_output(ctx, json, quiet)
    rows, cols = parse_torus(torus)
    if export is not None:
        if os.path.realpath(export) == os.path.realpath(output):
            raise DriverError(f"output and export must be different, not both {output}")
        check_folder(export)
    if order not in ORDERS:
        raise DriverError(f"order must be one of {', '.join(ORDERS)}, not {order!r}")
    check_outputs(
        {"--output": output, "--export": export and exported_files(export, rows, cols)},
        {"MODEL": model, "--data": data_files(data)},
    )
    widths: dict[str, Any] = {
        name: bits
        for name, bits in (
            ("act_bits", word_bits),
            ("weight_bits", word_bits if weight_bits is None else weight_bits),
            ("host_bits", host_bits),
        )
        if bits is not None
    }
    config: str | TorusConfig = torus
    if board is not None:
        from fpga.board_design import board_config
        from fpga.boards import find_board
        from fpga.capacity import check_estimate

        if widths:
            raise DriverError(
                "word-bits, weight-bits and host-bits must not be given with --board, whose torus "
                "has its own"
            )
        target = find_board(board)
        config = board_config(target, rows, cols)
        check_estimate(target, config)
    saved = load_checkpoint(model)
    net = saved.model
    samples = load_calibration(data_of(data, saved.data, model, "that set the scales"))
    check_features(samples.x, net.shapes[0].in_features, samples.name, model)
    with out.progress() as tell:
        tell("compile", 0, 2)
        compiled = compile(
            net,
            config,
            samples.x,
            order=order,
            **widths,
        )
        tell("compile", 1, 2)
        error = measure_error(net, compiled, samples)
    files = [] if export is None else export_files(compiled, export)
    save_artifact(output, compiled, baked=bake, data=samples.data)
    out.facts(f"{output}, from {model}", [*report.cost_rows(compiled), *error.rows()])
    say_written(out, output, f"clostorus run {quoted(output)}")
    if export is not None:
        say_written(out, export, "schedule.svg there for a browser, the rest for an editor")
    out.result(
        {
            "artifact": str(output),
            "exported": [str(export / name) for name in files] if export else [],
            **report.describe(compiled),
            "fixed_point": error.as_dict(),
            "baked": bake,
        }
    )
