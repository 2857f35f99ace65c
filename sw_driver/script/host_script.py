"""`HostScript`: beats to send and beats to expect, step by step, for a host that knows no more."""

import dataclasses
from collections.abc import Generator, Iterable
from typing import TypeVar

import numpy as np

from hw.config import TorusConfig
from sw_driver.arrays import Beats
from sw_driver.device.transport import carry_out
from sw_driver.errors import ProgramError
from sw_driver.program.answers import Answer
from sw_driver.program.events import Receive, Send

__all__ = ["HostScript", "ScriptWriter", "Step", "named_samples"]

Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True)
class Step:
    """The host sends some beats, or takes some.

    Parameters
    ----------
    sends
        Whether they go to the torus. If not, nothing more is sent before they have come.
    beats
        How many, at least 1.
    what
        What they are, in words.
    """

    sends: bool
    beats: int
    what: str


@dataclasses.dataclass(frozen=True, eq=False)
class HostScript:
    """All that a host sends to a torus fresh from reset, and all that must come back.

    Parameters
    ----------
    config
        Of the torus.
    sent
        uint32 [beats, host_bits / 32], in order.
    answer
        What must come back, in order, by the golden model.
    steps
        How the two take turns. A host must take beats while it sends, too: a torus whose answers
        nobody takes stops in the end.
    """

    config: TorusConfig
    sent: Beats
    answer: Answer
    steps: tuple[Step, ...]


class ScriptWriter:
    """Puts a host script together, run by run.

    Parameters
    ----------
    config
        Of the torus.
    """

    def __init__(self, config: TorusConfig) -> None:
        self._config = config
        self._sent: list[Beats] = []
        self._answers: list[Answer] = []
        self._steps: list[Step] = []

    def add(
        self,
        events: Generator[Send | Receive, Beats | None, Result],
        answer: Answer,
        what: Iterable[str],
    ) -> Result:
        """Go through a run whose host gets `answer`; return what the run makes of it.

        Parameters
        ----------
        events
            What the host does.
        answer
            All beats of the run.
        what
            Of each event, in words; the last holds for all events that follow it, too.

        Raises
        ------
        ProgramError
            If the run asks for fewer or more beats than the answer has.
        """
        names, at, name = iter(what), 0, ""

        def step(sends: bool, beats: int) -> None:
            nonlocal name
            name = next(names, name)
            if beats:
                self._steps.append(Step(sends, beats, name))

        def send(beats: Beats) -> None:
            self._sent.append(beats)
            step(True, len(beats))

        def receive(count: int) -> Beats:
            nonlocal at
            step(False, count)
            taken = answer.beats[at : at + count]
            at += count
            return taken

        result = carry_out(events, send, receive)
        if at != len(answer.beats):
            raise ProgramError(
                f"the run must ask for the {len(answer.beats)} beats of its answer, not for {at}"
            )
        self._answers.append(answer)
        return result

    def finish(self) -> HostScript:
        """Return the script of all runs."""
        answers = Answer(*(np.concatenate(part) for part in zip(*self._answers, strict=True)))
        return HostScript(self._config, np.concatenate(self._sent), answers, tuple(self._steps))


def named_samples(first: int, count: int) -> str:
    """Name samples, for what is said of a step."""
    return f"sample {first}" if count == 1 else f"samples {first} to {first + count - 1}"
