"""Dense layers on the RTL: MAC utilisation, beside a systolic array, and beside smaller nets."""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

from golden.layers.dense import DenseShape
from sim.toolchain import find_toolchain
from sw_driver.files.report import percent

from .dense_rivals import measure_parts, measure_rivals
from .dense_runs import HOST_BITS, compiled_net, roomy_torus, run_net
from .nets import RTL_PACKAGES
from .results import Bench, Table, markdown_table, paragraphs, source_digest
from .scale_sim import best_cycles, dense_gemm
from .systolic import batch_cycles, systolic_cell

__all__ = ["TITLE", "layer_utilisation", "measure", "verdict"]

TITLE = "Dense layers"

_FIRST = (DenseShape(784, 256),)
_BEHIND = (DenseShape(256, 256), DenseShape(256, 256))
_HEAD = (DenseShape(256, 256), DenseShape(256, 10))


class _Case(NamedTuple):
    shapes: tuple[DenseShape, ...]
    size: int
    aim: float

    @property
    def torus(self) -> str:
        return f"{self.size}x{self.size}"


_CASES = tuple(itertools.starmap(_Case, (
    (_FIRST, 4, 0.99), (_FIRST, 8, 0.97), (_BEHIND, 4, 0.95), (_BEHIND, 8, 0.92),
    (_HEAD, 4, 0.70), (_HEAD, 8, 0.45))))
_QUICK = (_Case((DenseShape(64, 32), DenseShape(32, 10)), 4, 0.0),)
_SYSTOLIC_SIZES = (4, 8, 16)
_BATCHES = (1, 32)
_LARGE_HOST_BITS = 256  # Of a torus larger than those of `HOST_BITS`.


def measure(bench: Bench) -> Table:
    """Run dense nets, and smaller nets in their place, on the RTL; quick: one. About 5 minutes."""
    text, values = _utilisation(bench, _QUICK if bench.quick else _CASES)
    found: dict[str, Any] = {"utilisation": values}
    if not bench.quick:
        for name, part in (("systolic", _systolic), ("rivals", measure_rivals),
                           ("parts", measure_parts)):
            more, found[name] = part(bench)
            text += f"\n{more}"
    return Table(text, found)


def layer_utilisation(shapes: Sequence[DenseShape], pes: int, cycles: float) -> float:
    """MAC utilisation of the last layer of a net that takes these cycles a sample on `pes` PEs.

    The layers before it count with the fewest cycles that they can take, their products / PEs, so
    that all that is lost in the net is lost by the last layer.
    """
    *before, last = shapes
    return last.parameters / (pes * cycles - sum(shape.parameters for shape in before))


def verdict(reached: float, aim: float) -> str:
    """What came of an aim."""
    return "met" if reached >= aim else "**missed**"


def _utilisation(bench: Bench, cases: Sequence[_Case]) -> tuple[str, list[dict[str, Any]]]:
    values: list[dict[str, Any]] = []
    rows: list[tuple[object, ...]] = []
    for done, case in enumerate(cases):
        bench.tell(f"dense: {_named(case)}", done, len(cases))
        host_bits = HOST_BITS[case.torus]
        value = run_net(bench, case.shapes, roomy_torus(case.size, host_bits))
        share = layer_utilisation(case.shapes, case.size ** 2, value["cycles"])
        values.append({"layers": [str(shape) for shape in case.shapes], "torus": case.torus,
                       "aim": case.aim, "utilisation": share, **value})
        waits = ", ".join(f"{activity} {percent(part)}" for activity, part in value["mac"].items()
                          if activity != "working" and round(part, 3))
        rows.append((_named(case), f"{value['cycles']:.5g}", f"{value['predicted']:.5g}",
                     percent(share), f"{100 * case.aim:g} %", verdict(share, case.aim),
                     percent(value["padding"]), waits or "nothing", host_bits,
                     value["host_bits_needed"] or "more"))
    bench.tell("dense", len(cases), len(cases))
    header = ("layer and torus", "cycles/sample, RTL", "predicted", "MAC utilisation", "aim",
              "verdict", "padding", "MAC waits for", "host bits", "needed")
    text = paragraphs(f"""
        A dense layer sums over every input. What was measured is a steady state in the best order,
        on the RTL in Verilator ({find_toolchain().versions}), and "cycles/sample" is of the whole
        net of a row. Nets are of random words, and every word that the RTL answered was compared
        with the golden model's and is equal. Memories are large enough for every net of this
        section.

        The utilisation of a first layer is that of a net of this layer alone: products / (PEs x
        cycles). A layer behind another is measured in a net of both. The first layer counts with
        the fewest cycles that it can take, its products / PEs, and all other cycles of the net
        count for the second. So all padding and all waiting of the net count against the second
        layer.

        "padding" and what the MAC waits for are shares of the net's cycles, with the words of the
        table of Clos layers. "needed" is the narrowest host stream that does not bound the run.""")
    return text + "\n" + markdown_table(header, rows), values


def _named(case: _Case) -> str:
    *before, last = case.shapes
    behind = f" behind {before[-1]}" if before else ", first"
    return f"{last}{behind}, {case.torus}"


def _systolic(bench: Bench) -> tuple[str, list[dict[str, Any]]]:
    values: list[dict[str, Any]] = []
    rows: list[tuple[object, ...]] = []
    digest, tools = source_digest(*RTL_PACKAGES), find_toolchain().versions
    for done, size in enumerate(_SYSTOLIC_SIZES):
        bench.tell(f"dense: {_FIRST[0]} on {size}x{size}, by batches", done, len(_SYSTOLIC_SIZES))
        config = roomy_torus(size, HOST_BITS.get(f"{size}x{size}", _LARGE_HOST_BITS))
        depends = {"shape": str(_FIRST[0]), "config": dataclasses.asdict(config),
                   "batches": _BATCHES, "sources": digest, "tools": tools}
        ours = bench.result("dense-systolic", depends, lambda config=config: batch_cycles(
            compiled_net(_FIRST, config), _BATCHES))
        for batch, total in zip(_BATCHES, ours["cycles"], strict=True):
            there, array = best_cycles(dense_gemm(_FIRST[0], batch), size ** 2)
            values.append({"pes": size ** 2, "batch": batch, "measured": ours["measured"],
                           "cycles": total, "systolic_cycles": there})
            rows.append((
                f"{_FIRST[0]}, {size ** 2} PEs, batch {batch}", systolic_cell(there, array, batch),
                f"{total / batch:.5g}" + ("" if ours["measured"] else " (predicted)"),
                f"{there / total:.3f}", config.host_bits))
    bench.tell("dense, by batches", len(_SYSTOLIC_SIZES), len(_SYSTOLIC_SIZES))
    header = ("layer, multipliers", "systolic", "Clostorus", "systolic / ours", "host bits")
    text = paragraphs("""
        This is the same dense layer on a systolic array of as many multipliers, counted for both
        as in the table of Clos layers beside a systolic array: cycles of a batch over the number
        of its samples.""")
    return text + "\n" + markdown_table(header, rows), values
