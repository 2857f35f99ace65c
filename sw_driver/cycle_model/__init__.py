"""The cycle model: the control of a whole torus, stepped a clock cycle at a time.

It says exactly when every beat of a program moves, and what every engine does meanwhile. It shares
no code with the RTL but the configuration and the fields of ops; docs/cycle-model.md says how it is
held against it.
"""

from sw_driver.cycle_model.account import ACTIVITIES, Account
from sw_driver.cycle_model.recorder import Engine, Recording, Span, record
from sw_driver.cycle_model.run import Cycles, Run, Simulation, Steady, simulate

__all__ = [
    "ACTIVITIES",
    "Account",
    "Cycles",
    "Engine",
    "Recording",
    "Run",
    "Simulation",
    "Span",
    "Steady",
    "record",
    "simulate",
]
