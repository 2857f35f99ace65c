"""What the engines of a torus that trains do in every cycle."""

from sw_driver.cycle_model.account import MAC, Account
from sw_driver.cycle_model.machine import Machine
from sw_driver.cycle_model.signals import Signals
from sw_driver.cycle_model.training_macs import TrainingMacs

__all__ = ["TrainingAccount"]


class TrainingAccount(Account):
    """`Account`, for a machine that trains; the rings that go back have no ops of their own."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        if not isinstance(machine.macs, TrainingMacs):
            raise TypeError("a TrainingAccount needs a machine that trains")
        self._macs = machine.macs

    def _see_macs(self, signals: Signals) -> None:
        macs, lanes = self._macs, self._machine.lanes
        done = signals.step.done
        stalled = macs.active ^ done
        held_up = stalled & macs.backward
        forward = stalled ^ held_up
        own = self._lacks_own_words(forward, macs.reads_col) if forward else 0
        self._count(
            MAC,
            macs.running,
            {"working": done, "own words": own, "words": forward ^ own, "downstream": held_up},
        )
        dispatch = macs.dispatch
        idle = lanes.row_pes ^ macs.active
        waits = idle & dispatch.waiting
        late = waits & ~(dispatch.asked_for & ~signals.mac_begin)
        waits ^= late
        gradients = waits and waits & dispatch.backs & ~dispatch.landed
        from_host = gradients & dispatch.from_host
        fence = waits and (waits ^ gradients) & dispatch.fenced
        self._count(
            MAC,
            dispatch.coming,
            {
                "op fetch": late,
                "host": from_host,
                "gradients": gradients ^ from_host,
                "fence": fence,
                "free region": waits ^ gradients ^ fence,
            },
        )
        self._count_without_op(MAC, self._machine.pe_queues, MAC, idle ^ waits ^ late)
