"""What there is to say of a compiled net: as values for JSON, and as rows of tables."""

import dataclasses
from typing import Any

import numpy as np

from sw_driver.compiled import Compiled
from sw_driver.files.artifact import Artifact
from sw_driver.files.net_parts import finish_fields
from sw_driver.plan.fit import measure
from sw_driver.predict.op_table import OpRow, op_table

__all__ = [
    "cost_rows",
    "describe",
    "engine_rows",
    "fit_rows",
    "layer_rows",
    "link_padding",
    "mac_line",
    "op_rows",
    "percent",
]

_OP_COLUMNS = ("own_words", "received_words", "outputs", "base_word", "weight_base_word", "shift")
OP_HEADER = (
    "op", "ring", "from", "blocks", "own\nwords", "words\nin", "sums", "at\nword", "weights\nat",
    "shift", "ring\ncycles", "MAC\ncycles",
)  # fmt: skip
LAYER_HEADER = ("layer", "parameters", "density", "path diversity", "ReLU")
FIT_HEADER = ("field", "needed", "there")
_ENGINES = {
    "mac": "MACs",
    "row": "row rings, PEs",
    "ring": "row rings, gateways",
    "col": "column rings",
    "host_in": "host input",
    "host_out": "host output",
}
_MEMORIES = ("buffer_words", "weight_words", "bias_words", "max_fan_in", "rep_bits")

_CHECKS = {
    1: "a parity beside each word of a memory or link",
    2: "a parity beside each word of a memory or link, and residues of sums",
    3: "a parity beside each word of a memory or link, residues of sums, and twins of registers",
}
"""What a torus has, by its `checks`."""


def percent(part: float) -> str:
    """Write a part of 1, for instance 0.869 as "86.9 %"."""
    return f"{100 * part:.1f} %"


def describe(compiled: Compiled) -> dict[str, Any]:
    """Everything about a compiled net that JSON can write."""
    config, prediction = compiled.config, compiled.prediction
    return {
        "torus": dataclasses.asdict(config),
        "hardware_id": f"{config.hardware_id:016x}",
        "baked": isinstance(compiled, Artifact) and compiled.baked,
        "parameters": sum(shape.parameters for shape in compiled.net.shapes),
        "lane_padding": lane_padding(compiled),
        "link_padding_words": link_padding(compiled)[0],
        "layers": [
            {
                "shape": list(layer.shape.as_tuple()),
                "parameters": layer.shape.parameters,
                "density": layer.shape.density,
                "path_diversity": layer.shape.path_diversity,
                "relu": layer.relu,
                **finish_fields(layer),
                "activation_fraction_bits": list(layer.activation_fraction_bits),
                "weight_fraction_bits": list(layer.weight_fraction_bits),
            }
            for layer in compiled.net.layers
        ],
        "order": [compiled.stages[index].name for index in compiled.order],
        "stages": {
            stage.name: {"extra_turns": turns, "regions": regions}
            for stage, turns, regions in zip(
                compiled.stages, compiled.extra_turns, compiled.plan.copies, strict=True
            )
        },
        "ops": [dataclasses.asdict(row) for row in op_table(compiled)],
        "fit": {name: {"needed": need, "there": there} for name, need, there in _fit(compiled)},
        "predicted": {
            "cycles_per_sample": prediction.cycles,
            "utilisation": prediction.utilisation,
            "padding_cap": prediction.padding_cap,
            "bounds_cycles": prediction.bounds,
            "bound_by": prediction.bound_by,
            "host_bits_needed": prediction.host_bits,
            "engines": prediction.breakdown.engines,
            "stages": prediction.breakdown.stages,
        },
    }


def layer_rows(compiled: Compiled) -> list[tuple[str, ...]]:
    """Rows under `LAYER_HEADER`."""
    return [
        (
            str(layer.shape),
            str(layer.shape.parameters),
            percent(layer.shape.density),
            str(layer.shape.path_diversity),
            "yes" if layer.relu else ", ".join(layer.finish.names()) or "no",
        )
        for layer in compiled.net.layers
    ]


def op_rows(compiled: Compiled) -> list[tuple[str, ...]]:
    """Rows under `OP_HEADER`."""

    def when(start: int | None, end: int | None) -> str:
        return "" if start is None else f"{start}-{end}"

    def cells(row: OpRow) -> tuple[str, ...]:
        return (
            row.name,
            row.axis,
            row.source,
            str(row.blocks),
            *(str(getattr(row, name)) for name in _OP_COLUMNS),
            when(row.ring_start_cycle, row.ring_end_cycle),
            when(row.mac_start_cycle, row.mac_end_cycle),
        )

    return [cells(row) for row in op_table(compiled)]


def fit_rows(compiled: Compiled) -> list[tuple[str, ...]]:
    """Rows under `FIT_HEADER`."""
    return [(name, str(need), str(there)) for name, need, there in _fit(compiled)]


