"""`clostorus compile`: from a trained model to an artifact."""

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sw_driver.cli.best_torus import (
    Auto,
    ForBoard,
    Lanes,
    OnBoard,
    TorusOrAuto,
    describe_proposal,
    read_auto,
    read_on_board,
    say_proposal,
)
from sw_driver.cli.compile_options import Bake, Checks, Data, Export, Order, Samples, Weights
from sw_driver.cli.data_options import Label, SplitSeed, TestFraction, make_source
from sw_driver.cli.given_net import (
    Reduction,
    check_model,
    check_reduction,
    net_files,
)
from sw_driver.cli.options import Json, LanesIn, LanesOut, LinkWords, Quiet, lanes_of, make_output
from sw_driver.cli.word_bits import HostBits, Loss, WeightBits, Widths, WordBits, read_widths
from sw_driver.cli.written import data_option, quoted, say_written

if TYPE_CHECKING:
    from fpga.proposal import Proposal
    from golden.data.loading import Part
    from golden.data.preparation import Preparation
    from golden.data.source import Source
    from sw_driver.compiled import Compiled
    from sw_driver.files.accuracy import MeasuredError
    from sw_driver.files.narrowest import FoundWords
    from sw_driver.files.projection import MeasuredProjection
    from sw_driver.system.console import Output
    from sw_driver.system.files import Files

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "clostorus compile model.pt --torus 4x4 -o model.ctz",
    "clostorus compile model.pt --torus 2x8 --word-bits 12 --weight-bits 8 -o small.ctz",
    "clostorus compile model.pt --torus 4x4 --word-bits auto --loss 0.005 -o narrow.ctz",
    "clostorus compile model.pt --torus 8x2 --lanes-in 2 --lanes-out 2 -o fast.ctz",
    "clostorus compile mnist.pt --data mnist10k --torus 8x8 --export mnist -o mnist.ctz",
    "clostorus compile model.pt --board ulx3s-85f --torus 2x2 -o model.ctz",
    "clostorus compile model.pt --board ulx3s-85f --torus auto --lanes auto -o model.ctz",
    "clostorus compile pixels.pt --data images.npy --torus 4x4 -o pixels.ctz",
    "clostorus compile net.py:make_net --weights w.pt --data x.npy --torus 4x4 -o net.ctz",
    "clostorus compile net.onnx --reduction 5.5 --data digits --torus 4x4 -o net.ctz",
)


@dataclasses.dataclass(frozen=True)
class _Wanted:
    """What the command line asks for."""

    model: Path
    auto: Auto
    output: Path
    data: "Source | None"
    weights: Path | None
    reduction: float | None
    board: str | None
    widths: Widths
    order: str
    bake: bool
    export: Path | None
    samples: int | None


@dataclasses.dataclass(frozen=True, eq=False)
class _Made:
    """A compiled model, its data and how their samples become inputs, and what its words lose."""

    compiled: "Compiled"
    samples: "Part"
    preparation: "Preparation | None"
    error: "MeasuredError"
    words: "FoundWords | None"
    projection: "MeasuredProjection | None"
    proposal: "Proposal | None"


