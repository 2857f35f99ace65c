"""`CompiledTrainingNet`: the steps of `FixedTrainingNet` as compiled code, word for word the same.

It keeps no intermediates: only outputs, gradients of the inputs and the state can be seen.
"""

import dataclasses
import weakref
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from golden.arguments import instance, real_number, tensor, whole_number
from golden.compiled.layout import layout_of
from golden.compiled.library import library
from golden.errors import ModelError, ShapeError
from golden.fixed.format import CLEAR, TrainingFormat
from golden.fixed.stale import Staleness
from golden.fixed.state import TrainingState
from golden.fixed.training import FixedTrainingNet
from golden.fixed.training_arguments import check_frozen
from golden.fixed.update import UpdateMode
from golden.fixed.visits import Placement, check_tensor
from golden.fixed.words import signed_bits

__all__ = ["ROUNDINGS", "CompiledTrainingNet", "Learned"]

ROUNDINGS = ("stochastic", "nearest")
"""How the updates of weights can be rounded."""

_Array = NDArray[Any]


@dataclasses.dataclass(frozen=True, eq=False)
class Learned:
    """What training on samples gave; of D samples, those that were trained on.

    Parameters
    ----------
    outputs
        Words [D, O] int64, each before the weights changed by its sample.
    gradients
        Words [D, O] int64: the gradient of the outputs, times the rate.
    sums
        The exact sums [D, I] int64 that are the gradient of the inputs, where asked for.
    """

    outputs: Tensor
    gradients: Tensor
    sums: Tensor | None


