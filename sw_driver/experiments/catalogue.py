"""Every experiment there is."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from golden.experiments.clos_accuracy import ClosAccuracy
from golden.experiments.connectivity import Connectivity
from golden.experiments.constructions import Constructions
from golden.experiments.controllability import Controllability
from golden.experiments.deep_sparse import DeepSparse
from golden.experiments.dropout import Dropout
from golden.experiments.experiment import Experiment, Settings
from golden.experiments.incremental import Incremental
from golden.experiments.mobilenet import MobileNet
from golden.experiments.precision import Precision
from golden.experiments.reconstruction import Reconstruction
from golden.experiments.recurrent import Recurrent
from golden.experiments.sparse_conv import SparseConv
from sw_driver.experiments.memory_wall import MemoryWall

__all__ = ["EXPERIMENTS"]

_KINDS = (
    ClosAccuracy, Precision, MemoryWall, Controllability, Connectivity, Dropout, Reconstruction,
    DeepSparse, Incremental, Constructions, SparseConv, Recurrent, MobileNet,
)  # fmt: skip

EXPERIMENTS: Mapping[str, Callable[[Settings], Experiment[Any, Any]]] = MappingProxyType(
    {kind.name: kind for kind in _KINDS}
)
"""What makes each experiment of a user's settings, by the experiment's name."""
