"""Loops over samples: programs for any number of samples, from the ops that one sample adds."""

import dataclasses
from collections.abc import Callable
from numbers import Integral

from hw.config import LOOP_COUNT_BITS, PROGRAM_BLOCK_WORDS, TorusConfig
from hw.op_fields import LOOP, gateway_fields, op_lines, pe_fields
from sw_driver.errors import ProgramError
from sw_driver.program.image import Op
from sw_driver.program.program import Program, Queues

__all__ = ["SampleLoop", "SampleLoops", "find_sample_loop", "find_sample_loops"]

_MOST_LOOPS = (1 << LOOP_COUNT_BITS) - 1


@dataclasses.dataclass(frozen=True)
class SampleLoop:
    """The queues of a run for any number of samples.

    Parameters
    ----------
    flat
        The queues of runs of 1, 2, ... samples, with every op listed.
    body
        For each queue the ops that one further sample adds to the last run of `flat`.
    cut
        For each queue the index in the last run of `flat` of the op before which `body` is put; it
        is put there once for each further sample.
    """

    flat: tuple[Queues, ...]
    body: Queues
    cut: tuple[int, ...]

    @property
    def max_samples(self) -> int:
        """Most samples of one program."""
        return len(self.flat) + _MOST_LOOPS + 1

    def queues(self, samples: int) -> Queues:
        """The queues of a run of `samples` samples, 1 to `max_samples`.

        Raises
        ------
        ProgramError
            If `samples` is no whole number, or out of range.
        """
        _check_samples(samples, self.max_samples)
        if samples <= len(self.flat):
            return self.flat[samples - 1]
        turns = samples - len(self.flat)
        found: list[list[Op]] = []
        for queue, body, cut in zip(self.flat[-1], self.body, self.cut, strict=True):
            loop: list[Op] = [{"kind": LOOP, "target": cut, "count": turns - 1}] * (turns > 1)
            found.append(queue[:cut] + body + loop + queue[cut:])
        return tuple(found)

    def program_words(self, config: TorusConfig) -> int:
        """Words of the longer program, of the PEs' and the gateways', for any number of samples."""
        # A gateway also loads the PEs' program, of at most one block more than `rep_bits` counts.
        extra = (0, 0, 0, 2, 2, 0)
        layouts = (*pe_fields(config), *gateway_fields(config))
        counts = [
            # The ops of one further sample; and three lines for a LOOP, an END, and the JUMP to the
            # queue.
            (len(queue) + len(body) + more) * op_lines(config, layout) + 3
            for queue, body, more, layout in zip(
                self.flat[-1], self.body, extra, layouts, strict=True
            )
        ]
        longest = max(sum(counts[:3]), sum(counts[3:])) * config.line_words
        return -(-longest // PROGRAM_BLOCK_WORDS) * PROGRAM_BLOCK_WORDS


@dataclasses.dataclass(frozen=True)
class SampleLoops:
    """The queues of a run for any number of samples, where ops repeat after a period of samples.

    Parameters
    ----------
    loops
        [period]: the queues that loop r has for k + 1 samples are those of a run of r + 1 + k *
        period samples.
    """

    loops: tuple[SampleLoop, ...]

    @property
    def period(self) -> int:
        """Samples after which ops repeat."""
        return len(self.loops)

    @property
    def max_samples(self) -> int:
        """Most samples of one program."""
        return min(
            number + 1 + (loop.max_samples - 1) * self.period
            for number, loop in enumerate(self.loops)
        )

    @property
    def looped_samples(self) -> list[int]:
        """For each loop, the samples of the shortest run that has its LOOPs, two turns of them.

        The queues of longer runs differ from those in the counts of the LOOPs alone.
        """
        return [
            number + 1 + (len(loop.flat) + 1) * self.period
            for number, loop in enumerate(self.loops)
        ]

    def queues(self, samples: int) -> Queues:
        """The queues of a run of `samples` samples, 1 to `max_samples`.

        Raises
        ------
        ProgramError
            If there are too many samples or none, or `samples` is no whole number.
        """
        _check_samples(samples, self.max_samples)
        turn, number = divmod(samples - 1, self.period)
        return self.loops[number].queues(turn + 1)

    def program(self, config: TorusConfig, samples: int) -> Program:
        """Pack a run of `samples` samples, 1 to `max_samples`.

        Raises
        ------
        ProgramError
            If there are too many samples or none, or a program memory is too small.
        """
        return Program.build(config, self.queues(samples))

    def program_words(self, config: TorusConfig) -> int:
        """Words of the longest program, for any number of samples."""
        return max(loop.program_words(config) for loop in self.loops)


def _check_samples(samples: int, most: int) -> None:
    if not (isinstance(samples, Integral) and 1 <= samples <= most):
        raise ProgramError(f"samples must be 1 to {most}, not {samples!r}")


def find_sample_loop(queues_of: Callable[[int], Queues], most_flat: int) -> SampleLoop:
    """Find the ops that repeat: from some n on, one more sample puts the same ops into the queues.

    Parameters
    ----------
    queues_of
        Gives the queues of a run of so many samples.
    most_flat
        The most samples after which the runs must have become regular.

    Raises
    ------
    ProgramError
        If they have not.
    """
    flat = [queues_of(1)]
    ahead = [queues_of(samples) for samples in (2, 3, 4)]
    while len(flat) <= most_flat:
        pieces = [_inserted(*runs) for runs in zip(flat[-1], *ahead, strict=True)]
        found = [piece for piece in pieces if piece is not None]
        if len(found) == len(pieces):
            cuts, bodies = zip(*found, strict=True)
            return SampleLoop(tuple(flat), tuple(bodies), tuple(cuts))
        flat.append(ahead.pop(0))
        ahead.append(queues_of(len(flat) + 3))
    raise ProgramError(f"the schedule does not become regular within {most_flat} samples")


def find_sample_loops(
    queues_of: Callable[[int], Queues], period: int, most_flat: int
) -> SampleLoops:
    """Find the ops that repeat where addresses do so only after `period` samples.

    Parameters
    ----------
    queues_of
        Gives the queues of a run of so many samples.
    period
        Samples after which ops have the same addresses again.
    most_flat
        The most periods after which the runs must have become regular.

    Raises
    ------
    ProgramError
        If they have not.
    """

    def loop(first: int) -> SampleLoop:
        return find_sample_loop(
            lambda turns: queues_of(first + (turns - 1) * period), most_flat=most_flat
        )

    return SampleLoops(tuple(loop(first) for first in range(1, period + 1)))


def _inserted(
    run: list[Op], second: list[Op], third: list[Op], fourth: list[Op]
) -> tuple[int, list[Op]] | None:
    """Return where a run is cut, and the ops that are put in there once, twice and three times.

    That must give the second, third and fourth run; None if it does not.
    """
    size = len(second) - len(run)
    same = (index for index, (a, b) in enumerate(zip(run, second, strict=False)) if a != b)
    cut = next(same, len(run))
    body = second[cut : cut + size]
    for count, longer in enumerate((second, third, fourth), 1):
        if longer != run[:cut] + body * count + run[cut:]:
            return None
    return cut, body
