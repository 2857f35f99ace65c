"""`clostorus run`: a compiled model on the integer model, on the RTL or on a board."""

from pathlib import Path
from typing import Annotated

import typer

from golden.system.status import DIFFERENT
from sw_driver.cli.options import Baud, Json, Port, Quiet, checked_port, failed, make_output
from sw_driver.cli.written import WAVES, say_written

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


def command(
    ctx: typer.Context,
    artifact: Annotated[Path, typer.Argument(help="A compiled model, as compile writes it.")],
    device: Annotated[
        str,
        typer.Option(
            metavar="golden|sim|serial",
            help="The integer model; the RTL in Verilator; or a board behind a serial port.",
        ),
    ] = "golden",
    data: Annotated[
        str | None,
        typer.Option(
            metavar="digits|mnist10k|DIR|FILE.npy",
            help="The dataset whose test samples are run, or an array of inputs [N, I] "
            "[default: the data that set the scales].",
        ),
    ] = None,
    samples: Annotated[int | None, typer.Option(min=1, help="Only so many samples.")] = None,
    trace: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write waveforms of the samples, FST if FILE ends in .fst, else VCD; sim only.",
        ),
    ] = None,
    timeline: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write what every engine does when, in cycles, each shown as a microsecond (JSON "
            "for Perfetto and chrome://tracing); of the golden device, what the cycle model "
            "predicts.",
        ),
    ] = None,
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
    from sw_driver.cycle_model import record
    from sw_driver.device.golden import GoldenDevice
    from sw_driver.device.saturation import warn_of_saturation
    from sw_driver.errors import DriverError
    from sw_driver.files.artifact import load_artifact
    from sw_driver.files.report import mac_line, percent
    from sw_driver.files.samples import check_features, data_files, data_of, load_samples
    from sw_driver.predict.timeline import timeline_json
    from sw_driver.system.files import check_outputs, write_array, write_text

    out = make_output(ctx, json, quiet)
    if device not in ("golden", "sim", "serial"):
        raise DriverError(f"device must be golden, sim or serial, not {device!r}")
    if trace is not None and device != "sim":
        raise DriverError(f"trace needs --device sim: the {device} device has no waveforms")
    if timeline is not None and device == "serial":
        raise DriverError("timeline needs --device golden or sim: a board does not tell")
    serial_port = checked_port(device, port, baud)
    check_outputs(
        {"--output": output, "--trace": trace, "--timeline": timeline},
        {"ARTIFACT": artifact, "--data": data_files(data)},
    )
    if output is not None and output.suffix in _OTHER_FORMATS:
        raise DriverError(f"output must end in .npy, not {output.name!r}")
    compiled = load_artifact(artifact)
    inputs = load_samples(data_of(data, compiled.data, artifact, "to run"), samples)
    net = compiled.net
    check_features(inputs.x, net.shapes[0].in_features, inputs.name, artifact)
    golden = GoldenDevice()
    golden.load(compiled)
    words = golden.to_words(inputs.x)
    clipped = golden.saturated_inputs
    warn_of_saturation(clipped, words.size, net.act_bits, net.input_fraction_bits)
    outputs = golden.infer_words(words)
    accuracy = {"fixed_point_accuracy": inputs.accuracy(outputs)}
    verdict = None
    if device == "sim":
        from sim.device.device import SimDevice
        from sim.device.verify import verify

        with (
            out.progress() as tell,
            SimDevice(trace=trace, progress=tell, recording=timeline is not None) as simulated,
        ):
            simulated.load(compiled)
            verdict = verify(simulated, words, outputs)
            if timeline is not None:
                shown = words[: compiled.executable.max_samples]
                write_text(timeline, timeline_json(compiled, simulated.record(shown), len(shown)))
        outputs = verdict.outputs
        accuracy["rtl_accuracy"] = inputs.accuracy(outputs)
    elif serial_port is not None:
        from sw_driver.serial.verify import verify_board

        with out.progress() as tell:
            verdict = verify_board(serial_port, compiled, words, outputs, tell)
        outputs = verdict.outputs
        accuracy["board_accuracy"] = inputs.accuracy(outputs)
    elif timeline is not None:
        shown = words[: compiled.executable.max_samples]
        recording = record(compiled.config, compiled.executable.infer(shown).program)
        write_text(timeline, timeline_json(compiled, recording, len(shown)))
    if output is not None:
        write_array(output, golden.to_reals(outputs))
    labels = {
        "fixed_point_accuracy": "fixed-point accuracy",
        "rtl_accuracy": "RTL accuracy",
        "board_accuracy": "accuracy of the board",
    }
    rows = [(labels[name], percent(value)) for name, value in accuracy.items() if value is not None]
    rows.append(("input values clipped", f"{clipped} of {words.size}"))
    out.facts(
        f"{artifact} on the {device} device, {len(words)} samples of {inputs.name}",
        rows
        + ([] if verdict is None else [*verdict.rows(), ("MACs, predicted", mac_line(compiled))]),
    )
    if trace is not None:
        say_written(out, trace, WAVES)
    if timeline is not None:
        say_written(out, timeline, "https://ui.perfetto.dev, where a microsecond is a cycle")
    if output is not None:
        say_written(out, output, "numpy.load")
    out.result(
        {
            "artifact": str(artifact),
            "device": device,
            "data": inputs.name,
            "samples": len(words),
            "saturated_inputs": clipped,
            **accuracy,
            "image_difference": compiled.image_difference,
            **({} if verdict is None else verdict.as_dict()),
            **({} if verdict is None else {"engines": compiled.prediction.breakdown.engines}),
        }
    )
    faults: list[str] = []
    if verdict is not None and verdict.comparison.first is not None:
        faults.append(f"words differ; the first at {verdict.comparison.first}")
    if compiled.image_difference is not None:
        faults.append(f"the artifact is not that of its net: {compiled.image_difference}")
    if faults:
        raise failed("; ".join(faults), DIFFERENT)