def cost_rows(compiled: Compiled) -> list[tuple[str, str]]:
    """What a sample costs, and why: names and values."""
    config, prediction = compiled.config, compiled.prediction
    rows = [
        ("torus", f"{config.rows}x{config.cols}, hardware id {config.hardware_id:016x}"),
        *_lane_rows(compiled),
        ("words", f"{config.act_bits}-bit activations, {config.weight_bits}-bit weights"),
        *([("checks", _CHECKS[config.checks])] if config.checks else []),
        ("parameters", str(sum(shape.parameters for shape in compiled.net.shapes))),
        ("cycles per sample, predicted", f"{prediction.cycles:g}"),
        ("MAC utilisation, predicted", percent(prediction.utilisation)),
        ("most that padding allows", percent(prediction.padding_cap)),
        ("largest bound", _bound(compiled)),
    ]
    rows += [
        (f"  {part}", f"{cycles} cycles per sample") for part, cycles in prediction.bounds.items()
    ]
    return [*rows, ("host stream", _host_stream(compiled)), ("order of stages", _order(compiled))]


def _lane_rows(compiled: Compiled) -> list[tuple[str, str]]:
    """How many multipliers a PE has, where it has several, and what part of them has no product."""
    config = compiled.config
    if config.row_weights == 1:
        return []
    padding = lane_padding(compiled)
    rows = [
        ("multipliers of a PE", f"{config.lanes_in} words x {config.lanes_out} sums a cycle"),
        ("padding of the lanes", f"{percent(padding)} of their products"),
    ]
    if config.link_words == 1:
        return rows
    added, moved = link_padding(compiled)
    return [
        *rows,
        ("words a link moves at once", str(config.link_words)),
        ("padding of the links", f"{added} of {moved} words that a row and a column gather"),
    ]


def link_padding(compiled: Compiled) -> tuple[int, int]:
    """Words of a sample that are there only because links move several at once, and all words.

    They are those of one row and of one column: of every repetition of every gather, the words of
    all its nodes.
    """
    first, *others = compiled.stages
    used = int(np.flatnonzero((first.sources >= 0).any(axis=(0, 1, 2)))[-1]) + 1
    added = first.reps * (first.words - used)
    for before, stage in zip(compiled.stages, others, strict=False):
        own = int(before.targets[:, :, 1].max()) + 1
        added += stage.reps * stage.words // stage.own * (stage.own - own)
    return added, sum(stage.reps * stage.words for stage in compiled.stages)


def lane_padding(compiled: Compiled) -> float:
    """The part of the multipliers' products that stand for no word or no sum of a stage."""
    made = used = 0
    for stage in compiled.stages:
        made += stage.weight_rows * stage.lanes.count
        used += stage.reps * stage.outputs * stage.fan_in
    return 1 - used / made


def engine_rows(compiled: Compiled) -> list[tuple[str, str]]:
    """Names of engines, and what part of the time they do what, most frequent first."""
    breakdown = compiled.prediction.breakdown
    return [(label, breakdown.line(engine)) for engine, label in _ENGINES.items()]


def mac_line(compiled: Compiled) -> str:
    """What the MACs do, in words."""
    return compiled.prediction.breakdown.line("mac")


def _bound(compiled: Compiled) -> str:
    """The part that needs most cycles, and how many those are of all that a sample takes."""
    prediction = compiled.prediction
    part, needed = prediction.bound_by, prediction.bounds[prediction.bound_by]
    name = f"the {part}, not the MACs" if part.startswith("host") else f"the {part}"
    share = percent(needed / prediction.cycles)
    return f"{name}: {needed} of {prediction.cycles:g} cycles ({share})"


def _order(compiled: Compiled) -> str:
    """The stages as they follow each other, and which of them start an extra turn later."""
    stages, plan = compiled.stages, compiled.plan
    order = ", ".join(stages[index].name for index in plan.order)
    later = [
        f"{stage.name} starts a turn later, with two regions a word"
        for stage, turns in zip(stages, plan.extra_turns, strict=True)
        if turns
    ]
    return "; ".join([order, *(later or ["one region a word"])])


def _host_stream(compiled: Compiled) -> str:
    needed = compiled.prediction.host_bits
    least = "none is wide enough" if needed is None else f"{needed} would do"
    return f"{compiled.config.host_bits} bits; {least}"


def _fit(compiled: Compiled) -> list[tuple[str, int, int]]:
    """Name, need and size of what a net fills."""
    config, executable = compiled.config, compiled.executable
    needs = measure(compiled.net, compiled.plan, executable.images)
    rows = [(name, getattr(needs, name), getattr(config, name)) for name in _MEMORIES]
    return [*rows, ("program_words", executable.loop.program_words(config), config.program_words)]
