"""The front as a table of text, as CSV and as a picture."""

import csv
import io
from collections.abc import Sequence

from golden.system.extras import needs

from .board_front import Found
from .points import Point

with needs("experiments"):
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

__all__ = ["COLUMNS", "front_csv", "front_picture", "front_rows"]

COLUMNS = ("", "torus", "lanes", "link", "bits", "host", "samples/s", "cycles", "us", "nJ", "LUT",
           "BRAM", "accuracy")
_MARKED = 3


def front_rows(points: Sequence[Point], *, names: bool = False) -> list[tuple[str, ...]]:
    """Rows of a table of points, numbered from 1; `names` says their layers, too.

    Lanes are words of a sum times sums, "link" is the words that a link moves at once, and "us"
    the latency of a sample.
    """
    rows: list[tuple[str, ...]] = []
    for number, point in enumerate(points, 1):
        run = point.run
        accuracy = "" if point.accuracy is None else f"{100 * point.accuracy:.2f}%"
        rows.append((
            str(number), f"{run.rows}x{run.cols}", f"{run.lanes_in}x{run.lanes_out}",
            str(run.link_words), str(run.bits), str(run.host_bits), f"{point.rate:.0f}",
            f"{point.cycles:g}", f"{point.latency_us:.1f}", f"{point.energy_nj:.3g}",
            f"{point.used('LUT')}±{100 * point.lut_error:.0f}%", str(point.used("BRAM")),
            accuracy, *([run.layers] if names else [])))
    return rows


def front_csv(found: Sequence[Found]) -> str:
    """All points of exact cycles: of the fronts with their rank from 1, of the others with 0."""
    text = io.StringIO(newline="")
    writer: csv.DictWriter[str] | None = None
    for one in found:
        for rank, point in [*enumerate(one.front, 1), *((0, point) for point in one.others)]:
            row = {"rank": rank, **point.as_dict()}
            if writer is None:
                writer = csv.DictWriter(text, list(row), lineterminator="\n")
                writer.writeheader()
            writer.writerow(row)
    return text.getvalue()


def front_picture(found: Sequence[Found], kind: str) -> bytes:
    """Draw samples a second against LUTs, a panel for each board, as "png" or "svg".

    Bars are as long as the model of LUTs is off at most; colours are block RAMs. Points of exact
    cycles that others beat are grey, and the best three have numbers.
    """
    with rc_context({"font.size": 9, "svg.hashsalt": "clostorus", "svg.fonttype": "none"}):
        figure = Figure(figsize=(5.5 * len(found), 4.2), layout="constrained")
        FigureCanvasAgg(figure)
        (grid,) = figure.subplots(1, len(found), squeeze=False)
        most = max((point.used("BRAM") for one in found for point in one.front), default=1)
        for axes, one in zip(grid, found, strict=True):
            axes.scatter([point.used("LUT") for point in one.others],
                         [point.rate for point in one.others], s=8, color="0.75",
                         label="beaten")
            luts = [point.used("LUT") for point in one.front]
            axes.errorbar(luts, [point.rate for point in one.front],
                          xerr=[lut * point.lut_error
                                for lut, point in zip(luts, one.front, strict=True)],
                          fmt="none", ecolor="0.6", elinewidth=0.7, zorder=1)
            drawn = axes.scatter(luts, [point.rate for point in one.front], s=26, zorder=2,
                                 c=[point.used("BRAM") for point in one.front], vmin=0, vmax=most,
                                 label="front")
            names: list[str] = []
            for number, point in enumerate(one.front[:_MARKED], 1):
                run = point.run
                names.append(f"{number}: {run.rows}x{run.cols} PEs, {run.lanes_in}x{run.lanes_out} "
                             f"lanes, links of {run.link_words}, {run.bits} bits")
                axes.annotate(str(number), (point.used("LUT"), point.rate), xytext=(-3, 5),
                              textcoords="offset points", ha="right", fontsize=8)
            axes.text(0.02, 0.98, "\n".join(names), transform=axes.transAxes, va="top", fontsize=8)
            clocks = {point.clock_mhz for point in (*one.front, *one.others)}
            axes.set(title=f"{one.board} at {', '.join(f'{clock:g}' for clock in clocks)} MHz",
                     xlabel="LUTs, estimated", ylabel="samples a second", xscale="log",
                     yscale="log")
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                axis.set_major_formatter(EngFormatter(sep=""))
                axis.set_minor_formatter(NullFormatter())
            axes.grid(alpha=0.3, which="both")
            axes.legend(loc="lower right")
            figure.colorbar(drawn, ax=axes, label="block RAMs")
        file = io.BytesIO()
        date = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(file, format=kind, dpi=110, metadata={**date, "Description": _says(found)})
    return file.getvalue()


def _says(found: Sequence[Found]) -> str:
    """A line for each point of the fronts."""
    return "\n".join(
        f"{one.board}: {point.run.rows}x{point.run.cols}, "
        f"{point.run.lanes_in}x{point.run.lanes_out} lanes, links of {point.run.link_words}, "
        f"{point.run.bits} bits: "
        f"{point.rate:.0f} samples/s, {point.used('LUT')} LUT, {point.used('BRAM')} BRAM"
        for one in found for point in one.front)
