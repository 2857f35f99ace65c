"""Every experiment there is."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from golden.experiments.clos_accuracy import ClosAccuracy
from golden.experiments.experiment import Experiment, Settings
from golden.experiments.precision import Precision

__all__ = ["EXPERIMENTS"]

EXPERIMENTS: Mapping[str, Callable[[Settings], Experiment[Any, Any]]] = MappingProxyType(
    {ClosAccuracy.name: ClosAccuracy, Precision.name: Precision}
)
"""What makes each experiment of a user's settings, by the experiment's name."""
