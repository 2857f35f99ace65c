"""The energy of a sample: of the net in a chip, and of the dense net of the same sizes."""

import math

from sw_driver.compiled import Compiled
from sw_driver.files.energy_report import energy_values
from sw_driver.report.bars import Bar, bars, legend
from sw_driver.report.markup import details, join, note, number, percent, table, tag
from sw_driver.report.page import Section

__all__ = ["energy_section"]

_COLOURS = {
    "products": "k0",
    "weights, on chip": "k1",
    "weights, DRAM": "bad",
    "activations": "k2",
    "links": "k5",
    "host words": "k6",
}


def energy_section(compiled: Compiled) -> Section:
    """Draw the energies by published tables, and their parts."""
    found = energy_values(compiled)
    ours = found["this net"]["total_nj"]
    most = max(one["total_nj"] for one in found.values())
    # A dense net with a DRAM takes hundreds of times as much: lengths are logarithms.
    least = 10 ** math.floor(math.log10(min(one["total_nj"] for one in found.values())))

    def length(total: float) -> float:
        return math.log10(total / least) + 0.05

    totals = [
        Bar(name, _total(one["total_nj"], ours), [(length(one["total_nj"]),
            "k2" if name == "this net" else "k6", f"{number(one['total_nj'])} nJ a sample")])
        for name, one in found.items()
    ]  # fmt: skip
    shares = [
        Bar(name, "", [(nj / one["total_nj"], _COLOURS[part],
                        f"{part}: {number(nj)} nJ, {percent(nj / one['total_nj'])}")
                       for part, nj in one["parts_nj"].items()])
        for name, one in found.items()
    ]  # fmt: skip
    parts = [part for part in _COLOURS if any(part in one["parts_nj"] for one in found.values())]
    rows = [
        (f"{name}: {part}", number(float(one["counts"][part])), number(float(nj)))
        for name, one in found.items() for part, nj in one["parts_nj"].items()
    ]  # fmt: skip
    content = join([
        note("A model, not a measurement: operations counted by the cycle model, times energies "
             "of a 45 nm chip at 0.9 V from published tables (Horowitz, ISSCC 2014; Keckler et "
             "al., 2011; Kogge, 2008), beside the dense net of the same sizes. An FPGA takes "
             "several times more; what counts is the ratio."),
        tag("figure", bars(totals, "Energy of a sample in nJ, on a logarithmic scale",
                           length(most))),
        note("The lengths of these bars are logarithms: a tenth of the energy is a step of equal "
             "length."),
        tag("h3", "What the energy is spent on"),
        tag("figure", bars(shares, "The parts of the energy of a sample", 1.0)),
        legend([(_COLOURS[part], part) for part in parts]),
        details("The same as a table", table(("part", "how often a sample", "nJ"), rows)),
    ])  # fmt: skip
    return Section("energy", "Energy of a sample, modelled", content)


def _total(total: float, ours: float) -> str:
    over = "" if total == ours else f", {total / ours:.3g} times"
    return f"{total:.4g} nJ{over}"
