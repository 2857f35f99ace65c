"""The host script of a net that trains."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from golden.fixed.state import TrainingState
from sw_driver.arrays import IntArray
from sw_driver.compiled import Compiled
from sw_driver.device.golden import GoldenDevice
from sw_driver.device.targets import TargetGradients
from sw_driver.errors import DriverError
from sw_driver.plan.host_order import HostPart, host_order
from sw_driver.program.answers import no_answer, output_answer, state_answer
from sw_driver.program.events import GradientOf, HostEvents, run_events
from sw_driver.script.host_script import HostScript, ScriptWriter, named_samples
from sw_driver.script.inference import begin_script

__all__ = ["Lesson", "training_script"]

_WORDS = {HostPart.INPUTS: "inputs", HostPart.OUTPUTS: "outputs", HostPart.GRADIENT: "gradient"}


class Lesson(NamedTuple):
    """What `WordDevice.train_words` takes: input words [N, I], and the gradients of the outputs.

    The samples are one batch if the net is compiled for batches, else N of one sample.
    """

    x: IntArray
    gradient_of: GradientOf


def training_script(
    compiled: Compiled, state: TrainingState, lessons: Iterable[Lesson]
) -> HostScript:
    """Write what a host does that trains, and reads back all weights in the end.

    It loads `state`, trains, and reads back the state. Gradients are those that it makes of the
    outputs of the golden model, and outputs and the last state are the golden model's.

    Parameters
    ----------
    compiled
        A net that trains.
    state
        What it begins with.
    lessons
        What it trains on. On a net with an `error_shift`, gradients must be a `TargetGradients`.

    Raises
    ------
    DriverError
        If the net gives the gradient of its inputs, of which the golden model knows only the sum
        over the rows of the torus; or as `WordDevice.load` and `train_words`.
    """
    if compiled.input_gradient:
        raise DriverError(
            "input_gradient must be off for a host script: each row of the torus gives a part of "
            "the gradient of an input, and the golden model has the sum of the parts"
        )
    executable = compiled.executable
    with GoldenDevice() as golden:
        golden.load(compiled, state)
        writer = begin_script(compiled)
        writer.add(
            run_events(executable.load(state)),
            no_answer(compiled.config),
            ("the program that loads all weights, biases and random generators, and these",),
        )
        done = 0
        for lesson in lessons:
            _train(writer, golden, lesson, done)
            done += len(lesson.x)
        last = golden.read_state()
    answer = state_answer(compiled.config, compiled.format, executable.training.maps, last)
    what = "the weights, biases and random generators of all PEs"
    found = writer.add(
        run_events(executable.dump()), answer, (f"the program that reads {what}", what)
    )
    _check_same(not executable.read_state(found).differences(last))
    return writer.finish()


def _train(writer: ScriptWriter, golden: GoldenDevice, lesson: Lesson, done: int) -> None:
    """Train on a lesson, and write it as the programs that a torus does it in.

    `done` is the number of its first sample, for what is said of the steps.
    """
    compiled = golden.compiled
    executable, x = compiled.executable, lesson.x
    gradients: dict[int, IntArray] = {}

    def noted(sample: int, y: IntArray) -> IntArray:
        gradients[sample] = lesson.gradient_of(sample, y)
        return gradients[sample]

    y = golden.train_words(x, noted).outputs
    most = len(x) if compiled.batches else executable.max_training_samples
    for first in range(0, len(x), most):
        part = slice(first, min(first + most, len(x)))
        events = _events(compiled, lesson, part, gradients)
        order = list(host_order(compiled.plan, part.stop - first))
        samples = [first + sample for kind, sample in order if kind is HostPart.OUTPUTS]
        answer = output_answer(compiled.config, executable.words, y[samples])
        result = writer.add(events, answer, _what(compiled, order, done + first))
        _check_same((result.outputs == y[part]).all())


def _events(
    compiled: Compiled, lesson: Lesson, part: slice, gradients: dict[int, IntArray]
) -> HostEvents:
    """Go through the program that trains on a part of a lesson."""
    x, first = lesson.x[part], part.start
    if compiled.format.error_shift is None:
        return compiled.executable.train(x, lambda sample, y: gradients[first + sample])
    targets = lesson.gradient_of
    if not isinstance(targets, TargetGradients):
        raise DriverError(
            "gradient_of must be a TargetGradients for a net with an error_shift, which trains on "
            f"targets, not {type(targets).__name__}"
        )
    return compiled.executable.train_targets(x, targets.words[part], targets.shift)


def _what(compiled: Compiled, order: list[tuple[HostPart, int]], first: int) -> Iterator[str]:
    """Say what the events of a program that trains are."""
    named = named_samples(first, 1 + max(sample for _, sample in order))
    if compiled.format.error_shift is not None:
        yield f"the program that trains on {named}, their inputs and targets"
        yield f"the outputs of {named}"
        return
    yield f"the program that trains on {named}"
    for part, sample in order:
        yield f"the {_WORDS[part]} of sample {first + sample}"


def _check_same(same: bool) -> None:
    if not same:
        raise DriverError("the words of the golden model must be those that their beats hold")
