"""`clostorus export`: a net for a host that is not this program."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sw_driver.cli.options import Json, Quiet, make_output
from sw_driver.cli.written import quoted, say_written

if TYPE_CHECKING:
    from golden import TrainingState
    from sw_driver.compiled import Compiled

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "clostorus export --c model.ctz -o model.h",
    "clostorus export --c trained.pt --name learner --samples 1 -o learner.h",
)

_SAMPLES = 16  # Enough that a program costs little beside its samples.

_C = Annotated[
    bool, typer.Option("--c", help="As a header for clostorus.h, which is written beside it.")
]
_Name = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Of the net in C [default: the name of OUTPUT]."),
]
_Samples = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=65_536,
        help="Of the longest program that infers, and of a run that trains [default: 16; where "
        "weights change batch by batch, a batch].",
    ),
]


def command(
    ctx: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(help="A compiled model, or a model file that was trained on a torus."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the header goes.")],
    c: _C = False,
    name: _Name = None,
    samples: _Samples = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a net for a host of your own in C, on bare metal or under an operating system.

    The header holds the programs of the torus and the words of the net. clostorus.h sends them over
    the host link of a board; docs/c_host.md is its page. A compiled model infers; a model that was
    trained on a torus goes on training there, too.
    """
    out = make_output(ctx, json, quiet)
    name, library = _check(file, output, c, name)
    compiled, state, batch = _load(file)
    count = samples or batch or _SAMPLES
    from sw_driver.c_host.header import c_header, library_header
    from sw_driver.errors import DriverError
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


def _check(file: Path, output: Path, c: bool, name: str | None) -> tuple[str, Path]:
    """Refuse what is wrong with the command line; return the net's name and the library's file."""
    from sw_driver.c_host.names import LIBRARY, c_name, check_c_name
    from sw_driver.errors import DriverError
    from sw_driver.files.kinds import check_source_file
    from sw_driver.system.files import check_outputs, is_replaced

    if not c:
        raise DriverError("export needs --c: C is the one language that it writes")
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
