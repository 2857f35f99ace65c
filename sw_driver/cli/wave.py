"""`clostorus wave`: the waveforms of a sample on the RTL, and how viewers should show them."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from golden.system.status import DIFFERENT
from sw_driver.cli.data_options import FORMS, Label, SplitSeed, TestFraction, make_source
from sw_driver.cli.options import CompiledModel, Json, Quiet, failed, make_output
from sw_driver.cli.written import quoted, say_written

if TYPE_CHECKING:
    from golden.data.source import Source
    from sw_driver.arrays import IntArray
    from sw_driver.files.artifact import Artifact
    from sw_driver.system.console import Output

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "clostorus wave model.ctz",
    "clostorus wave model.ctz --samples 3 -o build/wave.fst",
    "clostorus wave model.ctz --data test.csv -o wave.vcd",
)

_TRACES = (".fst", ".vcd")
_Data = Annotated[
    str | None,
    typer.Option(
        metavar=FORMS,
        help="The data whose first test sample is run, as for run [default: the data that set the "
        "scales].",
    ),
]
_Output = Annotated[
    Path,
    typer.Option(
        "--output", "-o", help="Of the waveforms, ending in .fst or .vcd; the save files get its "
        "name, with .gtkw and .sucl."
    ),
]  # fmt: skip


@dataclasses.dataclass(frozen=True)
class _Traced:
    """What came of the run: cycles of the trace, and the first word that differs."""

    begin_cycle: int
    end_cycle: int
    difference: str | None


def command(
    ctx: typer.Context,
    artifact: CompiledModel,
    data: _Data = None,
    label: Label = None,
    test_fraction: TestFraction = None,
    split_seed: SplitSeed = None,
    samples: Annotated[int, typer.Option(min=1, help="So many samples.")] = 1,
    output: _Output = Path("wave.fst"),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run a sample on the simulated RTL, and write its waveforms with a save file for a viewer.

    Beside the waveforms lie a save file for GTKWave and commands for Surfer, which show the host,
    the gateways, each ring and each PE as a group, and open where the run begins, after the weights
    have been loaded. Every output word is compared with the integer model; if one differs, the exit
    status is 1. The first run builds the simulation, which takes a while and needs g++ and perl.
    """
    from sw_driver.errors import DriverError
    from sw_driver.files.archive import check_archive
    from sw_driver.files.data_files import source_files
    from sw_driver.system.files import check_outputs, write_text

    out = make_output(ctx, json, quiet)
    source = make_source(data, label, test_fraction, split_seed)
    if output.suffix not in _TRACES:
        raise DriverError(f"output must end in .fst or .vcd, not {output.name!r}")
    save, commands = output.with_suffix(".gtkw"), output.with_suffix(".sucl")
    check_outputs({"--output": output, "the save file": save, "the commands": commands},
                  {"ARTIFACT": artifact, **source_files(source)})  # fmt: skip
    check_archive(artifact)
    if source is not None:
        source.check()
    compiled, words = _load(artifact, source, samples)
    from sim.model.emitted import emitted_torus
    from sim.waves.groups import groups
    from sim.waves.save_files import gtkwave_file, surfer_file
    from sim.waves.signals import declared

    traced = _trace(out, compiled, words, output)
    shown = groups(compiled.config, declared(emitted_torus(compiled.config), "clostorus"))
    write_text(save, gtkwave_file(shown, traced.begin_cycle))
    write_text(commands, surfer_file(shown, traced.begin_cycle))
    say_written(out, output, f"the run is in cycles {traced.begin_cycle} to {traced.end_cycle}, "
                "a cycle is 2 ps of the file")  # fmt: skip
    say_written(out, save, f"gtkwave {quoted(output)} {quoted(save)}")
    say_written(out, commands, f"surfer --command-file {quoted(commands)} {quoted(output)}")
    out.result({
        "artifact": str(artifact),
        "samples": len(words),
        "waveforms": str(output),
        "save_file": str(save),
        "commands": str(commands),
        "begin_cycle": traced.begin_cycle,
        "end_cycle": traced.end_cycle,
        "groups": len(shown),
        "signals": sum(len(group.signals) for group in shown),
        "words_equal": traced.difference is None,
    })  # fmt: skip
    if traced.difference is not None:
        raise failed(f"words differ; the first at {traced.difference}", DIFFERENT)


def _load(
    artifact: Path, source: "Source | None", samples: int
) -> tuple["Artifact", "IntArray"]:
    """Read the artifact and the words of its first test samples."""
    from sw_driver.device.golden import GoldenDevice
    from sw_driver.files.artifact import load_artifact
    from sw_driver.files.samples import check_features, data_of, first_samples

    compiled = load_artifact(artifact)
    net = compiled.net
    data = data_of(source, compiled.data, artifact, "to run")
    part = first_samples(data, samples, compiled.preparation, net.shapes[-1].out_features)
    check_features(part, net.shapes[0].in_features, artifact)
    golden = GoldenDevice()
    golden.load(compiled)
    return compiled, golden.to_words(part.x)


def _trace(out: "Output", compiled: "Artifact", words: "IntArray", output: Path) -> _Traced:
    """Run the words on the RTL with a trace, and compare what comes out."""
    from sim.device.device import SimDevice
    from sw_driver.device.comparison import compare_words
    from sw_driver.device.golden import GoldenDevice

    golden = GoldenDevice()
    golden.load(compiled)
    expected = golden.infer_words(words)
    with (
        out.progress() as tell,
        SimDevice(trace=output, progress=tell, engine="verilator") as simulated,
    ):
        simulated.load(compiled)
        begin = simulated.model.cycles
        found = simulated.infer_words(words)
        end = simulated.model.cycles
    first = compare_words(expected, found).first
    return _Traced(begin, end, None if first is None else str(first))
