"""What passes between host and torus while it trains: in which order, and what the words mean.

`host_events` is a generator of `Send` and `Receive`: whoever moves beats carries one out after the
other, and gives back the beats of every `Receive`. Nothing else is needed to train.
"""

import dataclasses
from collections.abc import Callable, Generator, Iterator, Sequence

import numpy as np

from hw.config import PROGRAM_BLOCK_WORDS, TorusConfig
from hw.op_fields import HostInKind, HostOutKind
from sw_driver.arrays import Beats, IntArray
from sw_driver.errors import ProgramError
from sw_driver.plan.order import instances
from sw_driver.plan.plan import Plan
from sw_driver.plan.tasks import Direction, Task
from sw_driver.program.executable import Run
from sw_driver.program.host_stream import (
    beats_to_words,
    decode_outputs,
    input_words,
    words_to_beats,
)
from sw_driver.program.image import Op
from sw_driver.program.loops import expand
from sw_driver.program.program import Program
from sw_driver.program.records import join_words

__all__ = [
    "GradientOf",
    "HostEvents",
    "HostWords",
    "Receive",
    "RunResult",
    "Send",
    "host_events",
    "run_events",
]

GradientOf = Callable[[int, IntArray], IntArray]
"""From a sample's number and its output words [O] to the words [O] of their gradient."""


@dataclasses.dataclass(frozen=True, eq=False)
class Send:
    """Beats uint32 [beats, host_bits / 32] that the host sends next."""

    beats: Beats


@dataclasses.dataclass(frozen=True)
class Receive:
    """Beats that the host receives next, before it sends anything more."""

    beats: int


@dataclasses.dataclass(frozen=True, eq=False)
class RunResult:
    """What a run gave: output words [N, O], and the sums that are the inputs' gradient, [N, I]."""

    outputs: IntArray
    input_gradients: IntArray | None


HostEvents = Generator[Send | Receive, Beats | None, RunResult]


