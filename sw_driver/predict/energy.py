"""Energy of a sample, from published tables: a Clos net on a torus beside the dense one.

The question is that of the papers: with a dense net, whose weights fit on no chip, accesses to
memory become the dominating cost of energy (NeuroFabric, introduction). Figures are for a chip of
45 nm at 0.9 V, not for an FPGA, whose wires cost several times more; what counts is their ratio.

Sources
-------
- M. Horowitz, "Computing's energy problem (and what we can do about it)", ISSCC 2014, fig. 1.1.9,
  45 nm, 0.9 V: integer additions and multiplications of 8 and 32 bits, an access of 64 bits to a
  cache of 8 KB, 32 KB and 1 MB, and to a DRAM.
- S. W. Keckler et al., "GPUs and the future of parallel computing", IEEE Micro 31(5), 2011,
  table 1, 40 nm: 310 pJ for 256 bits over 10 mm of wire.
- P. Kogge (ed.), "ExaScale computing study", DARPA, 2008: 30 pJ a bit for a usual link between
  chips.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence

from golden.layers.dense import LayerShape
from hw.config import TorusConfig
from sw_driver.compiled import Compiled
from sw_driver.plan.plan import Plan

__all__ = [
    "Energy",
    "add_pj",
    "dense_energy",
    "dense_fits",
    "least_energy",
    "multiply_pj",
    "sample_energy",
    "sram_word_pj",
    "torus_energy",
]

# By width in bits, by size in bytes, and of a part.
_ADD_PJ = {8: 0.03, 32: 0.1}
_MULTIPLY_PJ = {8: 0.2, 32: 3.1}
_SRAM_64_BITS_PJ = {8 << 10: 10.0, 32 << 10: 20.0, 1 << 20: 100.0}
_DRAM_64_BITS_PJ = (1300.0, 2600.0)
_WIRE_BIT_MM_PJ = 310 / (256 * 10)
_LINK_BIT_PJ = 30.0
# A PE of 45 nm with a few KB is narrower; but a ring that closes has links over two of them.
_HOP_MM = 1.0


@dataclasses.dataclass(frozen=True)
class Energy:
    """What a sample takes.

    Parameters
    ----------
    parts_nj
        By what it is spent on, in nJ: of a range, the lower end.
    spread_nj
        How much more it may be, where a table has a range.
    counts
        How often the parts of the same name happen.
    """

    parts_nj: Mapping[str, float]
    spread_nj: float
    counts: Mapping[str, float]

    @property
    def total_nj(self) -> float:
        """The sum of the parts."""
        return sum(self.parts_nj.values())


def add_pj(bits: int) -> float:
    """The energy of an integer addition, in pJ: a power of the width through Horowitz' values."""
    return _through(_ADD_PJ, bits)


def multiply_pj(bits: int) -> float:
    """The energy of an integer product of two words of so many bits, in pJ; as `add_pj`."""
    return _through(_MULTIPLY_PJ, bits)


def sram_word_pj(words: int, bits: int) -> float:
    """The energy to read or write one word of an SRAM, in pJ.

    Horowitz' values for 64 bits are joined by powers of the size, and go on below 8 KB as between
    the first two, where the energy goes with the square root of the size. A narrower word takes its
    part of it.

    Parameters
    ----------
    words, bits
        Size of the memory: number of words, and bits of each.
    """
    return _through(_SRAM_64_BITS_PJ, max(words * bits / 8, 1.0)) * bits / 64


def sample_energy(compiled: Compiled) -> Energy:
    """The energy of a sample on the torus, in the steady state.

    Products, words that rings move and words of the host are those that the cycle model counts,
    padding included; see `torus_energy`.

    Parameters
    ----------
    compiled
        A net for inference.
    """
    config, prediction = compiled.config, compiled.prediction
    pes = config.rows * config.cols

    def working(engine: str) -> float:
        """Cycles a sample, over all PEs."""
        return prediction.breakdown.engines[engine].get("working", 0.0) * prediction.cycles * pes

    moved = (working("row") + working("col")) * config.link_words
    return torus_energy(config, compiled.net.shapes, working("mac"), moved)


