"""`clostorus export`: a net for a host that is not this program."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sw_driver.cli.data_options import FORMS, Label, make_source
from sw_driver.cli.options import Json, Quiet, make_output
from sw_driver.cli.written import quoted, say_written
from sw_driver.errors import DriverError

if TYPE_CHECKING:
    from golden import TrainingState
    from golden.data.source import Source
    from sw_driver.compiled import Compiled
    from sw_driver.system.console import Output

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "clostorus export --c model.ctz -o model.h",
    "clostorus export --c trained.pt --name learner --samples 1 -o learner.h",
    "clostorus export --testbench model.ctz --samples 4 -o bench",
    "clostorus export --testbench trained.pt -o bench",
)

_SAMPLES = 16  # Enough that a program costs little beside its samples.

_C = Annotated[
    bool, typer.Option("--c", help="As a header for clostorus.h, which is written beside it.")
]
_Testbench = Annotated[
    bool,
    typer.Option(
        "--testbench",
        help="As a folder for a simulator: the beats of a host, the golden model's answers, and a "
        "testbench in Verilog.",
    ),
]
_Name = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="With --c: of the net in C [default: the name of OUTPUT]."
    ),
]
_Data = Annotated[
    str | None,
    typer.Option(
        metavar=FORMS,
        help="With --testbench: the data whose training samples are run [default: those that the "
        "file was made from].",
    ),
]
_Samples = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=65_536,
        help="With --c: of the longest program that infers, and of a run that trains; with "
        "--testbench: samples that are run or trained on [default: 16; where weights change batch "
        "by batch, a batch, or whole batches].",
    ),
]


def command(
    ctx: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(help="A compiled model, or a model file that was trained on a torus."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where the header, or the folder, goes.")
    ],
    c: _C = False,
    testbench: _Testbench = False,
    name: _Name = None,
    samples: _Samples = None,
    data: _Data = None,
    label: Label = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a net for a host of your own: in C, or in a simulator.

    With --c, on bare metal or under an operating system: the header holds the programs of the torus
    and the words of the net. clostorus.h sends them over the host link of a board; docs/c_host.md
    is its page. With --testbench, for the bare torus that clostorus verilog --config-from writes:
    docs/export.md is its page.

    A compiled model infers; a model that was trained on a torus goes on training there, too.
    """
    out = make_output(ctx, json, quiet)
    if c == testbench:
        raise DriverError("export needs either --c or --testbench: what it is to write")
    if testbench:
        if name is not None:
            raise DriverError("name needs --c: a testbench has none")
        _write_testbench(out, file, output, make_source(data, label, None, None), samples)
        return
    if data is not None or label is not None:
        raise DriverError("data and label need --testbench: a header in C has no samples")
    _write_header(out, file, output, name, samples)


def _write_testbench(
    out: "Output", file: Path, output: Path, source: "Source | None", samples: int | None
) -> None:
    """Write the folder of --testbench."""
    from sw_driver.files.data_files import source_files
    from sw_driver.files.kinds import check_source_file
    from sw_driver.script.names import SCRIPT_FILES, check_own
    from sw_driver.system.files import check_folder, check_outputs

    check_folder(output)
    check_own(output, SCRIPT_FILES)
    check_source_file(file)
    if source is not None:
        source.check()
    written = [output / one for one in SCRIPT_FILES]
    check_outputs({"--output": written}, {"FILE": file, **source_files(source)})
    from sw_driver.cli.script_source import read_script
    from sw_driver.files.export import export_files

    found = read_script(file, source, samples)
    compiled, script = found.compiled, found.script
    names = export_files(compiled, output, script, baked=found.baked)
    folder = {"folder": str(output), "exported": [str(output / one) for one in names]}
    facts = {
        "trains": compiled.trains,
        "baked": found.baked,
        "hardware_id": f"{compiled.config.hardware_id:016x}",
        "beats_sent": len(script.sent),
        "beats_expected": len(script.answer.beats),
    }
    out.facts(str(output), [(key.replace("_", " "), str(value)) for key, value in facts.items()])
    say_written(out, output, "tb.v there, beside the Verilog of the torus, for a simulator")
    out.result({**folder, **facts})


def _write_header(
    out: "Output", file: Path, output: Path, name: str | None, samples: int | None
) -> None:
    """Write the header of --c."""
    name, library = _check(file, output, name)
    compiled, state, batch = _load(file)
    count = samples or batch or _SAMPLES
    from sw_driver.c_host.header import c_header, library_header
    from sw_driver.system.files import write_files

    if batch is not None and count != batch:
        raise DriverError(f"samples must be {batch}, the batch of {file}, not {count}")
    text = c_header(compiled, name, samples=count, state=state)
    write_files(output.parent, {library.name: library_header(), output.name: text.encode()})
    facts = {
        "net": name,
        "trains": compiled.trains,
        "samples": count,
        "hardware_id": f"{compiled.config.hardware_id:016x}",
        "bytes": len(text),
    }
    out.facts(str(output), [(key.replace("_", " "), str(value)) for key, value in facts.items()])
    say_written(out, library, "one C file of yours, after #define CLOSTORUS_IMPLEMENTATION")
    say_written(out, output, f"cc -std=c99 -I{quoted(output.parent)} yours.c")
    out.result({"header": str(output), "library": str(library), **facts})


def _check(file: Path, output: Path, name: str | None) -> tuple[str, Path]:
    """Refuse what is wrong with the command line; return the net's name and the library's file."""
    from sw_driver.c_host.names import LIBRARY, c_name, check_c_name
    from sw_driver.files.kinds import check_source_file
    from sw_driver.system.files import check_outputs, is_replaced

    name = c_name(output.stem) if name is None else name
    check_c_name(name)
    if output.suffix != ".h" and is_replaced(output):
        raise DriverError(f"output must end in .h, as a header of C does, not {output.name!r}")
    if not is_replaced(output):
        raise DriverError(f"output must be a file, beside which {LIBRARY} is written, not {output}")
    library = output.parent / LIBRARY
    check_outputs({"--output": output, LIBRARY: library}, {"FILE": file})
    check_source_file(file)
    return name, library


def _load(file: Path) -> "tuple[Compiled, TrainingState | None, int | None]":
    """Read a net, where its training stands, and the samples of a batch, where there are any."""
    from sw_driver.compiled import Compiled
    from sw_driver.train.model_config import load_either
    from sw_driver.train.saved import load_trained

    found = load_either(file, load_trained)
    if isinstance(found, Compiled):
        return found, None, None
    compiled, state, recipe = found
    return compiled, state, recipe.batch_size if recipe.batches else None
