"""Devices: what runs a compiled net, behind one interface.

`sw_driver.device.loaded` says what becomes of a device whose run is broken off, or that several
threads use.

`GoldenDevice` computes from the quantised net and never looks at the memory images, so that an
error in these shows. `SimDevice`, which runs the images on the RTL, is in `sim.device`.
"""

import abc
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from sw_driver.arrays import IntArray
from sw_driver.compiler import Compiled
from sw_driver.device.arrays import as_array
from sw_driver.device.loaded import NetDevice
from sw_driver.device.saturation import warn_of_saturation
from sw_driver.errors import DriverError, HostDataError
from sw_driver.program.host_words import check_input_words

__all__ = ["Device", "GoldenDevice"]


class Device(NetDevice[Compiled]):
    """Something that runs compiled nets; a context manager that closes itself.

    Attributes
    ----------
    saturated_inputs : int
        Values of the latest real inputs that were clipped: those beyond the range of the input
        words, which the calibration data set. `infer` warns of them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.saturated_inputs = 0

    def load(self, compiled: Compiled) -> None:
        """Make the device ready for a net, which takes the place of the one before.

        Raises
        ------
        DriverError
            If `compiled` is something else than a net compiled for inference.
        """
        if not isinstance(compiled, Compiled):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise DriverError("compiled must be what compile() or load_artifact() returns, not "
                              f"{type(compiled).__name__}")
        self._load_by(compiled, lambda: self._load(compiled))

    def infer(self, x: ArrayLike) -> NDArray[np.float64]:
        """Compute real inputs [N, I] to outputs float64 [N, O], in the fixed point of the net.

        Errors are those of `to_words`. Inputs that are clipped are warned of (`GoldenWarning`).
        """
        with self._loaded.turn:
            words = self.to_words(x)
            net = self.compiled.net
            warn_of_saturation(
                self.saturated_inputs, words.size, net.act_bits, net.input_fraction_bits
            )
            return self.to_reals(self.infer_words(words))

    def to_words(self, x: ArrayLike) -> IntArray:
        """Turn real inputs [N, I] into the net's input words, int64 [N, I].

        Raises
        ------
        HostDataError
            If `x` does not have this shape, holds no sample, is no array of real numbers, or holds
            NaN or infinity.
        DriverError
            If no net is loaded, or the run before was broken off.
        """
        reals = self._checked(x, "iuf", "real numbers").astype(np.float64)
        if not np.isfinite(reals).all():
            sample, feature = (int(index[0]) for index in np.nonzero(~np.isfinite(reals)))
            raise HostDataError(
                f"inputs must be finite, but input {feature} of sample {sample} is "
                f"{reals[sample, feature]}"
            )
        net, values = self.compiled.net, torch.as_tensor(reals)
        self.saturated_inputs = net.saturated_inputs(values)
        return net.quantise_input(values).numpy()

    def to_reals(self, words: IntArray) -> NDArray[np.float64]:
        """Turn the net's output words into the numbers that they stand for, float64."""
        return self.compiled.net.dequantise_output(torch.as_tensor(words)).numpy()

    def infer_words(self, x: ArrayLike) -> IntArray:
        """Compute input words [N, I] to output words int64 [N, O].

        Raises
        ------
        HostDataError
            If `x` does not have this shape, holds no sample, is no array of whole numbers, or holds
            one that does not fit `act_bits`.
        DriverError
            If no net is loaded, or the run before was broken off.
        """
        with self._loaded.turn:
            net = self._loaded.use().net
            words = self._checked(x, "iu", "whole numbers")
            check_input_words(words, net.shapes[0].in_features, net.act_bits)
            return self._infer_words(words.astype(np.int64))

    def _checked(self, x: ArrayLike, kinds: str, what: str) -> NDArray[Any]:
        """Return `x` as an array [N, I], N at least 1, of a dtype of one of these kinds."""
        array = as_array("inputs", x, kinds, what)
        features = self.compiled.net.shapes[0].in_features
        if array.ndim != 2 or array.shape[1] != features or not len(array):
            raise HostDataError(
                f"inputs must have shape [N, {features}] with N at least 1, not {list(array.shape)}"
            )
        return array

    @abc.abstractmethod
    def _load(self, compiled: Compiled) -> None:
        """Make ready for a net."""

    @abc.abstractmethod
    def _infer_words(self, x: IntArray) -> IntArray:
        """Compute words that were checked; by `Loaded.run` where a torus does it."""


class GoldenDevice(Device):
    """Runs the bit-exact integer model: the reference that every other device is held against."""

    def _load(self, compiled: Compiled) -> None:
        """Nothing to do: the net is in `compiled`."""

    def _infer_words(self, x: IntArray) -> IntArray:
        return self.compiled.net.forward_words(torch.as_tensor(x)).numpy()