def command(
    ctx: typer.Context,
    model: Annotated[
        Path,
        typer.Argument(
            help="A model file, as train and golden.save_model write it; an ONNX file; or "
            "FILE.py:FUNCTION, a Python file, which is executed, and a function of it that returns "
            "a torch module."
        ),
    ],
    torus: TorusOrAuto,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the artifact goes.")],
    data: Data = None,
    label: Label = None,
    test_fraction: TestFraction = None,
    split_seed: SplitSeed = None,
    weights: Weights = None,
    reduction: Reduction = None,
    board: ForBoard = None,
    word_bits: WordBits = None,
    loss: Loss = None,
    weight_bits: WeightBits = None,
    host_bits: HostBits = None,
    lanes_in: LanesIn = None,
    lanes_out: LanesOut = None,
    link_words: LinkWords = None,
    lanes: Lanes = None,
    checks: Checks = 0,
    order: Order = "best",
    bake: Bake = False,
    export: Export = None,
    samples: Samples = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Quantise a model and compile it for a torus.

    The training samples of --data set the scales of the fixed-point words, and on them the outputs
    are compared with those of the model. The memories of the torus become as large as the model
    needs, but for --board: a bitstream of build --board and --torus holds any model that was
    compiled for it so. --export writes every PE's weights, the programs and the schedule, and what
    runs the net in any simulator: samples, the golden model's outputs, and a testbench in Verilog.

    Pointwise Clos convolutions are run at every pixel, which is a sample: golden.save_model makes
    their model file. docs/models.md says which models compile, docs/onnx.md which ONNX files do.
    """
    out = make_output(ctx, json, quiet)
    numbers = lanes_of(lanes_in, lanes_out, link_words)
    auto = read_auto(torus, lanes, numbers)
    widths = read_widths(word_bits, weight_bits, host_bits, loss, {} if lanes else numbers, checks)
    source = make_source(data, label, test_fraction, split_seed)
    wanted = _Wanted(
        model,
        auto,
        output,
        source,
        weights,
        reduction,
        board,
        widths,
        order,
        bake,
        export,
        samples,
    )
    on_board = _check(wanted)
    made = _compile(out, wanted, on_board)
    files = _write(wanted, made)
    _report(out, wanted, made, files)


def _check(wanted: _Wanted) -> OnBoard:
    """Refuse what is wrong with the command line and the model file; return what a board says."""
    from hw.config import ConfigError, TorusConfig
    from sw_driver.errors import DriverError
    from sw_driver.files.data_files import source_files
    from sw_driver.files.kinds import own_model
    from sw_driver.script.names import SCRIPT_FILES, check_own
    from sw_driver.system.files import check_folder, check_outputs
    from sw_driver.torus import check_order

    output, export = wanted.output, wanted.export
    if export is not None:
        if os.path.realpath(export) == os.path.realpath(output):
            raise DriverError(f"output and export must be different, not both {output}")
        check_folder(export)
        check_own(export, SCRIPT_FILES)
    elif wanted.samples is not None:
        raise DriverError("samples needs --export: they are those of its testbench")
    check_order(wanted.order)
    check_reduction(wanted.reduction)
    outputs: Files = {"--output": output}
    own = own_model(str(wanted.model))
    inputs: Files = {"MODEL": own.path if own else wanted.model, "--weights": wanted.weights}
    inputs |= source_files(wanted.data)
    check_outputs(outputs, inputs)
    on_board = read_on_board(wanted.board, wanted.auto, wanted.widths, exports=export is not None)
    check_model(wanted.model, wanted.weights, exported=export is not None)
    try:
        rows, cols = wanted.auto.torus or (1, 1)
        TorusConfig(rows=rows, cols=cols, **wanted.widths.given)
    except ConfigError as error:
        raise DriverError(str(error)) from error
    # From here on it takes PyTorch.
    inputs = {**inputs, "MODEL": net_files(own.path if own else wanted.model)}
    if export is not None:
        from sw_driver.files.export import exported_files

        outputs = {**outputs, "--export": exported_files(export, rows, cols)}
    check_outputs(outputs, {**inputs, **source_files(wanted.data)})
    if wanted.data is not None:
        wanted.data.check()
    return on_board


def _compile(out: "Output", wanted: _Wanted, on_board: OnBoard) -> _Made:
    """Compile the model, and find out what its words lose."""
    from golden.data.loading import load_part
    from golden.models.read import read_chain
    from sw_driver.compiler import compile
    from sw_driver.files.accuracy import measure_error
    from sw_driver.files.given_nets import load_net
    from sw_driver.files.samples import check_features, checked_count, data_of

    net, known, preparation = load_net(wanted.model, wanted.weights)
    data = data_of(wanted.data, known, wanted.model, "that set the scales")
    chain = read_chain(net)
    samples = load_part(data, "train", preparation, chain[-1].layer.out_features)
    check_features(samples, chain[0].layer.in_features, wanted.model)
    checked_count(wanted.samples or 1, len(samples.x), data.data)
    projection = None
    if wanted.reduction is not None:
        from golden.convert.project import project_dense
        from sw_driver.files.projection import measure_projection

        projected = project_dense(net, wanted.reduction)
        net, projection = projected.after, measure_projection(projected, samples)
    widths, words = dict(wanted.widths.given), None
    size = wanted.auto.torus or (1, 1)
    with out.progress() as tell:
        if wanted.widths.loss is not None:
            from sw_driver.files.narrowest import find_words

            tell("find the narrowest words", 0, 1)
            words = find_words(net, samples, *size, wanted.widths.loss)
            widths |= {"act_bits": words.bits, "weight_bits": words.bits}
            tell("find the narrowest words", 1, 1)
        proposal = on_board.find(net, wanted.auto, tell)
        torus = on_board.config or size if proposal is None else proposal.least
        tell("compile", 0, 2)
        compiled = compile(net, torus, samples.x, order=wanted.order, grow=proposal is not None,
                           **widths)
        on_board.check(compiled)
        tell("compile", 1, 2)
        error = measure_error(net, compiled, samples, stated=words is not None)
    return _Made(compiled, samples, preparation, error, words, projection, proposal)


def _write(wanted: _Wanted, made: _Made) -> list[str]:
    """Write the artifact, and what --export asks for; return the names of those files."""
    from sw_driver.files.artifact import save_artifact
    from sw_driver.files.export import export_files

    files: list[str] = []
    if wanted.export is not None:
        from sw_driver.script.inference import SAMPLES, inference_script

        x = made.samples.x[: wanted.samples or SAMPLES]
        script = inference_script(made.compiled, x, baked=wanted.bake)
        files = export_files(made.compiled, wanted.export, script, baked=wanted.bake)
    save_artifact(
        wanted.output,
        made.compiled,
        baked=wanted.bake,
        data=made.samples.data,
        preparation=made.preparation,
    )
    return files


def _report(out: "Output", wanted: _Wanted, made: _Made, files: list[str]) -> None:
    """Say what was made, and what it costs."""
    from sw_driver.files import report

    output, export = wanted.output, wanted.export
    rows = [*report.cost_rows(made.compiled), *made.error.rows()]
    lost = made.projection
    if lost is not None:
        out.facts(f"{wanted.model}, with Clos layers for dense ones", lost.rows())
    if made.proposal is not None:
        say_proposal(out, str(wanted.board), made.proposal)
    if (words := made.words) is not None:
        out.table(words.title, words.columns, words.rows())
    out.facts(f"{output}, from {wanted.model}", rows)
    say_written(out, output, f"clostorus run {quoted(output)}{data_option(wanted.data)}")
    if export is not None:
        say_written(out, export, "schedule.svg there for a browser, tb.v for a simulator")
    out.result(
        {
            "artifact": str(output),
            "exported": [str(export / name) for name in files] if export else [],
            **report.describe(made.compiled),
            "proposal": None if made.proposal is None else describe_proposal(made.proposal),
            "projection": None if lost is None else lost.as_dict(),
            "narrowest_words": None if words is None else words.as_dict(),
            "fixed_point": made.error.as_dict(),
            "baked": wanted.bake,
        }
    )
