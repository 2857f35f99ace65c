"""`clostorus run`: a compiled model on the integer model, on the RTL or on a board."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from golden.system.status import DIFFERENT
from sw_driver.cli.data_options import FORMS, Label, SplitSeed, TestFraction, make_source
from sw_driver.cli.options import (
    Baud,
    CompiledModel,
    Engine,
    Json,
    Port,
    Quiet,
    Workers,
    checked_engine,
    checked_port,
    checked_workers,
    failed,
    make_output,
)
from sw_driver.cli.run_report import Ran, Wanted, report

if TYPE_CHECKING:
    from sim.device.verify import Verdict
    from sw_driver.arrays import IntArray
    from sw_driver.files.artifact import Artifact
    from sw_driver.serial.verify import BoardVerdict
    from sw_driver.system.console import Output

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "clostorus run model.ctz",
    "clostorus run model.ctz --device sim",
    "clostorus run model.ctz --device sim --engine vector",
    "clostorus run model.ctz --device sim --workers 2",
    "clostorus run model.ctz --device sim --samples 2 --trace waves.fst",
    "clostorus run model.ctz --samples 5 --timeline timeline.json",
    "clostorus run model.ctz --data inputs.npy -o outputs.npy",
    "clostorus run model.ctz --data test.csv --model model.pt",
    "clostorus run model.ctz --device serial --port /dev/ttyUSB0",
)

_OTHER_FORMATS = (".csv", ".json", ".npz", ".txt")  # Of outputs, that are not written.
_Device = Annotated[
    str,
    typer.Option(
        metavar="golden|sim|serial",
        help="The integer model; the RTL in Verilator; or a board behind a serial port.",
    ),
]
_Data = Annotated[
    str | None,
    typer.Option(
        metavar=FORMS,
        help="The data whose test samples are run, as for train; classes are not needed "
        "[default: the data that set the scales].",
    ),
]
_Model = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The float model that was compiled: say how far the outputs are from its own.",
    ),
]
_Trace = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Write waveforms of the samples, FST if FILE ends in .fst, else VCD; sim only.",
    ),
]
_Timeline = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Write what every engine does when, in cycles, each shown as a microsecond (JSON "
        "for Perfetto and chrome://tracing); of the golden device, what the cycle model "
        "predicts.",
    ),
]


def command(
    ctx: typer.Context,
    artifact: CompiledModel,
    device: _Device = "golden",
    engine: Engine = None,
    workers: Workers = 1,
    data: _Data = None,
    label: Label = None,
    test_fraction: TestFraction = None,
    split_seed: SplitSeed = None,
    model: _Model = None,
    samples: Annotated[int | None, typer.Option(min=1, help="Only so many samples.")] = None,
    trace: _Trace = None,
    timeline: _Timeline = None,
    port: Port = None,
    baud: Baud = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the outputs there (.npy).")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run a compiled model on samples.

    The memory images are compared with those that the compiler makes of the net; on the simulated
    RTL and on a board every output word is compared with the integer model. If a word differs, the
    exit status is 1. The first run of a configuration in simulation builds it, which takes a while
    and needs g++ and perl.
    """
    from sw_driver.errors import DriverError

    out = make_output(ctx, json, quiet)
    if device not in ("golden", "sim", "serial"):
        raise DriverError(f"device must be golden, sim or serial, not {device!r}")
    if trace is not None and device != "sim":
        raise DriverError(f"trace needs --device sim: the {device} device has no waveforms")
    if timeline is not None and device == "serial":
        raise DriverError("timeline needs --device golden or sim: a board does not tell")
    chosen = checked_engine(device, engine, trace=trace)
    checked_workers(device, workers, trace=trace, timeline=timeline)
    serial_port = checked_port(device, port, baud)
    source = make_source(data, label, test_fraction, split_seed)
    wanted = Wanted(artifact, device, source, model, samples, trace, timeline, serial_port, output,
                    engine=chosen, workers=workers)
    _check_files(wanted)
    compiled = _load(wanted)
    ran = _run(out, wanted, compiled)
    report(out, wanted, compiled, ran)
    faults: list[str] = []
    if ran.verdict is not None and ran.verdict.comparison.first is not None:
        faults.append(f"words differ; the first at {ran.verdict.comparison.first}")
    if compiled.image_difference is not None:
        faults.append(f"the artifact is not that of its net: {compiled.image_difference}")
    if faults:
        raise failed("; ".join(faults), DIFFERENT)


