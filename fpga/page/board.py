"""What a build is, and what it uses of its part."""

from typing import Any

from sw_driver.report.bars import Bar, bars
from sw_driver.report.markup import Markup, facts, join, note, number, percent, tag
from sw_driver.report.page import Section
from sw_driver.report.summary import tiles

__all__ = ["board_lead", "board_section"]

_FULL = 0.9  # From here on a placer has a hard time.


def board_lead(report: dict[str, Any]) -> Markup:
    """Say what was built, and how fast it is, in one line and a few figures."""
    torus = report["torus"]
    line = f"A torus of {torus['rows']}x{torus['cols']} PEs on {report['board']}"
    cells = report["cells"]["LUT"]
    found = [
        (f"{number(float(report['fmax_mhz']))} MHz", "is the fastest clock after routing"),
        (f"{number(float(report['clock_mhz']))} MHz", "is the clock that it is built for"),
        (percent(cells["used"] / cells["available"]), "of the part's LUTs"),
    ]
    return join([tag("p", line, class_="sub"), tiles(found)])


def board_section(report: dict[str, Any], cycles: float | None) -> Section:
    """Show what report.json says of a build as a whole.

    Parameters
    ----------
    report
        A report.json that `fpga.board_build.is_report` has accepted.
    cycles
        Cycles that a sample of the net takes, if there is a net; the host link may need more.
    """
    link = report.get("link", {})
    rows = [
        ("board", report["board"]),
        ("hardware id", report.get("hardware_id", "not known")),
        ("weights", _weights(report)),
        ("clock", f"{report['clock_mhz']:g} MHz"),
        ("Fmax", f"{report['fmax_mhz']} MHz with seed {report.get('seed', 'not known')}"),
    ]
    if cycles is not None:
        rate = report["clock_mhz"] * 1e6 / cycles
        rows.append(("samples a second of the torus, at this clock", number(round(rate))))
    if link.get("baud"):
        rows.append(("UART", f"{number(int(link['baud']))} bits a second"))
    rows += [("tool", tool) for tool in report.get("tools", [])]
    used = [
        Bar(name, f"{number(one['used'])} of {number(one['available'])}",
            [(one["used"] / one["available"],
              "bad" if one["used"] > _FULL * one["available"] else "k0",
              f"{name}: {percent(one['used'] / one['available'])} of the part")])
        for name, one in report["cells"].items() if one["available"]
    ]  # fmt: skip
    content = [facts(rows), tag("h3", "What it uses of the part"),
               tag("figure", bars(used, "What the build uses of the part", 1.0))]  # fmt: skip
    content += _seeds(report)
    return Section("board", "Board build", join(content))


def _weights(report: dict[str, Any]) -> str:
    if report["folded"]:
        return "are logic, and cannot be loaded"
    if report.get("baked"):
        return "are in the memories from the start"
    return "are loaded over the host link"


def _seeds(report: dict[str, Any]) -> list[Markup]:
    """The clock that each seed of the placer reached, if there are several."""
    tried: dict[str, float | None] = report["fmax_mhz_by_seed"]
    if len(tried) < 2:
        return []
    most = max(fmax or 0.0 for fmax in tried.values())
    best = str(report.get("seed"))
    found = [
        Bar(f"seed {seed}", "no route" if fmax is None else f"{fmax:g} MHz",
            [(fmax or 0.0, "k2" if seed == best else "k6", f"seed {seed}")])
        for seed, fmax in tried.items()
    ]  # fmt: skip
    return [tag("h3", "Fmax by seed of the placer"),
            tag("figure", bars(found, "Fmax by seed of the placer", most, report["clock_mhz"]
                               if report["clock_mhz"] <= most else None, "the clock")),
            note("Seeds place the same netlist in different ways; the fastest is kept.")]
