"""`clostorus run`: a compiled model on the integer model, on the RTL or on a board."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from golden.system.status import DIFFERENT
from sw_driver.cli.options import (
    Baud,
    CompiledModel,
    Json,
    Port,
    Quiet,
    checked_port,
    failed,
    make_output,
)
from sw_driver.cli.written import WAVES, say_written

if TYPE_CHECKING:
    from sim.device.verify import Verdict
    from sw_driver.arrays import IntArray
    from sw_driver.files.artifact import Artifact
    from sw_driver.files.samples import Samples
    from sw_driver.serial.verify import BoardVerdict
    from sw_driver.system.console import Output

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "clostorus run model.ctz",
    "clostorus run model.ctz --device sim",
    "clostorus run model.ctz --device sim --samples 2 --trace waves.fst",
    "clostorus run model.ctz --samples 5 --timeline timeline.json",
    "clostorus run model.ctz --data inputs.npy -o outputs.npy",
    "clostorus run model.ctz --device serial --port /dev/ttyUSB0",
)

_OTHER_FORMATS = (".csv", ".json", ".npz", ".txt")  # Of outputs, that are not written.
_LABELS = {
    "fixed_point_accuracy": "fixed-point accuracy",
    "rtl_accuracy": "RTL accuracy",
    "board_accuracy": "accuracy of the board",
}
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
        metavar="digits|mnist10k|DIR|FILE.npy",
        help="The dataset whose test samples are run, or an array of inputs [N, I] "
        "[default: the data that set the scales].",
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


@dataclasses.dataclass(frozen=True)
class _Wanted:
    """What the command line asks for."""

    artifact: Path
    device: str
    data: str | None
    samples: int | None
    trace: Path | None
    timeline: Path | None
    port: tuple[str, int] | None
    output: Path | None


@dataclasses.dataclass(frozen=True, eq=False)
class _Ran:
    """What came of the samples."""

    inputs: "Samples"
    clipped: int
    words: "IntArray"
    accuracy: dict[str, float | None]
    verdict: "Verdict | BoardVerdict | None"


def command(
    ctx: typer.Context,
    artifact: CompiledModel,
    device: _Device = "golden",
    data: _Data = None,
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
    exit status is 1. The first run of a configuration in Verilator builds its
    simulation, which takes a while and needs g++ and perl.
    """
    from sw_driver.errors import DriverError

    out = make_output(ctx, json, quiet)
    if device not in ("golden", "sim", "serial"):
        raise DriverError(f"device must be golden, sim or serial, not {device!r}")
    if trace is not None and device != "sim":
        raise DriverError(f"trace needs --device sim: the {device} device has no waveforms")
    if timeline is not None and device == "serial":
        raise DriverError("timeline needs --device golden or sim: a board does not tell")
    serial_port = checked_port(device, port, baud)
    wanted = _Wanted(artifact, device, data, samples, trace, timeline, serial_port, output)
    _check_files(wanted)
    compiled = _load(wanted)
    ran = _run(out, wanted, compiled)
    _report(out, wanted, compiled, ran)
    faults: list[str] = []
    if ran.verdict is not None and ran.verdict.comparison.first is not None:
        faults.append(f"words differ; the first at {ran.verdict.comparison.first}")
    if compiled.image_difference is not None:
        faults.append(f"the artifact is not that of its net: {compiled.image_difference}")
    if faults:
        raise failed("; ".join(faults), DIFFERENT)


def _check_files(wanted: _Wanted) -> None:
    """Refuse outputs that cannot be, and what is no whole artifact."""
    from sw_driver.errors import DriverError
    from sw_driver.files.archive import check_archive
    from sw_driver.files.data_files import array_files, data_files
    from sw_driver.system.files import check_outputs

    output = wanted.output
    outputs = {"--output": output, "--trace": wanted.trace, "--timeline": wanted.timeline}
    check_outputs(outputs, {"ARTIFACT": wanted.artifact, "--data": array_files(wanted.data)})
    if output is not None and output.suffix in _OTHER_FORMATS:
        raise DriverError(f"output must end in .npy, not {output.name!r}")
    check_archive(wanted.artifact)
    # From here on it takes PyTorch.
    check_outputs(outputs, {"ARTIFACT": wanted.artifact, "--data": data_files(wanted.data)})


def _load(wanted: _Wanted) -> "Artifact":
    """Read the artifact, and compare its images; its ops are checked if they will be modelled."""
    from sw_driver.files.artifact import load_artifact

    compiled = load_artifact(wanted.artifact, check=wanted.timeline is not None)
    _ = compiled.image_difference  # Raises if the parts of the file are of different nets.
    return compiled


def _run(out: "Output", wanted: _Wanted, compiled: "Artifact") -> _Ran:
    """Run the samples on the integer model, and on the device if it is another one."""
    from sw_driver.device.golden import GoldenDevice
    from sw_driver.device.saturation import warn_of_saturation
    from sw_driver.files.samples import check_features, data_of, load_samples
    from sw_driver.system.files import write_array

    data = data_of(wanted.data, compiled.data, wanted.artifact, "to run")
    inputs = load_samples(data, wanted.samples)
    net = compiled.net
    check_features(inputs.x, net.shapes[0].in_features, inputs.name, wanted.artifact)
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
    if wanted.output is not None:
        write_array(wanted.output, golden.to_reals(found))
    return _Ran(inputs, clipped, words, accuracy, verdict)


def _simulate(
    out: "Output", wanted: _Wanted, compiled: "Artifact", words: "IntArray", expected: "IntArray"
) -> "Verdict":
    """Run on the RTL; write its timeline, if one is asked for."""
    from sim.device.device import SimDevice
    from sim.device.verify import verify
    from sw_driver.predict.timeline import timeline_json
    from sw_driver.system.files import write_text

    timeline = wanted.timeline
    with (
        out.progress() as tell,
        SimDevice(trace=wanted.trace, progress=tell, recording=timeline is not None) as simulated,
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


def _report(out: "Output", wanted: _Wanted, compiled: "Artifact", ran: _Ran) -> None:
    """Say what came of it."""
    from sw_driver.files.report import mac_line, percent

    verdict, name = ran.verdict, ran.inputs.name
    known = {label: value for label, value in ran.accuracy.items() if value is not None}
    rows = [(_LABELS[label], percent(value)) for label, value in known.items()]
    rows.append(("input values clipped", f"{ran.clipped} of {ran.words.size}"))
    compared: dict[str, Any] = {}
    if verdict is not None:
        rows += [*verdict.rows(), ("MACs, predicted", mac_line(compiled))]
        compared = {**verdict.as_dict(), "engines": compiled.prediction.breakdown.engines}
    out.facts(
        f"{wanted.artifact} on the {wanted.device} device, {len(ran.words)} samples of {name}", rows
    )
    if wanted.trace is not None:
        say_written(out, wanted.trace, WAVES)
    if wanted.timeline is not None:
        opener = "https://ui.perfetto.dev, where a microsecond is a cycle"
        say_written(out, wanted.timeline, opener)
    if wanted.output is not None:
        say_written(out, wanted.output, "numpy.load")
    out.result(
        {
            "artifact": str(wanted.artifact),
            "device": wanted.device,
            "data": name,
            "samples": len(ran.words),
            "saturated_inputs": ran.clipped,
            **ran.accuracy,
            "image_difference": compiled.image_difference,
            **compared,
        }
    )