@dataclasses.dataclass(frozen=True, eq=False)
class HostWords:
    """The maps between a sample's numbers and the words of the host.

    Parameters
    ----------
    input_map
        [reps, R, words]: the input that each word is, -1 for padding.
    output_map
        [reps, R, words]: the output that each word is.
    gradient_map
        [reps, R, words]: the output whose gradient each word is.
    sum_maps
        Per op that gives sums, [reps, R, words]: the input whose gradient each sum is.
    """

    input_map: IntArray
    output_map: IntArray
    gradient_map: IntArray
    sum_maps: tuple[IntArray, ...]

    @classmethod
    def of(cls, plan: Plan) -> "HostWords":
        """Find what the host's words mean in the runs of a plan."""
        first, result = plan.stages[0], plan.result
        rows, cols = result.sources.shape[1:3]
        # Own words come first in what a PE sees, and go round the columns in turn, last to first.
        own = result.sources[:, :, ::-1, : result.own].transpose(0, 1, 3, 2)
        sums: list[IntArray] = []
        for op in plan.backs[0][0] if plan.input_gradient else ():
            positions = [position for _, position in op.walk()]
            sums.append(first.sources[list(op.regions), :, 0][:, :, positions])
        return cls(
            input_map=first.sources[:, :, 0],
            output_map=result.sources[:, :, cols - 1],
            gradient_map=own.reshape(result.regions, rows, -1),
            sum_maps=tuple(sums),
        )

    @property
    def inputs(self) -> int:
        """Inputs of a sample."""
        return int(self.input_map.max()) + 1

    @property
    def outputs(self) -> int:
        """Outputs of a sample."""
        return int(self.output_map.max()) + 1

    def gradient_words(self, gradient: IntArray) -> IntArray:
        """Arrange a gradient [O] as the block [reps, R, words] of a run; padding is 0."""
        used = self.gradient_map >= 0
        return np.where(used, gradient[np.maximum(self.gradient_map, 0)], 0)

    def read_outputs(self, config: TorusConfig, beats: Beats) -> IntArray:
        """Read the outputs [N, O] of whole samples from their beats.

        Raises
        ------
        HostDataError
            If they are not those of whole samples.
        """
        blocks = self.output_map.reshape(-1, self.output_map.shape[2])
        return decode_outputs(config, blocks, beats, self.outputs)

    def sum_beats(self, config: TorusConfig) -> list[int]:
        """Beats of each repetition and gateway, for each op that gives sums."""
        return [
            -(-table.shape[2] * config.sum_chunks // config.beat_words) for table in self.sum_maps
        ]

    def read_sums(self, config: TorusConfig, beats: Beats) -> IntArray:
        """Read the gradient of the inputs [I] from the beats of all ops that give sums."""
        found = np.zeros(self.inputs, np.int64)
        at = 0
        for table, count in zip(self.sum_maps, self.sum_beats(config), strict=True):
            reps, rows, sums = table.shape
            words = beats_to_words(config, beats[at : at + reps * rows * count])
            at += reps * rows * count
            words = words.reshape(reps, rows, -1)[:, :, : sums * config.sum_chunks]
            values = join_words(
                words.reshape(reps, rows, sums, config.sum_chunks),
                config.acc_bits,
                config.word_bits,
            )
            used = table >= 0
            found[table[used]] = values[used]
        return found


def run_events(run: Run) -> Generator[Send | Receive, Beats | None, Beats]:
    """Go through a run that needs nothing of its outputs; returns these."""
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
        The net, and the meaning of the host's words.
    program
        Of a run of as many samples as `x` has.
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
    first = Task(Direction.FORWARD, 0)
    result = Task(Direction.FORWARD, len(plan.stages) - 1)
    last = Task(Direction.BACKWARD, 0)
    gradients: dict[int, IntArray] = {}
    for number, sample in instances(plan.order, len(x)):
        task = plan.tasks[number]
        if task == first:
            (block,) = input_words(words.input_map, x[sample : sample + 1])
            yield queues.send(block)
        elif task == result:
            reps, _, count = words.output_map.shape
            beats = yield queues.receive(reps, -(-count // config.beat_words))
            (outputs[sample],) = words.read_outputs(config, _given(beats))
            gradients[sample] = gradient_of(sample, outputs[sample])
        elif task.direction is Direction.GRADIENT:
            yield queues.send(words.gradient_words(gradients.pop(sample)))
        elif task == last and sums is not None:
            taken: list[Beats] = []
            for table, count in zip(words.sum_maps, words.sum_beats(config), strict=True):
                taken.append(_given((yield queues.receive(len(table), count))))
            sums[sample] = words.read_sums(config, np.concatenate(taken))
    queues.check_end()
    return RunResult(outputs, sums)


def _given(beats: Beats | None) -> Beats:
    if beats is None:
        raise TypeError("the beats of a Receive must be sent to the generator")
    return beats


class _HostQueues:
    """The host's queues of a program, held against what the host does."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._in = _repetitions(program.gateway[1])
        self._out = _repetitions(program.gateway[2])

    def program_beats(self) -> Beats:
        """The programs themselves."""
        config, pieces = self._program.config, list[Beats]()
        for image in (self._program.gateway_image, self._program.pe_image):
            blocks = np.array(image, np.int64).reshape(-1, PROGRAM_BLOCK_WORDS)
            pieces.append(words_to_beats(config, blocks))
        count = len(self._program.pe_image) // PROGRAM_BLOCK_WORDS
        self._expect(self._in, [(HostInKind.BROADCAST.value, config.block_beats)] * count)
        return np.concatenate(pieces)

    def send(self, block: IntArray) -> Send:
        """Send [repetitions, R, words]."""
        config = self._program.config
        beats = -(-block.shape[2] // config.beat_words)
        self._expect(self._in, [(HostInKind.SCATTER.value, beats)] * len(block))
        return Send(words_to_beats(config, block))

    def receive(self, reps: int, beats: int) -> Receive:
        """Receive `beats` beats from each gateway, `reps` times."""
        self._expect(self._out, [(HostOutKind.COLLECT.value, beats)] * reps)
        return Receive(reps * self._program.config.rows * beats)

    def check_end(self) -> None:
        """Refuse a program that wants more."""
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
