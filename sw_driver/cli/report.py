"""`clostorus report`: a compiled model, or the build of a board, as one HTML page."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sw_driver.cli.data_options import FORMS, Label, SplitSeed, TestFraction, make_source
from sw_driver.cli.options import Json, Quiet, make_output
from sw_driver.cli.written import quoted, say_written

if TYPE_CHECKING:
    from golden.data.source import Source
    from golden.system.progress import Progress
    from sw_driver.files.artifact import Artifact
    from sw_driver.files.judgement import Judgement

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "clostorus report model.ctz",
    "clostorus report model.ctz --model model.pt -o report.html",
    "clostorus report model.ctz --data test.csv --samples 500",
    "clostorus report build/fpga/ulx3s-85f",
    "clostorus report build/fpga/ulx3s-85f --net model.ctz",
)

_Source = Annotated[
    Path, typer.Argument(help="A compiled model, or the folder of a build, as build writes it.")
]
_Net = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Of a build: the compiled model that it is to run [default: the model.ctz in its "
        "folder, if there is one].",
    ),
]
_Model = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The float model that was compiled: show how far each layer is from its own.",
    ),
]
_Data = Annotated[
    str | None,
    typer.Option(
        metavar=FORMS,
        help="The data whose test samples are run, as for run [default: the data that set the "
        "scales].",
    ),
]
_Output = Annotated[Path, typer.Option("--output", "-o", help="Of the page.")]


@dataclasses.dataclass(frozen=True)
class _Wanted:
    """What the command line asks for."""

    source: Path
    net: Path | None
    model: Path | None
    data: "Source | None"
    samples: int | None
    output: Path


def command(
    ctx: typer.Context,
    source: _Source,
    net: _Net = None,
    model: _Model = None,
    data: _Data = None,
    label: Label = None,
    test_fraction: TestFraction = None,
    split_seed: SplitSeed = None,
    samples: Annotated[int | None, typer.Option(min=1, help="Only so many samples.")] = None,
    output: _Output = Path("report.html"),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write one HTML page about a compiled model or about the build of a board.

    The page shows the net, where it lies on the torus, the use of each MAC and link, a timeline to
    zoom into, cycles beside their bounds, saturation and errors, and the modelled energy; of a
    build also its use of the part, the area of its modules and its longest paths. It is one file
    below 2 MB, which asks for nothing over the network; it can be printed.
    """
    from sw_driver.system.files import write_text

    out = make_output(ctx, json, quiet)
    given = make_source(data, label, test_fraction, split_seed)
    wanted = _checked(_Wanted(source, net, model, given, samples, output))
    from sw_driver.predict.steady_tracks import MOST_PIECES
    from sw_driver.report.page import MOST_BYTES

    text, names = "", list[str]()
    with out.progress() as tell:
        built = _read_build(wanted)
        compiled = _read_net(wanted, built)
        judged, missing = (None, "") if compiled is None else _judge(wanted, compiled)
        for most_pieces in (MOST_PIECES, 0):
            text, names = _page(wanted, built, compiled, judged, missing, tell, most_pieces)
            if len(text.encode()) < MOST_BYTES:
                break

    write_text(output, text)
    say_written(out, output, "any browser")
    accuracy = None if judged is None else judged.accuracy
    out.result({
        "source": str(source),
        "output": str(output),
        "bytes": len(text.encode()),
        "sections": names,
        "cycles_per_sample": None if compiled is None else compiled.prediction.cycles,
        "fmax_mhz": None if built is None else built["fmax_mhz"],
        "fixed_point_accuracy": accuracy,
    })  # fmt: skip


def _checked(wanted: _Wanted) -> _Wanted:
    """Refuse what cannot be, before it takes PyTorch; return it with the net of a build."""
    from sw_driver.errors import DriverError
    from sw_driver.files.archive import check_archive
    from sw_driver.files.data_files import source_files
    from sw_driver.files.kinds import check_model_file
    from sw_driver.system.files import check_outputs, files_in

    source, is_build = wanted.source, wanted.source.is_dir()
    if not source.exists():
        raise DriverError(
            f"source must be a compiled model or the folder of a build, but there is no {source}"
        )
    if wanted.net is not None and not is_build:
        raise DriverError(f"net needs the folder of a build as SOURCE, but {source} is a file")
    if is_build:
        from fpga.page.source import net_of_build, read_report

        read_report(source)
        wanted = dataclasses.replace(wanted, net=wanted.net or net_of_build(source))
    else:
        wanted = dataclasses.replace(wanted, net=source)
    read = {"SOURCE": _known_files(source, files_in(source)) if is_build else source,
            "--net": wanted.net if is_build else None, "--model": wanted.model,
            **source_files(wanted.data)}  # fmt: skip
    check_outputs({"--output": wanted.output}, read)
    if wanted.output.suffix not in (".html", ".htm"):
        raise DriverError(f"output must end in .html, not {wanted.output.name!r}")
    if wanted.net is None:
        for name in ("model", "data", "samples"):
            if getattr(wanted, name) is not None:
                raise DriverError(f"{name} needs a net: {source} holds none, so name it with --net")
    else:
        check_archive(wanted.net)
    if wanted.model is not None:
        check_model_file(wanted.model)
    if wanted.data is not None:
        wanted.data.check()
    return wanted


