"""`Rollback`: the last right state of a training, to go back to when a torus finds a fault."""

import dataclasses
from collections.abc import Callable
from typing import Any

from golden import TrainingState
from sw_driver.compiled import Compiled
from sw_driver.device.device import Device
from sw_driver.errors import FaultError
from sw_driver.train.loop import Position, TrainingLoop

__all__ = ["MOST_FAULTS", "Rollback"]

MOST_FAULTS = 3
"""Faults in a row, with no state kept in between, after which a training ends."""


class Rollback:
    """Keeps the state of a training in the host's memory, and brings a torus back to it.

    A torus with `checks` looks at every word that it gives back when a state is read, and its flags
    stay until a reset. So a state that was read without a `FaultError` is one of a torus that has
    found nothing, and what follows from it is what a training without the fault gives.

    Parameters
    ----------
    device
        Loaded with `compiled` and `state`.
    compiled
        The net, for a torus with `checks`.
    state
        Where the training begins.
    loop
        The training, at its beginning.
    note
        Told in a line of each fault, and from where the training goes on.
    """

    def __init__(
        self,
        device: Device,
        compiled: Compiled,
        state: TrainingState,
        loop: TrainingLoop,
        note: Callable[[str], object],
    ) -> None:
        self._device, self._compiled, self._loop, self._note = device, compiled, loop, note
        self._faults = 0
        self._keep(state.clone())

    def keep(self) -> dict[str, Any]:
        """Read the state, which belongs to the loop's position, and go back to it from now on.

        Returns the device's checkpoint.

        Raises
        ------
        FaultError
            The torus has found a fault; what was kept before stays.
        """
        checkpoint = self._device.checkpoint()
        layers = len(self._compiled.format.layers)
        self._keep(TrainingState.from_state_dict(checkpoint["state"], layers))
        self._faults = 0
        return checkpoint

    def _keep(self, state: TrainingState) -> None:
        loop = self._loop
        self._state, self._position = state, loop.position.as_dict()
        self._losses, self._cycles = len(loop.losses), loop.cycles

    def go_back(self, fault: FaultError) -> None:
        """Set the loop back to what was kept, after a fault; `load` does so with the device.

        Raises
        ------
        FaultError
            It is the fault number `MOST_FAULTS` in a row.
        """
        loop, at = self._loop, Position.from_dict(self._position)
        self._faults += 1
        where = f"sample {at.samples} of epoch {at.epoch + 1}"
        if self._faults == MOST_FAULTS:
            raise FaultError(
                f"{fault.what}, fault {MOST_FAULTS} in a row since {where}: this is no single "
                "flipped bit; try the training again, or on another device"
            ) from fault
        for field in dataclasses.fields(Position):
            setattr(loop.position, field.name, getattr(at, field.name))
        del loop.losses[self._losses :]
        loop.cycles = self._cycles
        self._note(f"{fault.what}: the training goes on from {where}")

    def load(self) -> None:
        """Reset the torus, and load what was kept."""
        self._device.load(self._compiled, self._state.clone())
