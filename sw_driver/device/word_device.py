"""What every device can do with words: load, compute, train."""

import abc
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from golden.fixed.state import TrainingState
from golden.fixed.words import from_words, saturated_values, to_words
from sw_driver.arrays import IntArray
from sw_driver.compiled import Compiled
from sw_driver.device.arrays import as_array
from sw_driver.device.gradients import CheckedGradients
from sw_driver.device.loaded import NetDevice
from sw_driver.device.saturation import warn_of_saturation
from sw_driver.errors import DriverError, HostDataError
from sw_driver.program.events import GradientOf, RunResult
from sw_driver.program.host_words import check_input_words

__all__ = ["WordDevice"]


class WordDevice(NetDevice[Compiled]):
    """Something that runs compiled nets, word by word; a context manager that closes itself.

    Whatever ends a run that trains before its time, such as Ctrl-C or an error of a gradient, loss
    or progress function, leaves a state that is neither the old one nor the new one: the net must
    then be loaded again, and until that is done every call says so. Calls of several threads take
    turns; see `sw_driver.device.loaded`.

    Attributes
    ----------
    last_cycles : int or None
        Clock cycles of the latest run that trained; None where there is no clock.
    saturated_inputs : int
        Values of the latest real inputs that were clipped: those beyond the range of the input
        words, which the calibration data set.
    """

    def __init__(self) -> None:
        super().__init__()
        self.saturated_inputs = 0
        self._warned = False
        self._weights = object()  # Another one whenever they may have changed.
        self._zero_gradients = 0  # Samples in a row whose gradient was 0.
        self.last_cycles: int | None = None

    def load(self, compiled: Compiled, state: TrainingState | None = None) -> None:
        """Make the device ready for a net, which takes the place of the one before.

        Parameters
        ----------
        compiled
            The net.
        state
            What a net that trains begins with, such as `golden.initial_state` makes; None for one
            for inference, whose words are its own.

        Raises
        ------
        DriverError
            If an argument is something else.
        GoldenError
            If the state is not one of this net on this torus.
        """
        if not isinstance(compiled, Compiled):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise DriverError(
                "compiled must be what compile() or load_artifact() returns, not "
                f"{type(compiled).__name__}"
            )
        if isinstance(state, TrainingState):
            state.check(compiled.format, compiled.placement.pes)
        elif compiled.trains or state is not None:
            wanted = "a TrainingState for a net that trains" if compiled.trains else "None"
            raise DriverError(f"state must be {wanted}, not {type(state).__name__}")
        self._load_by(compiled, lambda: self._begin(compiled, state))

    def _begin(self, compiled: Compiled, state: TrainingState | None) -> None:
        self._weights, self._zero_gradients, self._warned = object(), 0, False
        self._load(compiled, state)

    def train_words(self, x: ArrayLike, gradient_of: GradientOf) -> RunResult:
        """Train on input words [N, I]; the gradient comes from a function.

        Parameters
        ----------
        x
            Input words [N, I].
        gradient_of
            Called with a sample's number and its output words [O], returns the words [O] of the
            gradient times the learning rate (and divided by N in a batch). If it raises an error,
            or returns what does not fit, the run is broken off: load the device again.

        Raises
        ------
        HostDataError
            If a word does not fit or a shape is not as said here.
        DriverError
            If no net that trains is loaded.
        """
        if not callable(gradient_of):
            raise DriverError(
                f"gradient_of must be a function, not {type(gradient_of).__name__}"
            )
        with self._loaded.turn:
            self._trained()
            return self._run(self._checked_words(x), gradient_of)

    def _run(self, x: IntArray, gradient_of: GradientOf) -> RunResult:
        form = self.compiled.format
        self._check_stale(len(x))
        checked = CheckedGradients(
            gradient_of, form.shapes[-1].out_features, form.grad_bits, self._zero_gradients
        )

        def train(compiled: Compiled) -> RunResult:
            self._weights = object()
            try:
                result, self.last_cycles = self._train(compiled, x, checked)
            finally:
                self._zero_gradients = checked.zeros
            return result

        return self._loaded.run(train)

    def _check_stale(self, samples: int) -> None:
        """Refuse more samples than one program has where these must be one run."""
        compiled = self.compiled
        most = compiled.executable.max_training_samples
        if compiled.staleness is not None and samples > most:
            raise DriverError(
                f"samples must be at most {most} in a run of a net that trains stale, not "
                f"{samples}: train on them in several runs"
            )

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
            self._loaded.use()
            return self._infer_words(self._checked_words(x))

    # Words and states

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
        form, values = self.compiled.word_format, torch.as_tensor(reals)
        fraction, bits = form.input_fraction_bits, form.act_bits
        self.saturated_inputs = saturated_values(values, fraction, bits)
        return to_words(values, fraction, bits).numpy()

    def _warn_of_saturation(self, words: IntArray, stacklevel: int) -> None:
        """Warn (`GoldenWarning`) of values that the latest `to_words` clipped, if there are any.

        `stacklevel` is that of the caller who is to be named, as for `warnings.warn`.
        """
        form = self.compiled.word_format
        warn_of_saturation(
            self.saturated_inputs,
            words.size,
            form.act_bits,
            form.input_fraction_bits,
            stacklevel=stacklevel,
        )

    def to_reals(self, words: ArrayLike) -> NDArray[np.float64]:
        """Turn the net's output words into the numbers that they stand for, float64.

        Raises
        ------
        HostDataError
            If they are no array of whole numbers.
        DriverError
            If no net is loaded, or the run before was broken off.
        """
        fraction = self.compiled.word_format.output_fraction_bits
        found = as_array("words", words, "iu", "whole numbers").astype(np.int64)
        return from_words(torch.as_tensor(found), fraction).numpy()

    def _trained(self) -> Compiled:
        """Return the net to whoever has the turn, if it is one that trains."""
        compiled = self._loaded.use()
        _ = compiled.trained
        return compiled

    def _checked_words(self, x: ArrayLike) -> IntArray:
        words = self._checked(x, "iu", "whole numbers")
        form = self.compiled.word_format
        check_input_words(words, form.shapes[0].in_features, form.act_bits)
        return words.astype(np.int64)  # Only now: what is too large would become another number.

    def _checked(self, x: ArrayLike, kinds: str, what: str) -> NDArray[Any]:
        """Return `x` as an array [N, I], N at least 1, of a dtype of one of these kinds."""
        array = as_array("inputs", x, kinds, what)
        features = self.compiled.shapes[0].in_features
        if array.ndim != 2 or array.shape[1] != features or not len(array):
            raise HostDataError(
                f"inputs must have shape [N, {features}] with N at least 1, not {list(array.shape)}"
            )
        return array

    @abc.abstractmethod
    def _load(self, compiled: Compiled, state: TrainingState | None) -> None:
        """Make ready for a net, with a state that was checked; None for one for inference."""

    # What follows is done by `Loaded.run` where a torus does it; `_train` always is.

    @abc.abstractmethod
    def _infer_words(self, x: IntArray) -> IntArray:
        """Compute words that were checked."""

    @abc.abstractmethod
    def _train(
        self, compiled: Compiled, x: IntArray, gradient_of: GradientOf
    ) -> tuple[RunResult, int | None]:
        """Train on words that were checked; also the clock cycles, if there is a clock."""

    @abc.abstractmethod
    def _read_state(self, compiled: Compiled) -> TrainingState:
        """Read the state."""

    @abc.abstractmethod
    def _write_state(self, compiled: Compiled, state: TrainingState) -> None:
        """Set a state that was checked."""
