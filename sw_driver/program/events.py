"""What the host sends and receives in a run, event by event.

`run_events` (for a run that only computes outputs) and `host_events` (for a run that trains) are
generators of `Send` and `Receive`. Whoever moves beats carries out one event after the other, and
gives the generator the beats of every `Receive`. Nothing else is needed to run a net, or to train
it.
"""

import dataclasses
from collections.abc import Callable, Generator, Iterator, Sequence

import numpy as np

from hw.config import PROGRAM_BLOCK_WORDS
from hw.op_fields import HostInKind, HostOutKind
from sw_driver.arrays import Beats, IntArray
from sw_driver.errors import ProgramError
from sw_driver.plan.host_order import HostPart, host_order
from sw_driver.plan.plan import Plan
from sw_driver.program.host_stream import input_kind, program_beats, words_to_beats
from sw_driver.program.host_words import HostWords
from sw_driver.program.image import Op
from sw_driver.program.loops import expand
from sw_driver.program.program import Program

__all__ = [
    "GradientOf",
    "HostEvents",
    "Receive",
    "Run",
    "RunResult",
    "Send",
    "host_events",
    "run_events",
    "target_events",
]

GradientOf = Callable[[int, IntArray], IntArray]
"""Returns the gradient words [O] for a sample's number and its output words [O]."""


@dataclasses.dataclass(frozen=True, eq=False)
class Send:
    """The host sends these beats next: uint32 [beats, host_bits / 32]."""

    beats: Beats


@dataclasses.dataclass(frozen=True)
class Receive:
    """The host receives so many beats next, before it sends anything more."""

    beats: int


@dataclasses.dataclass(frozen=True, eq=False)
class RunResult:
    """The output words [N, O] of a run, and its sums [N, I], the gradient of the inputs, if any."""

    outputs: IntArray
    input_gradients: IntArray | None


HostEvents = Generator[Send | Receive, Beats | None, RunResult]


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """One program with everything that the host sends for it.

    Parameters
    ----------
    program
        The program.
    beats
        uint32 [beats, host_bits / 32]: the host's whole stream.
    output_beats
        Beats that the torus sends back.
    """

    program: Program
    beats: Beats
    output_beats: int


def run_events(run: Run) -> Generator[Send | Receive, Beats | None, Beats]:
    """Go through a run in which the host sends everything first; return the beats that came."""
    yield Send(run.beats)
    if not run.output_beats:
        return run.beats[:0]
    return _given((yield Receive(run.output_beats)))


