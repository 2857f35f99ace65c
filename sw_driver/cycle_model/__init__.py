"""The cycle model: the control of a whole torus, stepped a clock cycle at a time.

It says exactly when every beat of a program moves, and what every engine does meanwhile. It shares
no code with the RTL but the configuration and the fields of ops; docs/cycle-model.md says how it is
held against it.
"""

from sw_driver.cycle_model.account import ACTIVITIES, Account
from sw_driver.cycle_model.beats import Cycles
from sw_driver.cycle_model.exchanges import Exchange, ExchangeSimulation, simulate_exchanges
from sw_driver.cycle_model.recorder import (
    Engine,
    Recording,
    Span,
    record,
    record_exchanges,
)
from sw_driver.cycle_model.run import Run, Simulation, Steady, simulate
from sw_driver.cycle_model.traffic import Traffic, Use
from sw_driver.cycle_model.training_account import TrainingAccount

__all__ = [
    "ACTIVITIES",
    "Account",
    "Cycles",
    "Engine",
    "Exchange",
    "ExchangeSimulation",
    "Recording",
    "Run",
    "Simulation",
    "Span",
    "Steady",
    "Traffic",
    "TrainingAccount",
    "Use",
    "record",
    "record_exchanges",
    "simulate",
    "simulate_exchanges",
]