def least_energy(config: TorusConfig, shapes: Sequence[LayerShape], plan: Plan) -> Energy:
    """The least energy of a sample, however the ops of a placed net are ordered.

    Words that a PE passes on, and does not keep, are left out of those that rings move.

    Parameters
    ----------
    config
        The torus, its memories as large as the net needs.
    shapes
        Of the layers.
    plan
        Where the net lies.
    """
    pes = config.rows * config.cols
    steps = sum(stage.weight_rows for stage in plan.stages if stage.outputs)
    moved = sum(stage.reps * (stage.words - stage.own) for stage in plan.stages)
    return torus_energy(config, shapes, steps * pes, moved * pes)


def torus_energy(
    config: TorusConfig, shapes: Sequence[LayerShape], steps: float, moved: float
) -> Energy:
    """The energy of a sample on a torus whose MACs and rings do so much.

    A step of a MAC reads the words of a row of the gather buffer, `lanes_in` of them, and a row of
    weights, each of which it multiplies. For a word that a ring engine moves, one is written or
    read; it goes over one link. Memories are of the size that the torus has.

    Parameters
    ----------
    config
        The torus.
    shapes
        Of the layers; the host sends the inputs of the first and takes the outputs of the last.
    steps
        Of all MACs for a sample, padding included.
    moved
        Words that all ring engines move for a sample.
    """
    products, read = steps * config.row_weights, steps * config.lanes_in
    words = shapes[0].in_features + shapes[-1].out_features
    buffer_pj = sram_word_pj(config.buffer_words, config.act_bits)
    parts = {
        "products": (products, _product_pj(config)),
        "weights, on chip": (products, sram_word_pj(config.weight_words, config.weight_bits)),
        "activations": (read + moved, buffer_pj),
        "links": (moved, _WIRE_BIT_MM_PJ * _HOP_MM * config.act_bits),
        "host words": (words, _LINK_BIT_PJ * config.act_bits),
    }
    return _energy(parts)


def dense_fits(config: TorusConfig, shapes: Sequence[LayerShape]) -> bool:
    """Whether the weights of the dense net of these sizes fit into the memories of the torus."""
    return _dense_products(shapes) <= config.rows * config.cols * config.weight_words


def dense_energy(config: TorusConfig, shapes: Sequence[LayerShape], *, dram: bool) -> Energy:
    """The energy of a sample of the dense net of the same sizes, on the same PEs, one at a time.

    Each weight is read once a sample. Whatever else an accelerator for dense nets spends, such as
    to move activations or to keep them, is left out, in favour of the dense net.

    Parameters
    ----------
    config
        The torus: its widths, and the sizes of its memories.
    shapes
        Of the layers.
    dram
        Weights come from a DRAM; else from memories like those of the PEs.
    """
    products = _dense_products(shapes)
    words = shapes[0].in_features + shapes[-1].out_features
    part = config.weight_bits / 64
    low, high = (pj * part for pj in _DRAM_64_BITS_PJ)
    kept = sram_word_pj(config.weight_words, config.weight_bits)
    parts = {
        "products": (products, _product_pj(config)),
        "weights, DRAM" if dram else "weights, on chip": (products, low if dram else kept),
        "activations": (products, sram_word_pj(config.buffer_words, config.act_bits)),
        "host words": (words, _LINK_BIT_PJ * config.act_bits),
    }
    return _energy(parts, products * (high - low) / 1000 if dram else 0.0)


def _dense_products(shapes: Sequence[LayerShape]) -> int:
    return sum(shape.in_features * shape.out_features for shape in shapes)


def _product_pj(config: TorusConfig) -> float:
    """A product and its addition; the wider word decides."""
    return multiply_pj(max(config.act_bits, config.weight_bits)) + add_pj(config.acc_bits)


def _energy(parts: Mapping[str, tuple[float, float]], spread_nj: float = 0.0) -> Energy:
    return Energy(
        {name: count * pj / 1000 for name, (count, pj) in parts.items()},
        spread_nj,
        {name: count for name, (count, _) in parts.items()},
    )


def _through(table: Mapping[int, float], x: float) -> float:
    """The value at x: between two of the table, or beyond its ends, a power of x through two."""
    points = sorted(table.items())
    after = next((number for number, (known, _) in enumerate(points) if x <= known), len(points))
    (x0, y0), (x1, y1) = points[max(min(after, len(points) - 1), 1) - 1 :][:2]
    return y0 * (x / x0) ** (math.log(y1 / y0) / math.log(x1 / x0))
