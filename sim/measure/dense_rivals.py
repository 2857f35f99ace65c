"""A dense net, and those of fewer parameters that take its place, on one torus."""

import dataclasses
import functools
import re
from typing import Any, NamedTuple

from torch import nn

from fpga.board_design import board_config
from fpga.boards import BOARDS
from fpga.capacity import board_estimate, fits
from golden import ClosLinear
from golden.experiments.classifiers import Sizes, classifier, dense_parameters, parameters_of
from golden.layers import LowRankLinear
from golden.layers.dense import DenseShape, LayerShape
from hw.config import TorusConfig
from sim.errors import SimError
from sw_driver.compiler import compile, place_net
from sw_driver.errors import FitError, ProgramError
from sw_driver.files.report import percent
from sw_driver.plan.fit import grown

from .dense_runs import HOST_BITS, drawn_net, roomy_torus, run_net
from .markdown import cells_by_row, text_between_marks
from .results import ROOT, Bench, markdown_table, paragraphs

__all__ = ["NETS", "Rival", "measure_parts", "measure_rivals", "shapes_of"]

_SIZES = Sizes(784, 256, 10)
_BOARD, _BOARD_SIZE = "ulx3s-85f", 4
_PAPERS = ROOT / "docs" / "papers.md"
_FPGA = ROOT / "docs" / "fpga.md"


class Rival(NamedTuple):
    """A net of docs/papers.md, C7.

    Parameters
    ----------
    kind
        One of `golden.experiments.classifiers.KINDS`.
    reduction
        Parameters of the dense net for each one that this net may have.
    """

    kind: str
    reduction: float


NETS = (Rival("dense", 1), Rival("Clos", 5.5), Rival("low-rank", 5.5), Rival("Clos", 22),
        Rival("low-rank", 22))


def shapes_of(model: nn.Sequential) -> list[LayerShape]:
    """The layers of a net as a torus computes them: one of low rank is two dense ones."""
    shapes: list[LayerShape] = []
    for layer in model:
        if isinstance(layer, ClosLinear):
            shapes.append(layer.shape)
        elif isinstance(layer, LowRankLinear):
            shapes.append(DenseShape(layer.in_features, layer.rank))
            shapes.append(DenseShape(layer.rank, layer.out_features))
        elif isinstance(layer, nn.Linear):
            shapes.append(DenseShape(layer.in_features, layer.out_features))
    return shapes


@functools.cache
def _model(rival: Rival) -> nn.Sequential:
    return classifier(rival.kind, _SIZES, int(dense_parameters(_SIZES) / rival.reduction), 0)


def _named(rival: Rival) -> str:
    first, *others = shapes_of(_model(rival))
    return f"{rival.kind}: {first}, {', '.join(map(str, others))}"


def measure_rivals(bench: Bench) -> tuple[str, list[dict[str, Any]]]:
    """Cycles of every net on every torus of `HOST_BITS`, as Markdown and as values."""
    values: list[dict[str, Any]] = []
    rows: list[tuple[object, ...]] = []
    for done, rival in enumerate(NETS):
        bench.tell(f"dense: {_named(rival)}", done, len(NETS))
        shapes, parameters = shapes_of(_model(rival)), parameters_of(_model(rival))
        cells: list[object] = []
        for torus, host_bits in HOST_BITS.items():
            size = int(torus.partition("x")[0])
            value = run_net(bench, shapes, roomy_torus(size, host_bits))
            share = (sum(one.parameters for one in shapes) / size ** 2) / value["cycles"]
            values.append({"net": rival, "torus": torus, "parameters": parameters,
                           "utilisation": share, **value})
            dense = next(one for one in values if one["torus"] == torus)["cycles"]
            cells += [f"{value['cycles']:.5g}", f"{dense / value['cycles']:.3g}", percent(share)]
        rows.append((_named(rival), parameters,
                     f"{dense_parameters(_SIZES) / parameters:.1f}",
                     f"{_accuracy(rival.kind, parameters)} %", *cells))
    bench.tell("dense, other nets", len(NETS), len(NETS))
    header = ("net", "parameters", "times fewer", "test accuracy", *(
        f"{torus}: {column}" for torus in HOST_BITS
        for column in ("cycles/sample", "times faster", "MAC utilisation")))
    text = paragraphs(f"""
        These are the nets 784-256-10 of [papers.md](papers.md#c7-accuracy-against-parameters), C7,
        each on the same torus. "low-rank" is a chain of dense layers, the first one of its rank.
        Every kind has a dense layer of 10 outputs at its end. Biases count as parameters. The
        accuracy is that table's for mnist10k: of nets in float, the mean of 5 seeds. Cycles are of
        nets of the same shapes with random words, on the RTL, with host streams of
        {" and ".join(map(str, HOST_BITS.values()))} bits, and all words were compared as above.
        "times faster" is the cycles of the dense net over those of this one.""")
    return text + "\n" + markdown_table(header, rows), values