class CompiledTrainingNet:
    """A net that trains in fixed point, by compiled code; one thread at a time may use it.

    Parameters
    ----------
    form, state, placement
        As for `FixedTrainingNet`. The state is copied: `state` returns what became of it.
    rounding
        Of the updates: "stochastic", as a torus does and `FixedTrainingNet`; or, for comparison,
        "nearest", half up, with LFSRs that go on all the same.
    staleness
        What a sample sees without the change of the sample before, as for `StaleRun`: a run begins
        with `settle`, and so does whatever comes after it. None for a net that sees all changes.

    Raises
    ------
    ShapeError, ModelError
        If state, placement or staleness do not fit `form`, or there is no such rounding.
    CompiledMissing
        If the code cannot be built here.
    """

    def __init__(
        self,
        form: TrainingFormat,
        state: TrainingState,
        placement: Placement | None = None,
        *,
        rounding: str = "stochastic",
        staleness: Staleness | None = None,
    ) -> None:
        """Check the parts against each other; see the class."""
        if rounding not in ROUNDINGS:
            raise ModelError(f"rounding must be {' or '.join(ROUNDINGS)}, not {rounding!r}")
        checked = FixedTrainingNet(form, state, placement)
        self.form, self.placement = checked.form, checked.placement
        self._rounding, self._staleness = rounding, staleness
        if staleness is not None:
            instance("staleness", staleness, Staleness).check(form.shapes)
        self._code = library()
        layout = layout_of(
            self.form, self.placement, nearest=rounding == "nearest", staleness=staleness
        )
        self._net = self._code.golden_new(_at(layout))
        self._free = weakref.finalize(self, self._code.golden_free, self._net)
        self._sizes = {name: one.shape for name, one in state.state_dict().items()}
        self.write_state(state)

    def __reduce__(self) -> tuple[Callable[..., "CompiledTrainingNet"], tuple[object, ...]]:
        """Copy the state, and no address."""
        parts = self.form, self.state, self.placement, self._rounding, self._staleness
        return _restored, parts

    @property
    def state(self) -> TrainingState:
        """A copy of the state."""
        words = np.empty(sum(size.numel() for size in self._sizes.values()), np.int64)
        self._code.golden_read(self._net, _at(words))
        found: dict[str, Tensor] = {}
        start = 0
        for name, size in self._sizes.items():
            stop = start + size.numel()
            found[name] = torch.as_tensor(words[start:stop].reshape(tuple(size)))
            start = stop
        return TrainingState.from_state_dict(found, len(self.form.layers))

    def write_state(self, state: TrainingState) -> None:
        """Go on from a state; errors as for the class, and nothing has changed then."""
        instance("state", state, TrainingState).check(self.form, self.placement.pes)
        words = torch.cat([one.flatten() for one in state.state_dict().values()]).numpy()
        self._code.golden_write(self._net, _at(words))

    def settle(self) -> None:
        """Let the next sample see all changes, as the first sample of a run does."""
        self._code.golden_settle(self._net)

    def forward_words(self, x: Tensor) -> Tensor:
        """Compute input words [N, I] int64 to output words [N, O]; errors as for `layer_words`."""
        inputs = self._inputs(x)
        outputs = np.empty((len(inputs), self.form.shapes[-1].out_features), np.int64)
        self._code.golden_forward(self._net, len(inputs), _at(inputs), _at(outputs))
        return torch.as_tensor(outputs)

    def backward(
        self,
        x: Tensor,
        gradient: Tensor,
        *,
        decay: int = CLEAR,
        apply: bool = True,
        frozen: Collection[int] = (),
        input_gradient: bool = False,
    ) -> Tensor | None:
        """Train on a sample; arguments and errors are those of `FixedTrainingNet.backward`.

        Parameters
        ----------
        x
            Input words [1, I] int64.
        gradient
            [O] int64 words.
        decay, apply, frozen, input_gradient
            As there.

        Returns
        -------
        Tensor or None
            The exact sums [I] int64 that are the gradient of the inputs, where asked for.
        """
        inputs = self._inputs(x)
        if len(inputs) != 1:
            raise ShapeError(f"x must be of one sample, not of {len(inputs)}")
        check_frozen(frozen, len(self.form.layers))
        outputs, bits = self.form.shapes[-1].out_features, self.form.grad_bits
        check_tensor("gradient", tensor("gradient", gradient), (outputs,))
        if signed_bits(gradient) > bits:
            raise ModelError(
                f"gradients must fit grad_bits = {bits} bits, but need {signed_bits(gradient)}"
            )
        mode = UpdateMode(decay, apply)
        mode.check(self.form)
        y, words = np.empty(outputs, np.int64), np.ascontiguousarray(gradient.numpy())
        self._code.golden_forward(self._net, 1, _at(inputs), _at(y))
        sums = np.empty(self.form.shapes[0].in_features, np.int64) if input_gradient else None
        self._code.golden_backward(
            self._net, _at(words), mode.decay, mode.apply, _at(self._frozen(frozen)), _at(sums)
        )
        return None if sums is None else torch.as_tensor(sums)

    def learn(
        self,
        x: Tensor,
        labels: Tensor,
        rate: float,
        *,
        first: int = 0,
        size: int = 1,
        decay: int = CLEAR,
        frozen: Collection[int] = (),
        input_gradient: bool = False,
    ) -> Learned:
        """Train on samples by `softmax_cross_entropy`, from outputs to gradients in one call.

        It ends early, before the way back of a sample whose gradient does not fit its words, or one
        of which lies so near to a tie that another way to compute an exponential could round it
        otherwise. Who calls trains on that sample by `backward`, and then goes on.

        Parameters
        ----------
        x, labels
            Input words [N, I] int64, and their classes [N] int64.
        rate
            What gradients are multiplied by: the learning rate, over the samples of a batch.
        first, size
            The number of sample 0 in its batch, and the samples of a batch: 1 with `staleness`.
        decay
            What the accumulators of a batch begin with: `CLEAR`, `KEEP`, or 1 to 14.
        frozen, input_gradient
            As for `backward`.

        Raises
        ------
        ShapeError, ModelError
            If an argument is of another kind, shape or range; nothing has changed then.
        """
        inputs, outputs = self._inputs(x), self.form.shapes[-1].out_features
        count = len(inputs)
        check_tensor("labels", labels, (count,))
        if count and not 0 <= int(labels.min()) <= int(labels.max()) < outputs:
            raise ModelError(
                f"labels must be 0 to {outputs - 1}, the outputs, "
                f"not {int(labels.min())} to {int(labels.max())}"
            )
        rate = real_number("rate", rate, error=ModelError)
        most = None if self._staleness is None else 1
        size = whole_number("size", size, 1, most, error=ModelError)
        first = whole_number("first", first, 0, size - 1, error=ModelError)
        check_frozen(frozen, len(self.form.layers))
        UpdateMode(decay, size == 1).check(self.form)
        classes = np.ascontiguousarray(labels.numpy())
        y, gradients = np.empty((2, count, outputs), np.int64)
        sums = np.empty(inputs.shape, np.int64) if input_gradient else None
        done = self._code.golden_learn(
            self._net, count, _at(inputs), _at(classes), first, size, decay,
            _at(self._frozen(frozen)), rate, _at(y), _at(gradients), _at(sums),
        )  # fmt: skip
        return Learned(
            torch.as_tensor(y[:done]),
            torch.as_tensor(gradients[:done]),
            None if sums is None else torch.as_tensor(sums[:done]),
        )

    def _frozen(self, frozen: Collection[int]) -> NDArray[np.uint8]:
        return np.array([index in frozen for index in range(len(self.form.layers))], np.uint8)

    def _inputs(self, x: Tensor) -> _Array:
        features, bits = self.form.shapes[0].in_features, self.form.act_bits
        if tensor("input", x).ndim != 2 or x.shape[1] != features:
            raise ShapeError(f"input must have shape [N, {features}], not {list(x.shape)}")
        if x.dtype != torch.int64:
            raise ModelError(f"input words must be int64, not {x.dtype}")
        if signed_bits(x) > bits:
            raise ModelError(
                f"input words must fit act_bits = {bits} bits, but need {signed_bits(x)}"
            )
        return np.ascontiguousarray(x.numpy())


def _restored(
    form: TrainingFormat,
    state: TrainingState,
    placement: Placement,
    rounding: str,
    staleness: Staleness | None,
) -> CompiledTrainingNet:
    return CompiledTrainingNet(form, state, placement, rounding=rounding, staleness=staleness)


def _at(words: _Array | None) -> int | None:
    """Return where an array begins, which must outlive the call that it is given to."""
    return None if words is None else words.ctypes.data