def host_events(
    plan: Plan, words: HostWords, program: Program, x: IntArray, gradient_of: GradientOf
) -> HostEvents:
    """Go through everything that the host sends and receives in a run that trains.

    Parameters
    ----------
    plan, words
        The plan of the net, and the meaning of the host's words.
    program
        The program of a run of as many samples as `x` has.
    x
        Input words [N, I].
    gradient_of
        Called with a sample's number and its output words [O] when these have come; returns the
        words of the gradient [O].

    Raises
    ------
    ProgramError
        If the program does not ask for these words in this order.
    """
    config = program.config
    queues = _HostQueues(program)
    yield Send(queues.program_beats())
    outputs = np.empty((len(x), words.outputs), np.int64)
    sums = np.empty((len(x), words.inputs), np.int64) if words.sum_maps else None
    gradients: dict[int, IntArray] = {}
    for part, sample in host_order(plan, len(x)):
        if part is HostPart.INPUTS:
            yield queues.send(words.input_words(x[sample : sample + 1]))
        elif part is HostPart.OUTPUTS:
            reps, _, count = words.output_map.shape
            beats = yield queues.receive(reps, -(-count // config.beat_words))
            (outputs[sample],) = words.read_outputs(config, _given(beats))
            gradients[sample] = gradient_of(sample, outputs[sample])
        elif part is HostPart.GRADIENT:
            yield queues.send(words.gradient_words(gradients.pop(sample)))
        elif sums is not None:
            taken: list[Beats] = []
            for table, count in zip(words.sum_maps, words.sum_beats(config), strict=True):
                taken.append(_given((yield queues.receive(len(table), count))))
            sums[sample] = words.read_sums(config, np.concatenate(taken))
    queues.check_end()
    return RunResult(outputs, sums)


def target_events(
    plan: Plan, words: HostWords, program: Program, x: IntArray, targets: IntArray
) -> HostEvents:
    """Go through a run that trains on targets [N, O], words of `act_bits` at the outputs' scale.

    The host sends everything first, as in a run that computes outputs. The other parameters and the
    errors are those of `host_events`.
    """
    config, queues = program.config, _HostQueues(program)
    sent, wanted = [queues.program_beats()], 0
    parts: list[tuple[HostPart, int, int]] = []
    output_reps, _, count = words.output_map.shape
    for part, sample in host_order(plan, len(x)):
        if part is HostPart.INPUTS:
            sent.append(queues.send(words.input_words(x[sample : sample + 1])).beats)
            continue
        if part is HostPart.GRADIENT:
            sent.append(queues.send(words.gradient_words(targets[sample])).beats)
            continue
        pieces = [(output_reps, -(-count // config.beat_words))]
        if part is HostPart.SUMS:
            sums = zip(words.sum_maps, words.sum_beats(config), strict=True)
            pieces = [(len(table), beats) for table, beats in sums]
        size = sum(queues.receive(reps, beats).beats for reps, beats in pieces)
        parts.append((part, sample, size))
        wanted += size
    queues.check_end()
    yield Send(np.concatenate(sent))
    beats = _given((yield Receive(wanted)))
    outputs = np.empty((len(x), words.outputs), np.int64)
    sums_of = np.empty((len(x), words.inputs), np.int64) if words.sum_maps else None
    at = 0
    for part, sample, size in parts:
        mine = beats[at : at + size]
        at += size
        if part is HostPart.OUTPUTS:
            (outputs[sample],) = words.read_outputs(config, mine)
        elif sums_of is not None:
            sums_of[sample] = words.read_sums(config, mine)
    return RunResult(outputs, sums_of)


def _given(beats: Beats | None) -> Beats:
    if beats is None:
        raise TypeError("the beats of a Receive must be sent to the generator")
    return beats


class _HostQueues:
    """The host's queues of a program, by which everything that the host does is checked."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._in = _repetitions(program.gateway[1])
        self._out = _repetitions(program.gateway[2])

    def program_beats(self) -> Beats:
        """Send the programs of the gateways and of the PEs."""
        program = self._program
        count = len(program.pe_image) // PROGRAM_BLOCK_WORDS
        self._expect(self._in, [(HostInKind.BROADCAST.value, program.config.block_beats)] * count)
        return program_beats(program)

    def send(self, block: IntArray) -> Send:
        """Send a block of words [repetitions, R or 1, words]."""
        config = self._program.config
        beats = -(-block.shape[2] // config.beat_words)
        self._expect(self._in, [(input_kind(config, block).value, beats)] * len(block))
        return Send(words_to_beats(config, block))

    def receive(self, reps: int, beats: int) -> Receive:
        """Receive `beats` beats from each gateway, `reps` times."""
        self._expect(self._out, [(HostOutKind.COLLECT.value, beats)] * reps)
        return Receive(reps * self._program.config.rows * beats)

    def check_end(self) -> None:
        """Refuse a program that wants more to be sent or received."""
        for queue in (self._in, self._out):
            self._expect(queue, [None])

    def _expect(
        self, queue: Iterator[tuple[int, int]], wanted: Sequence[tuple[int, int] | None]
    ) -> None:
        for one in wanted:
            asked = next(queue, None)
            if asked != one:
                raise ProgramError(
                    "the gateways' program must move the host's words in the order in which they "
                    f"come, (kind, beats) = {one}, but moves {asked}"
                )


def _repetitions(queue: Sequence[Op]) -> Iterator[tuple[int, int]]:
    for _, op in expand(queue):
        for _ in range(op["reps"] + 1):
            yield op["kind"], op["beats"]
