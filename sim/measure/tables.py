"""Every table there is, in the order of the page."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from . import (
    area,
    dense,
    learning,
    simulation,
    software,
    systolic,
    training_systolic,
    training_utilisation,
    utilisation,
)
from .results import Bench, Table

__all__ = ["TABLES", "Kind"]


class Kind(NamedTuple):
    """A table: its title on the page, and what measures it."""

    title: str
    measure: Callable[[Bench], Table]


TABLES: Mapping[str, Kind] = MappingProxyType({
    "utilisation": Kind(utilisation.TITLE, utilisation.measure),
    "systolic": Kind(systolic.TITLE, systolic.measure),
    "dense": Kind(dense.TITLE, dense.measure),
    "training": Kind(training_utilisation.TITLE, training_utilisation.measure),
    "training-systolic": Kind(training_systolic.TITLE, training_systolic.measure),
    "learning": Kind(learning.TITLE, learning.measure),
    "software": Kind(software.TITLE, software.measure),
    "area": Kind(area.TITLE, area.measure),
    "training-area": Kind(area.TRAINING_TITLE, area.measure_training),
    "simulation": Kind(simulation.TITLE, simulation.measure),
})
