"""Techniques of training: growing denser, freezing what is old, masks that change."""

from golden.techniques.average import grow_average
from golden.techniques.calcification import Calcification
from golden.techniques.carrying import carry_optimiser
from golden.techniques.densification import Densification
from golden.techniques.growth import Growth, grow
from golden.techniques.masking import Masking, MaskSchedule, gradual_pruning, masks_from

__all__ = [
    "Calcification",
    "Densification",
    "Growth",
    "MaskSchedule",
    "Masking",
    "carry_optimiser",
    "gradual_pruning",
    "grow",
    "grow_average",
    "masks_from",
]