def _check_files(wanted: Wanted) -> None:
    """Refuse outputs that cannot be, and what is no whole artifact."""
    from sw_driver.errors import DriverError
    from sw_driver.files.archive import check_archive
    from sw_driver.files.data_files import source_files
    from sw_driver.files.kinds import check_model_file
    from sw_driver.system.files import check_outputs

    output = wanted.output
    outputs = {"--output": output, "--trace": wanted.trace, "--timeline": wanted.timeline}
    inputs = {"ARTIFACT": wanted.artifact, "--model": wanted.model, **source_files(wanted.data)}
    check_outputs(outputs, inputs)
    if output is not None and output.suffix in _OTHER_FORMATS:
        raise DriverError(f"output must end in .npy, not {output.name!r}")
    check_archive(wanted.artifact)
    if wanted.model is not None:
        check_model_file(wanted.model)
    if wanted.data is not None:
        wanted.data.check()


def _load(wanted: Wanted) -> "Artifact":
    """Read the artifact, and compare its images; its ops are checked if they will be modelled."""
    from sw_driver.files.artifact import load_artifact

    compiled = load_artifact(wanted.artifact, check=wanted.timeline is not None)
    _ = compiled.image_difference  # Raises if the parts of the file are of different nets.
    return compiled


def _run(out: "Output", wanted: Wanted, compiled: "Artifact") -> Ran:
    """Run the samples on the integer model, and on the device if it is another one."""
    from sw_driver.device.golden import GoldenDevice
    from sw_driver.device.saturation import warn_of_saturation
    from sw_driver.files.class_counts import count_classes
    from sw_driver.files.output_error import compare_outputs, load_float
    from sw_driver.files.samples import check_features, data_of, first_samples
    from sw_driver.system.files import write_array

    data = data_of(wanted.data, compiled.data, wanted.artifact, "to run")
    net = compiled.net
    classes = net.shapes[-1].out_features
    inputs = first_samples(data, wanted.samples, compiled.preparation, classes)
    check_features(inputs, net.shapes[0].in_features, wanted.artifact)
    known = compiled.preparation
    model = None if wanted.model is None else load_float(wanted.model, compiled, known)
    golden = GoldenDevice()
    golden.load(compiled)
    words = golden.to_words(inputs.x)
    clipped = golden.saturated_inputs
    warn_of_saturation(clipped, words.size, net.act_bits, net.input_fraction_bits)
    outputs = golden.infer_words(words)
    accuracy = {"fixed_point_accuracy": inputs.accuracy(outputs)}
    verdict: Verdict | BoardVerdict | None = None
    if wanted.device == "sim":
        verdict = _simulate(out, wanted, compiled, words, outputs)
        accuracy["rtl_accuracy"] = inputs.accuracy(verdict.outputs)
    elif wanted.port is not None:
        from sw_driver.serial.verify import verify_board

        with out.progress() as tell:
            verdict = verify_board(wanted.port, compiled, words, outputs, tell)
        accuracy["board_accuracy"] = inputs.accuracy(verdict.outputs)
    elif wanted.timeline is not None:
        _write_prediction(wanted.timeline, compiled, words)
    found = outputs if verdict is None else verdict.outputs
    reals = golden.to_reals(found)
    names = () if known is None or known.classes is None else known.classes
    counts = count_classes(found, inputs.labels, names)
    errors = None
    if model is not None:
        unnamed = [str(number) for number in range(len(names), classes)]
        errors = compare_outputs(model, inputs.x, reals, [*names, *unnamed])
    if wanted.output is not None:
        write_array(wanted.output, reals)
    return Ran(inputs, clipped, words, accuracy, verdict, counts, errors)


def _simulate(
    out: "Output", wanted: Wanted, compiled: "Artifact", words: "IntArray", expected: "IntArray"
) -> "Verdict":
    """Run on the RTL; write its timeline, if one is asked for."""
    from sim.device.device import SimDevice
    from sim.device.verify import verify
    from sw_driver.predict.timeline import timeline_json
    from sw_driver.system.files import write_text

    timeline = wanted.timeline
    with (
        out.progress() as tell,
        SimDevice(
            trace=wanted.trace, progress=tell, recording=timeline is not None,
            engine=wanted.engine, workers=wanted.workers,
        ) as simulated,
    ):
        simulated.load(compiled)
        verdict = verify(simulated, words, expected)
        if timeline is not None:
            shown = words[: compiled.executable.max_samples]
            write_text(timeline, timeline_json(compiled, simulated.record(shown), len(shown)))
    return verdict


def _write_prediction(timeline: Path, compiled: "Artifact", words: "IntArray") -> None:
    """Write the timeline of the cycle model."""
    from sw_driver.cycle_model import record
    from sw_driver.predict.timeline import timeline_json
    from sw_driver.system.files import write_text

    shown = words[: compiled.executable.max_samples]
    recording = record(compiled.config, compiled.executable.infer(shown).program)
    write_text(timeline, timeline_json(compiled, recording, len(shown)))
