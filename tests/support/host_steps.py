"""What a host that trains does, step by step, for benches that play it without its outputs."""

import numpy as np

from sw_driver.arrays import Beats
from sw_driver.program.events import HostEvents, Receive, RunResult

__all__ = ["received", "sent", "steps_of"]


def steps_of(events: HostEvents, host_bits: int) -> list[Beats | int]:
    """Beats that the host sends, and numbers of beats that it waits for, in order.

    Its gradients must not depend on the outputs, which are zeros here.
    """
    steps: list[Beats | int] = []
    reply = None
    try:
        while True:
            event = events.send(reply)
            steps.append(event.beats)
            waits = isinstance(event, Receive)
            reply = np.zeros((event.beats, host_bits // 32), np.uint32) if waits else None
    except StopIteration:
        return steps


def sent(events: HostEvents, host_bits: int) -> tuple[Beats, int]:
    """All that the host sends, and how much it gets."""
    steps = steps_of(events, host_bits)
    beats = [step for step in steps if not isinstance(step, int)]
    return np.concatenate(beats), sum(step for step in steps if isinstance(step, int))


def received(events: HostEvents, answer: Beats) -> RunResult:
    """The result of a run in which the host gets `answer`."""
    reply = None
    try:
        while True:
            event = events.send(reply)
            reply = None
            if isinstance(event, Receive):
                reply, answer = np.split(answer, [event.beats])
    except StopIteration as end:
        assert not len(answer)
        return end.value
