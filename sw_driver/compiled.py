"""A compiled net: what every device loads, and what reports and files are made of."""

import dataclasses
import functools

from golden import QuantisedNet
from golden.fixed.format import TrainingFormat
from golden.fixed.stale import Staleness
from golden.fixed.visits import Placement
from golden.layers.dense import LayerShape
from hw.config import TorusConfig
from sw_driver.errors import MissingError
from sw_driver.plan.entries import Entry
from sw_driver.plan.order import ExtraTurns, Order
from sw_driver.plan.placement import Placed
from sw_driver.plan.plan import Plan
from sw_driver.plan.stage import Stage
from sw_driver.predict.cycles import Prediction, predict_cycles, predict_steady
from sw_driver.program.executable import Executable

__all__ = ["Compiled", "TrainedNet"]


@dataclasses.dataclass(frozen=True, eq=False)
class TrainedNet:
    """A net whose words change, and how.

    Parameters
    ----------
    format
        Widths and fraction bits of the net's words, with the torus's `bias_bits`.
    placement
        Where and when every weight is visited, for `golden.FixedTrainingNet`.
    momentum
        n, if accumulated gradients lose a 2**-n-th part per batch; None if they begin with nothing.
    batches
        Whether a run is one batch; else every sample is one of its own.
    staleness
        What a sample sees without the change of the sample before, for `golden.fixed.stale`; None
        if it sees all changes.
    """

    format: TrainingFormat
    placement: Placement
    momentum: int | None
    batches: bool
    staleness: Staleness | None = None


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Compiled:
    """A net, and how it runs on a torus: for inference, or to be trained.

    What one of the two does not have raises a `MissingError`, which is a `DriverError` and an
    `AttributeError`, when it is asked for.

    Parameters
    ----------
    source
        What the torus must compute, bit for bit: a quantised net, or the format of one that trains.
    executable
        What the torus runs: configuration, memory contents, programs, host words.
    layers
        Where the blocks of each layer lie.
    plan
        The stages, their ops, and the order of the steady state.
    """

    source: QuantisedNet | TrainedNet
    executable: Executable
    layers: tuple[Placed, ...]
    plan: Plan

    @property
    def trains(self) -> bool:
        """Whether it is a net that is trained: a device loads it with a state."""
        return isinstance(self.source, TrainedNet)

    @property
    def net(self) -> QuantisedNet:
        """The quantised net of a net for inference."""
        if not isinstance(self.source, QuantisedNet):
            raise MissingError(
                "compiled must be a net for inference, from a model or a QuantisedNet, not one "
                "that is trained"
            )
        return self.source

    @property
    def trained(self) -> TrainedNet:
        """How a net trains."""
        if not isinstance(self.source, TrainedNet):
            raise MissingError(
                "compiled must be a net that is trained, from a TrainingFormat, not one for "
                "inference"
            )
        return self.source

    @property
    def format(self) -> TrainingFormat:
        """Widths and fraction bits of the words of a net that trains."""
        return self.trained.format

    @property
    def placement(self) -> Placement:
        """Where and when every weight of a net that trains is visited."""
        return self.trained.placement

    @property
    def momentum(self) -> int | None:
        """See `TrainedNet`."""
        return self.trained.momentum

    @property
    def batches(self) -> bool:
        """See `TrainedNet`."""
        return self.trained.batches

    @property
    def staleness(self) -> Staleness | None:
        """See `TrainedNet`."""
        return self.trained.staleness

    @property
    def frozen(self) -> frozenset[int]:
        """Layers that do not change."""
        return self.plan.frozen

    @property
    def input_gradient(self) -> bool:
        """Whether the host gets the gradient of its inputs."""
        return self.plan.input_gradient

    @property
    def word_format(self) -> QuantisedNet | TrainingFormat:
        """What knows the widths, shapes and fraction bits of the net's words."""
        return self.source if isinstance(self.source, QuantisedNet) else self.source.format

    @property
    def shapes(self) -> tuple[LayerShape, ...]:
        """Of the layers."""
        return self.word_format.shapes

    @property
    def config(self) -> TorusConfig:
        """The torus that the net is compiled for."""
        return self.executable.config

    @property
    def stages(self) -> tuple[Stage, ...]:
        """In the order in which a sample passes them."""
        return self.plan.stages

    @property
    def entries(self) -> tuple[tuple[Entry, ...], ...]:
        """The ops of each stage."""
        return self.plan.entries[0]

    @property
    def order(self) -> Order:
        """The tasks in the order of the steady state; for inference, these are the stages."""
        return self.plan.order

    @property
    def extra_turns(self) -> ExtraTurns:
        """For each task, the turns that it starts later than its place in the order asks for."""
        return self.plan.extra_turns

    @functools.cached_property
    def prediction(self) -> Prediction:
        """Cycles a sample of a long run for inference, and what bounds it.

        `sw_driver.predict.training_cycles` has those of runs that train.
        """
        return predict_steady(self.config, self.net.shapes, self.plan, self.executable.loop)

    def predict(self, samples: int) -> int:
        """Cycles of a run that computes `samples` samples, 1 to `Executable.max_samples`.

        From the first beat of its program to the last beat of its results.
        """
        return predict_cycles(self.config, self.executable.loop, samples)

    def __repr__(self) -> str:
        """Say in a few lines what is compiled for what; `sw_driver.files.report` says the rest."""
        config, words = self.config, self.word_format
        shapes = ", ".join(map(str, self.shapes))
        if isinstance(words, TrainingFormat):
            more = f"{words.master_bits}-bit stored weights, {words.grad_bits}-bit gradients"
        else:
            more = f"{self.executable.images.weights.size} weight words with padding"
        return (
            f"<{type(self).__name__}: layers {shapes}\n"
            f"  {config.act_bits}-bit activations, {config.weight_bits}-bit weights, {more}\n"
            f"  on a {config.rows}x{config.cols} torus{' that trains' if self.trains else ''}, "
            f"hardware id {config.hardware_id:016x}>"
        )
