"""Boards behind a serial port: docs/host_link.md is the contract, `SerialDevice` the way in."""

from golden.system.names import moved_names
from sw_driver.serial.connection import DEFAULT_BAUD, Connection, Patience
from sw_driver.serial.device import SerialDevice, SerialRun
from sw_driver.serial.figures import LinkFigures

__all__ = [
    "DEFAULT_BAUD",
    "Connection",
    "LinkFigures",
    "Patience",
    "SerialDevice",
    "SerialRun",
]

__getattr__ = moved_names(__name__, {"SerialTrainingDevice": "sw_driver.serial:SerialDevice"})
