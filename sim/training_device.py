"""A name of before the rooms: `sim.device` has what was here."""

from golden.system.names import moved_names

__getattr__ = moved_names(__name__, {"SimTrainingDevice": "sim.device:SimDevice"})