def _accuracy(kind: str, parameters: int) -> str:
    """The percentage that the page of the experiment has for a net on mnist10k."""
    part = _PAPERS.read_text(encoding="utf-8").partition("**mnist10k**")[2]
    found = re.search(rf"^\| {kind} \| {parameters} \|(?:[^|]*\|){{2}} ([\d.]+) \|", part, re.M)
    if found is None:
        raise SimError(f"{_PAPERS} must have a row of {kind} with {parameters} parameters: "
                       "clostorus experiment clos-accuracy writes its tables")
    return found[1]


def measure_parts(bench: Bench) -> tuple[str, list[dict[str, Any]]]:
    """Samples a second at the clock of a placed torus, of nets that fit its part."""
    values: list[dict[str, Any]] = []
    rows: list[tuple[object, ...]] = []
    row = f"{_BOARD} {_BOARD_SIZE}x{_BOARD_SIZE}, infers"
    mhz = float(cells_by_row(text_between_marks(_FPGA, "table"))[row]["Fmax, MHz"])
    jobs = [(rival, 16) for rival in NETS] + [(NETS[0], 8)]
    for done, (rival, bits) in enumerate(jobs):
        bench.tell(f"dense: {_named(rival)} on a part, {bits} bits", done, len(jobs))
        built = dataclasses.replace(board_config(BOARDS[_BOARD], _BOARD_SIZE, _BOARD_SIZE),
                                    act_bits=bits, weight_bits=bits)
        shapes = shapes_of(_model(rival))
        config = _torus_of(shapes, built)
        used = {one.name: one for one in board_estimate(BOARDS[_BOARD], config)}
        fitting = fits(BOARDS[_BOARD], tuple(used.values()))
        value: dict[str, Any] = {
            "net": rival, "bits": bits, "fits_built": config == built and bits == 16,
            "fits_part": fitting, "weight_words": config.weight_words,
            "block_rams": used["BRAM"].used}
        if fitting:
            value |= run_net(bench, shapes, roomy_torus(
                _BOARD_SIZE, built.host_bits, link_stages=built.link_stages, word_steps=0,
                act_bits=bits, weight_bits=bits))
        values.append(value)
        star = "" if value["fits_built"] else " *"
        speed = ((f"{value['cycles']:.5g}", f"{1e6 * mhz / value['cycles']:.0f}{star}")
                 if fitting else ("", "does not fit"))
        blocks = used["BRAM"]
        rows.append((_named(rival), bits, config.weight_words,
                     f"{blocks.used} of {blocks.available}", *speed))
    bench.tell("dense, on a part", len(jobs), len(jobs))
    header = ("net", "word bits", "weights a PE", "block RAMs, estimated", "cycles/sample, RTL",
              "samples/s")
    text = paragraphs(f"""
        This is the 4x4 torus of an ECP5-85F ({row}, in [fpga.md](fpga.md#measured)), at the
        {mhz:g} MHz that its build reached: host stream of {board_config(
            BOARDS[_BOARD], _BOARD_SIZE, _BOARD_SIZE).host_bits} bits, a further register on every
        link, no `word_steps`. A star says that the net needs larger memories, or other words, than
        the torus that was built. The part holds such a torus by the resource model, but it was not
        placed, and its clock may be another. The 8x8 torus fits no part of this project. The UART
        of a board is slower than any of this. The accuracy with words of 8 bits was not
        measured.""")
    return text + "\n" + markdown_table(header, rows), values


def _torus_of(shapes: list[LayerShape], built: TorusConfig) -> TorusConfig:
    """The torus that was built if a net fits it, else one with the memories that the net needs."""
    net = drawn_net(shapes, built)
    try:
        return compile(net, built).config
    except (FitError, ProgramError):
        needs = place_net(net, built.rows, built.cols)[3]
        # Not of a power of two: the dense net leaves no block RAM to spare.
        return dataclasses.replace(grown(built, needs),
                                   weight_words=max(built.weight_words, needs.weight_words))
