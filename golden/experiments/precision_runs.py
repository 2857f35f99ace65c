"""Rows of the experiment `precision`: nets trained in float or fixed point, and their scores."""

import dataclasses

__all__ = ["FLOAT", "Result", "Run"]

FLOAT = "float"
"""The rounding of a run in floating point, which has no widths."""


@dataclasses.dataclass(frozen=True)
class Run:
    """One net, trained once.

    Parameters
    ----------
    purpose
        "choice" of a learning rate, on a validation split, or "test".
    data, samples
        The dataset's name, and how many training samples it has in all.
    kind
        Of the first layer: "dense" or "Clos".
    hidden
        Neurons of the hidden layer.
    rounding
        Of the updates: `FLOAT`, "stochastic" or "nearest".
    master_bits, weight_bits
        Width of a stored weight, and of its upper part, which is multiplied; 0 in float.
    rate, epochs
        First learning rate, and passes through the samples, one sample a step.
    seed
        Of weights, of the order of the samples and of random bits.
    """

    purpose: str
    data: str
    samples: int
    kind: str
    hidden: int
    rounding: str
    master_bits: int
    weight_bits: int
    rate: float
    epochs: int
    seed: int

    def __str__(self) -> str:
        """Write what tells runs of one experiment apart."""
        bits = "" if self.rounding == FLOAT else f" {self.master_bits} bits"
        return (
            f"{self.data}, {self.purpose}, {self.kind}, {self.rounding}{bits}, "
            f"rate {self.rate:g}, #{self.seed}"
        )


@dataclasses.dataclass(frozen=True)
class Result:
    """What came of a run.

    Parameters
    ----------
    parameters
        Weights and biases of the net.
    accuracy
        Part of the validation or test samples that was put into the right class, 0 to 1.
    """

    parameters: int
    accuracy: float
