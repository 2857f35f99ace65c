"""How a net is trained: loss, batches, momentum, learning rate by epoch, order of the samples."""

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Self

from hw.lane_sizes import LANES_OUT
from hw.op_fields import CLEAR
from sw_driver.errors import DriverError
from sw_driver.plan.halvings import MOST_HALVINGS

if TYPE_CHECKING:
    from torch import Tensor

    from golden import TrainingWidths
    from golden.training.losses import LossFunction

__all__ = ["LOSSES", "Recipe"]

LOSSES = ("cross-entropy", "mse", "squared-error")
_ON_TARGETS = "squared-error"
_MAX_MOMENTUM = CLEAR - 1  # Any larger decay of an op has another meaning.
_VELOCITY_BITS = 36  # Accumulators lose nothing with it: docs/arithmetic.md.


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Everything that decides a training in fixed point, except the net, the data and the torus.

    Parameters
    ----------
    loss
        One of `LOSSES`: softmax cross-entropy, or the mean squared error to 0 and, at the class of
        the sample, 1; or half the squared distance to these targets, which a torus computes by
        itself. They are then sent with the inputs, and learning rates are powers of two.
    batch_size
        Samples whose gradients are summed before weights change.
    momentum
        n for a momentum of 1 - 2**-n, 1 to 14; None for none.
    frozen
        Layers that do not change, from 0.
    learning_rate
        Of the first epoch; it falls linearly, epoch by epoch, towards 0 after the last one.
    epochs
        In all.
    seed
        Of the first weights, of the torus's random generators and of the order of the samples.
    lanes_out
        Sums that a MAC of the torus makes at once: 1, 2, 4 or 8. The random bits that round the
        change of a weight depend on it.
    stale
        Whether a sample goes forwards beside the way back of the sample before: see
        `golden.fixed.stale`. Each sample is then a batch of its own.

    Raises
    ------
    DriverError
        If a value is out of range.
    """

    loss: str = "cross-entropy"
    batch_size: int = 1
    momentum: int | None = None
    frozen: tuple[int, ...] = ()
    learning_rate: float = 0.03
    epochs: int = 6
    seed: int = 0
    lanes_out: int = 1
    stale: bool = False

    def __post_init__(self) -> None:
        """Refuse what no training can have."""
        whole = [("batch", self.batch_size), ("epochs", self.epochs), ("seed", self.seed)]
        whole += [("lanes_out", self.lanes_out)]
        whole += [("a frozen layer", layer) for layer in self.frozen]
        whole += [] if self.momentum is None else [("momentum", self.momentum)]
        for name, value in whole:
            if type(value) is not int:
                raise DriverError(f"{name} must be a whole number, not {value!r}")
        if self.loss not in LOSSES:
            raise DriverError(f"loss must be one of {', '.join(LOSSES)}, not {self.loss!r}")
        if self.batch_size < 1:
            raise DriverError(f"batch must be at least 1, not {self.batch_size}")
        if self.momentum is not None and not 1 <= self.momentum <= _MAX_MOMENTUM:
            raise DriverError(
                f"momentum must be 1 to {_MAX_MOMENTUM}, or none, not {self.momentum}"
            )
        if not 0.0 < self.learning_rate < math.inf:
            raise DriverError(
                f"learning rate must be positive and finite, not {self.learning_rate}"
            )
        if self.on_targets and self.batch_size & (self.batch_size - 1):
            raise DriverError(
                f"batch must be a power of two with squared-error, not {self.batch_size}"
            )
        if type(self.stale) is not bool:
            raise DriverError(f"stale must be True or False, not {self.stale!r}")
        if self.stale and self.batches:
            raise DriverError(
                f"stale must be left out with batch, not given with batch {self.batch_size}: the "
                "samples of a batch all see the weights that the batch before left"
            )
        if self.epochs < 1:
            raise DriverError(f"epochs must be at least 1, not {self.epochs}")
        if self.lanes_out not in LANES_OUT:
            choices = ", ".join(map(str, LANES_OUT))
            raise DriverError(f"lanes_out must be one of {choices}, not {self.lanes_out}")

    @property
    def on_targets(self) -> bool:
        """Whether targets are sent with the inputs, and no gradients."""
        return self.loss == _ON_TARGETS

    @property
    def batches(self) -> bool:
        """Whether gradients of several samples are summed."""
        return self.batch_size > 1

    @property
    def widths(self) -> "TrainingWidths":
        """Widths of the words: accumulators only where they are needed."""
        from golden import TrainingWidths

        accumulates = self.batches or self.momentum is not None
        return TrainingWidths(velocity_bits=_VELOCITY_BITS if accumulates else 0)

    @property
    def decay(self) -> float:
        """The momentum as a number, 0 for none."""
        return 0.0 if self.momentum is None else 1.0 - 2.0**-self.momentum

    @property
    def loss_function(self) -> "LossFunction":
        """The loss of outputs [N, O] and what `targets` gives."""
        from golden import mean_squared_error, softmax_cross_entropy, squared_error

        if self.on_targets:
            return squared_error
        return softmax_cross_entropy if self.loss == "cross-entropy" else mean_squared_error

    def rate(self, epoch: int) -> float:
        """Learning rate of an epoch, from 0.

        On targets it is the nearest power of two, of which a torus has `MOST_HALVINGS` + 1.
        """
        from golden.training.schedule import falling_rate

        rate = falling_rate(self.learning_rate, epoch, self.epochs)
        if not self.on_targets:
            return rate
        first = round(math.log2(self.learning_rate))
        return 2.0 ** max(round(math.log2(rate)), first - MOST_HALVINGS)

    def order(self, samples: int, epoch: int) -> "Tensor":
        """Return the samples of an epoch in order; see `golden.training.schedule.epoch_order`."""
        from golden.training.schedule import epoch_order

        return epoch_order(samples, self.batch_size, self.seed, epoch)

    def targets(self, labels: "Tensor", outputs: int) -> "Tensor":
        """Turn labels [N] into what the loss wants for so many outputs."""
        if self.loss == "cross-entropy":
            return labels
        import torch

        return torch.nn.functional.one_hot(labels, outputs).to(torch.float64)

    def as_dict(self) -> dict[str, Any]:
        """Return what `from_dict` and JSON can read.

        Options that came later are left out at their defaults, as in files from before them.
        """
        found = dataclasses.asdict(self) | {"frozen": list(self.frozen)}
        later = ("lanes_out", 1), ("stale", False)
        return {name: value for name, value in found.items() if (name, value) not in later}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read what `as_dict` returned.

        Raises
        ------
        DriverError
            If it is something else.
        """
        try:
            frozen: tuple[int, ...] = tuple(values["frozen"])
            others = {name: value for name, value in values.items() if name != "frozen"}
            return cls(**others, frozen=frozen)
        except (KeyError, TypeError) as error:
            raise DriverError(f"a recipe must be one that was saved, not {values}") from error
