"""Weight and bias images of every PE, and the maps between host words and features."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch

from golden import QuantisedNet
from hw.uart.weights_id import weights_id  # pyright: ignore[reportUnknownVariableType]
from sw_driver.arrays import IntArray
from sw_driver.plan.maps import build_maps
from sw_driver.plan.stage import Stage

__all__ = ["Images", "build_images"]


@dataclasses.dataclass(frozen=True, eq=False)
class Images:
    """What the memories of the PEs hold, and what host words mean.

    Parameters
    ----------
    weights
        [R, C, weights of a PE] int64, from weight address 0 up.
    biases
        [R, C, biases of a PE] int64, at the scale of the accumulator, from bias address 0 up.
    input_map
        [reps, R, words]: the input feature that each host word of a sample is, -1 for padding;
        [reps, 1, words] where all rows get the same.
    output_map
        [R, words]: the output that each host word of a sample is, -1 for padding.
    """

    weights: IntArray
    biases: IntArray
    input_map: IntArray
    output_map: IntArray

    @property
    def weights_id(self) -> int:
        """The CRC-32 by which a board says which weights it holds: see docs/host_link.md."""
        return weights_id(self.weights.tolist(), self.biases.tolist())

    def difference(self, expected: "Images") -> str | None:
        """Say how the weights and biases differ from expected ones of the same shapes.

        Returns
        -------
        str or None
            How many words differ, and the first of them; None if none does.
        """
        found = np.concatenate((self.weights, self.biases), axis=2)
        wanted = np.concatenate((expected.weights, expected.biases), axis=2)
        places = np.argwhere(found != wanted)
        if not len(places):
            return None
        row, col, word = (int(index) for index in places[0])
        of_weights = self.weights.shape[2]
        kind, at = ("weight", word) if word < of_weights else ("bias", word - of_weights)
        return (
            f"{len(places)} of {found.size} words of the image; the first at PE ({row}, {col}), "
            f"{kind} {at}: {int(wanted[row, col, word])} expected, got {int(found[row, col, word])}"
        )


def build_images(net: QuantisedNet, stages: Sequence[Stage]) -> Images:
    """Lay out a net's weights and biases in the order in which each PE meets its words.

    Raises
    ------
    FitError
        If a result would not be summed over exactly the values that it needs.
    """
    maps = build_maps(net.shapes, stages)
    weights = [tensor.flatten() for layer in net.layers for tensor in layer.weights]
    # A gateway sees the words of the last PE of its row first, as that PE itself does.
    return Images(
        weights=maps.weights.fill(torch.cat(weights).numpy()),
        biases=maps.biases.fill(torch.cat([layer.bias for layer in net.layers]).numpy()),
        input_map=stages[0].host_words,
        output_map=stages[-1].sources[0, :, -1],
    )