def _known_files(folder: Path, files: list[Path]) -> list[Path]:
    """All files of a build but the page of a former report."""
    from fpga.board_build import PAGE_FILE

    return [path for path in files if path != folder / PAGE_FILE]


def _read_build(wanted: _Wanted) -> dict[str, Any] | None:
    if not wanted.source.is_dir():
        return None
    from fpga.page.source import read_report

    return read_report(wanted.source)


def _read_net(wanted: _Wanted, built: dict[str, Any] | None) -> "Artifact | None":
    """Read the net, which must be one for the torus of the build, if there is a build."""
    if wanted.net is None:
        return None
    from hw.config import TorusConfig
    from sw_driver.errors import DriverError
    from sw_driver.files.artifact import load_artifact

    compiled = load_artifact(wanted.net, check=True)
    _ = compiled.image_difference  # Raises if the parts of the file are of different nets.
    if built is not None:
        torus = TorusConfig.from_dict(built["torus"])  # pyright: ignore[reportUnknownMemberType]
        if torus.hardware_id != compiled.config.hardware_id:
            raise DriverError(
                f"net must be compiled for the torus of the build, whose hardware id is "
                f"{torus.hardware_id:016x}, but {wanted.net} is for "
                f"{compiled.config.hardware_id:016x}"
            )
    return compiled


def _judge(wanted: _Wanted, compiled: "Artifact") -> tuple["Judgement | None", str]:
    """Run the samples; without samples, say why there are none."""
    from golden.data import datasets
    from sw_driver.files.judgement import judge
    from sw_driver.files.output_error import load_float
    from sw_driver.files.samples import check_features, data_of, first_samples

    net, path = compiled.net, wanted.net or wanted.source
    asked = wanted.data is not None or wanted.model is not None or wanted.samples is not None
    if not asked and compiled.data not in datasets.NAMES:
        made = "it does not say from which data" if compiled.data is None else (
            f"it was made from {compiled.data}, which does not come with this program")
        return None, f"the file names no samples that are here ({made}); give them by --data."
    data = data_of(wanted.data, compiled.data, path, "to run")
    part = first_samples(data, wanted.samples, compiled.preparation, net.shapes[-1].out_features)
    check_features(part, net.shapes[0].in_features, path)
    known = compiled.preparation
    model = None if wanted.model is None else load_float(wanted.model, compiled, known)
    names = () if known is None or known.classes is None else known.classes
    return judge(compiled, part, names, model), ""


def _page(
    wanted: _Wanted,
    built: dict[str, Any] | None,
    compiled: "Artifact | None",
    judged: "Judgement | None",
    missing: str,
    tell: "Progress",
    most_pieces: int,
) -> tuple[str, list[str]]:
    """The text of the page, and the names of its sections; the timeline has so much detail."""
    from sw_driver.report.markup import join
    from sw_driver.report.net_page import net_sections
    from sw_driver.report.page import Section, page
    from sw_driver.report.precision import precision_section
    from sw_driver.report.summary import net_lead

    leads: list[str] = []
    sections: list[Section] = []
    if built is not None:
        from fpga.page.area import area_section
        from fpga.page.board import board_lead, board_section
        from fpga.page.paths import paths_section

        leads.append(board_lead(built))
        cycles = None if compiled is None else compiled.prediction.cycles
        sections += [board_section(built, cycles), area_section(built), paths_section(built)]
    if compiled is not None:
        again = f"clostorus report {quoted(wanted.source)} --model model.pt"
        leads.append(net_lead(compiled, None if judged is None else judged.accuracy))
        precision = precision_section(judged, missing, again)
        sections += net_sections(compiled, precision, tell, most_pieces)
    else:
        sections.append(_without_net(wanted))
    if built is None:
        sections.append(_without_build(wanted))
    title = f"Clostorus: {wanted.source.resolve().name}"
    return page(title, join(leads), sections), [one.name for one in sections]


def _without_net(wanted: _Wanted) -> Any:
    from sw_driver.report.markup import note, tag
    from sw_driver.report.page import Section

    command = f"clostorus report {quoted(wanted.source)} --net model.ctz"
    content = note("This build holds no net. ", tag("code", command),
                   " shows one that was compiled for its torus.")  # fmt: skip
    return Section("net", "Net", content)


def _without_build(wanted: _Wanted) -> Any:
    from sw_driver.report.markup import note, tag
    from sw_driver.report.page import Section

    path = quoted(wanted.source)
    build = f"clostorus build --board ulx3s-85f --config-from {path}"
    report = f"clostorus report build/fpga/ulx3s-85f --net {path}"
    content = note("Not built: area and paths are those of a board. ", tag("code", build),
                   " builds this torus for one, and ", tag("code", report),
                   " shows both.")  # fmt: skip
    return Section("board", "Area by module and longest paths", content)
