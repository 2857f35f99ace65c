"""`HostWords`: the meaning of the words that a host sends and receives."""

import dataclasses

import numpy as np

from hw.config import TorusConfig
from sw_driver.arrays import Beats, IntArray
from sw_driver.errors import HostDataError, MissingError
from sw_driver.plan.plan import Plan
from sw_driver.program.host_stream import beats_to_words
from sw_driver.program.records import join_words

__all__ = ["HostWords", "check_input_words"]


def check_input_words(x: IntArray, features: int, act_bits: int) -> None:
    """Refuse anything but input words [N, features] of `act_bits` bits.

    Raises
    ------
    HostDataError
        If the shape is not [N, features], or a word does not fit `act_bits`.
    """
    if x.ndim != 2 or x.shape[1] != features:
        raise HostDataError(f"input words must have shape [N, {features}], not {list(x.shape)}")
    limit = 1 << (act_bits - 1)
    if x.size and not (-limit <= int(x.min()) and int(x.max()) < limit):
        raise HostDataError(
            f"input words must be {-limit} to {limit - 1} to fit act_bits = {act_bits}, "
            f"but reach from {int(x.min())} to {int(x.max())}"
        )


@dataclasses.dataclass(frozen=True, eq=False)
class HostWords:
    """The maps between a sample's numbers and the words of the host.

    Parameters
    ----------
    input_map
        [reps, R, words]: the input that each word is, -1 for padding; [reps, 1, words] where all
        rows get the same.
    output_map
        [reps, R, words]: the output that each word is.
    gradient_map
        [reps, R, words]: the output whose gradient each word is; None where nothing trains.
    sum_maps
        For each op that gives sums, [reps, R, words]: the input whose gradient each sum is.
    """

    input_map: IntArray
    output_map: IntArray
    gradient_map: IntArray | None = None
    sum_maps: tuple[IntArray, ...] = ()

    @classmethod
    def of(cls, plan: Plan) -> "HostWords":
        """Return the meaning of the host's words in the runs of a plan."""
        first, result = plan.stages[0], plan.result
        rows, cols = result.sources.shape[1:3]
        # The gradients of a region are sent in turns over the columns, the last column first; a PE
        # sees its own words first.
        own = result.sources[:, :, ::-1, : result.own].transpose(0, 1, 3, 2)
        if plan.with_targets:
            # A PE takes targets in the order in which its results land.
            region, word = plan.stages[-2].targets.reshape(-1, 2).T
            own = own[region, :, word].reshape(result.regions, result.own, rows, cols)
            own = own.transpose(0, 2, 1, 3)
        sums: list[IntArray] = []
        for op in plan.backs[0][0] if plan.input_gradient else ():
            positions = [position for _, position in op.walk()]
            sums.append(first.sources[list(op.regions), :, 0][:, :, positions])
        return cls(
            input_map=first.host_words,
            output_map=result.sources[:, :, cols - 1],
            gradient_map=own.reshape(result.regions, rows, -1),
            sum_maps=tuple(sums),
        )

    @property
    def inputs(self) -> int:
        """Inputs of a sample."""
        return int(self.input_map.max()) + 1

    @property
    def outputs(self) -> int:
        """Outputs of a sample."""
        return int(self.output_map.max()) + 1

    @property
    def gradients(self) -> IntArray:
        """`gradient_map` of a net that trains."""
        if self.gradient_map is None:
            raise MissingError("the net must be compiled for training, not for inference alone")
        return self.gradient_map

    def input_words(self, x: IntArray) -> IntArray:
        """Arrange samples [N, I] as the block [N * reps, R, words] of a run; padding is 0."""
        words = np.where(self.input_map >= 0, x[:, np.maximum(self.input_map, 0)], 0)
        return words.reshape(-1, *self.input_map.shape[1:])

    def gradient_words(self, gradient: IntArray) -> IntArray:
        """Arrange a gradient [O] as the block [reps, R, words] of a run; padding is 0."""
        return np.where(self.gradients >= 0, gradient[np.maximum(self.gradients, 0)], 0)

    def read_outputs(self, config: TorusConfig, beats: Beats) -> IntArray:
        """Read the outputs [N, O] of whole samples from their beats.

        Raises
        ------
        HostDataError
            If the beats are not those of whole samples.
        """
        blocks = self.output_map.reshape(-1, self.output_map.shape[2])
        rows, count = blocks.shape
        row_beats = -(-count // config.beat_words)
        if len(beats) % (rows * row_beats):
            raise HostDataError(
                f"output beats must be a multiple of {rows * row_beats}, those of one sample, "
                f"not {len(beats)}"
            )
        words = beats_to_words(config, beats).reshape(-1, rows, row_beats * config.beat_words)
        sign = 1 << (config.act_bits - 1)
        signed = ((words & (2 * sign - 1)) ^ sign) - sign
        used = blocks >= 0
        y = np.empty((len(words), self.outputs), np.int64)
        y[:, blocks[used]] = signed[:, :, :count][:, used]
        return y

    def sum_beats(self, config: TorusConfig) -> list[int]:
        """Count, for each op that gives sums, the beats of one gateway in one repetition."""
        return [
            -(-table.shape[2] * config.sum_chunks // config.beat_words) for table in self.sum_maps
        ]

    def read_sums(self, config: TorusConfig, beats: Beats) -> IntArray:
        """Read the gradient of the inputs [I] from the beats of all ops that give sums."""
        found = np.zeros(self.inputs, np.int64)
        at = 0
        for table, count in zip(self.sum_maps, self.sum_beats(config), strict=True):
            reps, rows, sums = table.shape
            words = beats_to_words(config, beats[at : at + reps * rows * count])
            at += reps * rows * count
            words = words.reshape(reps, rows, -1)[:, :, : sums * config.sum_chunks]
            values = join_words(
                words.reshape(reps, rows, sums, config.sum_chunks),
                config.acc_bits,
                config.word_bits,
            )
            used = table >= 0
            # Where all rows have an input, each has a sum for it.
            np.add.at(found, table[used], values[used])
        return found
