"""What stands at the top of a page: what the net is, and its figures."""

from collections.abc import Iterable

from sw_driver.compiled import Compiled
from sw_driver.files.report import cost_rows, engine_rows, fit_rows
from sw_driver.predict.energy import sample_energy
from sw_driver.report.markup import Markup, details, facts, join, number, percent, table, tag
from sw_driver.report.page import Section

__all__ = ["net_lead", "tiles", "torus_section"]


def tiles(found: Iterable[tuple[str, str]]) -> Markup:
    """Return large figures, each with what it is."""
    items = (tag("li", tag("b", value), tag("span", name)) for value, name in found)
    return tag("ul", *items, class_="tiles")


def net_lead(compiled: Compiled, accuracy: float | None) -> Markup:
    """Say what the net is, and what it costs, in one line and a few figures.

    `accuracy` is that of its words on some samples, 0 to 1; None if it is not known.
    """
    config, prediction = compiled.config, compiled.prediction
    shapes = ", ".join(map(str, compiled.shapes))
    line = (
        f"Layers {shapes} on a torus of {config.rows}x{config.cols} PEs, "
        f"{config.act_bits}-bit activations, {config.weight_bits}-bit weights"
    )
    parameters = sum(shape.parameters for shape in compiled.shapes)
    dense = sum(shape.in_features * shape.out_features for shape in compiled.shapes)
    found = [
        (number(prediction.cycles), "cycles a sample"),
        (percent(prediction.utilisation), "of the multipliers' time goes into the net"),
        (number(parameters), f"weights; dense layers would have {dense / parameters:.1f} times"),
        (f"{number(sample_energy(compiled).total_nj)} nJ", "a sample in a chip of 45 nm, modelled"),
    ]
    if accuracy is not None:
        found.append((percent(accuracy), "of the samples in the right class, in words"))
    return join([tag("p", line, class_="sub"), tiles(found)])


def torus_section(compiled: Compiled) -> Section:
    """Say what the torus is, and what of it the net fills."""
    header = ("memory or counter", "needed", "there")
    content = join([
        facts([(name.strip(), value) for name, value in cost_rows(compiled)]),
        details("What the engines do, part of the time", facts(engine_rows(compiled))),
        details("Memories and counters", table(header, fit_rows(compiled))),
    ])  # fmt: skip
    return Section("torus", "Facts", content)
