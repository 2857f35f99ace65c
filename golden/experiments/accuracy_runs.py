"""Rows of an experiment that compares accuracies: the networks trained, and what came of them."""

import dataclasses

__all__ = ["Result", "Run"]


@dataclasses.dataclass(frozen=True)
class Run:
    """One network, trained once.

    Parameters
    ----------
    purpose
        "choice" of a learning rate, on a validation split, or "test".
    data, samples
        The dataset's name, and how many training samples it has in all.
    kind
        Of the network: one of `classifiers.KINDS`.
    hidden
        Hidden neurons of the dense network.
    reduction
        Parameters of the dense network for each one that this one may have.
    rate, steps, batch
        First learning rate, updates, and samples of each.
    seed
        Of weights, connections and the order of the samples.
    """

    purpose: str
    data: str
    samples: int
    kind: str
    hidden: int
    reduction: float
    rate: float
    steps: int
    batch: int
    seed: int

    def __str__(self) -> str:
        """Write what tells runs of one experiment apart."""
        fewer = "" if self.reduction == 1 else f" / {self.reduction:g}"
        return f"{self.data}, {self.purpose}, {self.kind}{fewer}, rate {self.rate:g}, #{self.seed}"


@dataclasses.dataclass(frozen=True)
class Result:
    """What came of a run.

    Parameters
    ----------
    parameters
        Weights and biases of the network.
    loss
        Mean over the last tenth of the steps, in nats.
    accuracy
        Part of the validation or test samples that was put into the right class, 0 to 1.
    """

    parameters: int
    loss: float
    accuracy: float
