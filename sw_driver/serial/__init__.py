"""Boards behind a serial port: docs/host_link.md is the contract, `SerialDevice` the way in."""

from sw_driver.serial.connection import DEFAULT_BAUD, Connection, Patience
from sw_driver.serial.device import SerialDevice, SerialRun
from sw_driver.serial.figures import LinkFigures
from sw_driver.serial.training_device import SerialTrainingDevice

__all__ = [
    "DEFAULT_BAUD",
    "Connection",
    "LinkFigures",
    "Patience",
    "SerialDevice",
    "SerialRun",
    "SerialTrainingDevice",
]
