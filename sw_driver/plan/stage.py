"""One stage of a net as tables: which value every PE gathers, which it computes, and where to.

A stage is one ring all-gather, repeated, with the matrix-vector product that reads it. Weights,
biases, the order of host words and the checks all follow from these tables; no other place knows
how words travel. Values are numbered within the tensor that they belong to:

- an input or an output of a layer by its index;
- output m of input router r as r * Rm + m, and output o of middle router m as o * Rm + m;
- the sum over group g of a dense layer's inputs, for its output o, as g * O + o.

-1 is padding: a word that nobody uses, or a result that nobody needs.
"""

import dataclasses
import enum
from typing import Any

import numpy as np

from golden.fixed.finish import Finish
from sw_driver.arrays import IntArray
from sw_driver.plan.mac_lanes import ONE_LANE, MacLanes

__all__ = ["COLUMN_STAGES", "COPIES", "POSITIONS", "Part", "Stage", "StageKind", "output_part"]


class StageKind(enum.Enum):
    """What a stage computes from what it gathers."""

    INPUT = "H1"
    MIDDLE = "V"
    OUTPUT = "H2"
    DENSE = "dense"
    SUM = "sum"
    MOVE = "move"
    RESULT = "out"


POSITIONS = {
    StageKind.INPUT: 0,
    StageKind.MIDDLE: 1,
    StageKind.OUTPUT: 2,
    StageKind.DENSE: 0,
}
"""The place of a stage among those of its layer that have weights of the net."""

COPIES = (StageKind.MOVE, StageKind.SUM)
"""Stages whose weights are all 1: they say where words go, and never change."""

COLUMN_STAGES = (StageKind.MIDDLE, StageKind.MOVE, StageKind.SUM)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Part:
    """What a stage computes, as its layer alone knows it.

    Parameters
    ----------
    kind
        Which of the stages of its layer.
    visits
        [reps]: the region that each repetition gathers.
    results
        [reps, R, C, outputs]: the value that each output of each repetition is; no outputs in a
        RESULT stage, which only gathers.
    targets
        [reps, outputs, 2]: region of the next stage, and index of the own word in it, that each
        output becomes.
    shift, finish
        Right shift of a sum as it leaves the stage, and what becomes of it besides.
    gain_bits
        Of a stage of `COPIES`, m: its weights are 2**m.
    biases
        Whether sums begin with the biases of the layer.
    broadcast
        Whether the host sends all rows the same words. Of the first stage only.
    word_step
        Sums are over the words 0, `word_step`, 2 `word_step`, ... of a region: 1 for all.
    """

    kind: StageKind
    visits: IntArray
    results: IntArray
    targets: IntArray
    shift: int = 0
    finish: Finish = Finish()
    gain_bits: int = 0
    biases: bool = False
    broadcast: bool = False
    word_step: int = 1


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Stage(Part):
    """One stage of one layer, for one sample: a part, and what it gathers.

    Parameters
    ----------
    layer
        The layer.
    own
        Words that each PE owns in a region; 0 if they come from the host.
    sources
        [regions, R, C, words]: the value at every position of every region of the gather buffer, in
        the order in which PE (r, c) sees words.
    lanes
        Those of the MAC.
    """

    layer: int
    own: int
    sources: IntArray
    lanes: MacLanes = ONE_LANE

    @property
    def name(self) -> str:
        """The name of the stage in tables and messages, for instance "layer 0 H1"."""
        return f"layer {self.layer} {self.kind.value}"

    @property
    def on_columns(self) -> bool:
        """Whether the stage gathers along the columns; else it gathers along the rows."""
        return self.kind in COLUMN_STAGES

    @property
    def from_host(self) -> bool:
        """Whether the gateways own the words that the stage gathers."""
        return self.own == 0

    @property
    def host_words(self) -> IntArray:
        """[reps, R, words], or [reps, 1, words] if all rows get the same: the host's words."""
        words = self.sources[self.visits][:, :, 0]
        return words[:, :1] if self.broadcast else words

    @property
    def regions(self) -> int:
        """Number of regions that the stage has in its gather buffer."""
        return self.sources.shape[0]

    @property
    def words(self) -> int:
        """Words of a region, own and received, padding included."""
        return self.sources.shape[3]

    @property
    def region_words(self) -> int:
        """Words that a region takes in the gather buffer: whole rows."""
        return self.lanes.whole_rows(self.words)

    @property
    def fan_in(self) -> int:
        """Words that each sum is over, padding included."""
        return -(-self.words // self.word_step)

    @property
    def summed(self) -> IntArray:
        """[regions, R, C, fan-in]: the values that sums are over."""
        return self.sources[..., :: self.word_step]

    @property
    def reps(self) -> int:
        """Repetitions for each sample."""
        return len(self.visits)

    @property
    def outputs(self) -> int:
        """Outputs of a PE in each repetition."""
        return self.results.shape[3]

    @property
    def steps(self) -> int:
        """Steps of the MAC for each sum, or for each group of sums that are made at once."""
        return self.lanes.steps(self.words, self.word_step)

    @property
    def walks(self) -> int:
        """Walks through the words of a region in each repetition: one for sums made at once."""
        return self.lanes.walks(self.outputs)

    @property
    def weight_rows(self) -> int:
        """Rows that the stage takes in the weight memory: one for each step of a sample."""
        return self.reps * self.walks * self.steps

    @property
    def mac_cycles(self) -> int:
        """Least cycles of one MAC for each sample; without lanes, its multiply-accumulates."""
        return self.reps * self.lanes.cycles(self.words, self.outputs, self.word_step)


def output_part(
    kind: StageKind,
    visits: IntArray,
    neurons: IntArray,
    targets: IntArray,
    **options: Any,
) -> Part:
    """Return a stage that ends its layer: it makes `neurons`, [reps, R, C, outputs], with biases.

    `targets` [reps, 2] has the region of the next stage, and the index of the first own word in it;
    `options` are further fields of the part.
    """
    outputs = neurons.shape[3]
    places = np.repeat(targets[:, None, :], outputs, axis=1)
    places[:, :, 1] += np.arange(outputs)
    return Part(
        kind=kind,
        visits=visits,
        results=neurons,
        targets=places,
        biases=True,
        **options,
    )
