"""`Plan`: the buffer regions and ops of a placed net, and what becomes of its gradients."""

import dataclasses
from collections.abc import Collection, Sequence

from golden.fixed.format import TrainingFormat
from sw_driver.errors import DriverError, MissingError
from sw_driver.plan.back import Back, back_ops
from sw_driver.plan.entries import BufferUse, Entry, cut_entries
from sw_driver.plan.order import ExtraTurns, Order, no_extra_turns
from sw_driver.plan.stage import COPIES, POSITIONS, Stage, StageKind
from sw_driver.plan.tasks import Direction, Task, copies, period

__all__ = ["Plan", "check_frozen", "last_backward", "make_plan"]


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """Everything that follows from a placed net and an order of its tasks, but no widths.

    Parameters
    ----------
    stages
        The stages in the order in which a sample passes them.
    tasks, order
        The tasks of a sample, and the order in which those of successive samples follow each other.
    extra_turns
        For each task, the turns that it starts later than its place in the order asks for.
    copies
        For each stage, how many samples have words in its regions at once.
    entries
        `[period][stage]`: the entries of each stage, for samples 0, 1, ... of a period.
    backs
        `[period][stage]`: the BACK ops of each stage; a stage that gradients do not reach has none.
    buffers
        Words that all regions take.
    training_form
        Widths and fraction bits of the words of a net that trains, else None.
    input_gradient
        Whether the host gets the gradient of its inputs, as sums.
    frozen
        Layers whose weights do not change.
    """

    stages: tuple[Stage, ...]
    tasks: tuple[Task, ...]
    order: Order
    extra_turns: ExtraTurns
    copies: tuple[int, ...]
    entries: tuple[tuple[tuple[Entry, ...], ...], ...]
    backs: tuple[tuple[tuple[Back, ...], ...], ...]
    buffers: BufferUse
    training_form: TrainingFormat | None = None
    input_gradient: bool = False
    frozen: frozenset[int] = frozenset()

    @property
    def period(self) -> int:
        """Samples after which ops have the same addresses again."""
        return len(self.entries)

    @property
    def result(self) -> Stage:
        """The stage that gives the outputs to the host."""
        return self.stages[-1]

    @property
    def form(self) -> TrainingFormat:
        """Widths and fraction bits of the words of a net that trains.

        Raises
        ------
        MissingError
            If the plan is for inference alone.
        """
        if self.training_form is None:
            raise MissingError("the net must be compiled for training, not for inference alone")
        return self.training_form

    def name(self, task: Task) -> str:
        """The name of a task in tables: its stage, and its direction if the net trains."""
        stage = self.stages[task.stage].name
        return stage if self.training_form is None else f"{stage} {task.direction.value}"

    @property
    def with_targets(self) -> bool:
        """Whether the host sends targets before the inputs, in the place of gradients."""
        return self.tasks[0].direction is Direction.GRADIENT

    @property
    def gradient_words(self) -> int:
        """Gradients that the host sends to one PE for each sample: those of the PE's outputs."""
        return self.result.regions * self.result.own

    @property
    def gradient_reader(self) -> int:
        """The last stage on the rows that has results.

        The gradients that the host sends come over the rows, so what they wait for is a reading of
        words of the rows: that of this stage's way back, for it is the first of a sample.
        """
        return _last_of_rows(self.stages)

    def targets(self, stage: int, entry: Entry) -> list[list[tuple[int, int]]]:
        """Say, for each repetition of an entry, which region and own word each output becomes."""
        before = (one.reps for one in self.entries[0][stage] if one.w_base < entry.w_base)
        first = sum(before)
        run = self.stages[stage].targets[first : first + entry.reps]
        found: list[list[list[int]]] = run.tolist()
        return [[(region, word) for region, word in rep] for rep in found]

    def copy(self, stage: int, sample: int) -> int:
        """The copy of a stage's regions that a sample uses."""
        return sample % self.copies[stage]

    def reduces(self, stage: int) -> bool:
        """Whether the gradients of a stage's inputs are summed.

        They are if a stage before it needs them, or the host wants them.
        """
        return stage > _last_backward(self.tasks) or (stage == 0 and self.input_gradient)

    def updates(self, stage: int) -> bool:
        """Whether a stage has weights that change."""
        found = self.stages[stage]
        return found.kind not in COPIES and found.layer not in self.frozen

    def updates_biases(self, stage: int) -> bool:
        """Whether a stage has biases that change."""
        found = self.stages[stage]
        return found.biases and found.layer not in self.frozen

    def masks(self, stage: int) -> bool:
        """Whether a stage's inputs are the results of a ReLU."""
        found = self.stages[stage]
        return (
            found.kind in (StageKind.INPUT, StageKind.DENSE)
            and not found.from_host
            and self.form.layers[found.layer - 1].relu
        )

    def gradient_shift(self, stage: int) -> int:
        """Right shift of the gradients of a stage's inputs; 0 if their sums go to the host."""
        found = self.stages[stage]
        if found.kind in COPIES:
            return found.gain_bits
        return self.form.shifts[found.layer].gradient[POSITIONS[found.kind]] or 0

    def update_shift(self, stage: int) -> int:
        """Right shift from an accumulated gradient to a change of its weight."""
        found = self.stages[stage]
        return self.form.shifts[found.layer].update[POSITIONS[found.kind]]

    def bias_shift(self, stage: int) -> int:
        """Left shift from a gradient to a change of its bias."""
        return self.form.shifts[self.stages[stage].layer].bias


def check_frozen(frozen: Collection[int], layers: int, *, input_gradient: bool = False) -> None:
    """Refuse frozen layers that the net does not have, or that leave nothing to train.

    Raises
    ------
    DriverError
        For a value that is no collection of layer numbers, or that holds all layers although
        nobody wants the gradient of the inputs; the message says which layers there are.
    """
    if not isinstance(frozen, Collection):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DriverError(f"frozen must be a collection of layers, such as (0,), not {frozen!r}")
    for layer in frozen:
        if type(layer) is not int or not 0 <= layer < layers:
            raise DriverError(f"frozen must hold layers 0 to {layers - 1}, not {layer!r}")
    if len(set(frozen)) == layers and not input_gradient:
        raise DriverError(
            "frozen must leave a layer that trains, unless the gradient of the inputs is wanted"
        )


def _last_of_rows(stages: Sequence[Stage]) -> int:
    return max(index for index, one in enumerate(stages) if one.outputs and not one.on_columns)


def _last_backward(tasks: Sequence[Task]) -> int:
    return min(
        (task.stage for task in tasks if task.direction is Direction.BACKWARD), default=len(tasks)
    )


def last_backward(
    stages: Sequence[Stage], frozen: Collection[int], *, input_gradient: bool
) -> int:
    """Return the stage that the way back ends with: the first that trains, or stage 0.

    It is stage 0 if the gradient of the inputs is wanted. `check_frozen` has found that there is
    such a stage.
    """
    if input_gradient:
        return 0
    return next(index for index, stage in enumerate(stages) if stage.layer not in frozen)


def make_plan(
    stages: Sequence[Stage],
    order: Order,
    tasks: Sequence[Task],
    *,
    extra_turns: ExtraTurns = (),
    form: TrainingFormat | None = None,
    reduce_words: int = 0,
    input_gradient: bool = False,
    frozen: Collection[int] = (),
) -> Plan:
    """Give every region its place, in as many copies as the order asks for, and list all ops.

    Parameters
    ----------
    stages
        The stages of the placed net.
    order, tasks
        An order of tasks, and the tasks: see `sw_driver.plan.tasks`.
    extra_turns
        As in `Plan`; none by default.
    reduce_words
        Depth of the FIFOs of a reduce engine.
    form, input_gradient, frozen
        See `Plan`.
    """
    # Copies are powers of two, so that addresses are soon the same again.
    extra_turns = extra_turns or no_extra_turns(len(tasks))
    counted = copies(tasks, order, _last_of_rows(stages), extra_turns)
    counts = [1 << (one - 1).bit_length() for one in counted]
    result = stages[-1]
    back = any(task.direction is Direction.GRADIENT for task in tasks)
    # A GRADIENT op has one `base` for the row buffer, through which its words pass, and for the
    # memory of gradients. So the words of all copies take the lowest addresses of the row buffer.
    # Targets always take those of the first copy.
    targets = tasks[0].direction is Direction.GRADIENT
    blocks = (1 if targets else counts[-1]) * result.regions
    scratch = ((blocks - 1) * result.own + result.words) * back
    ends = {False: scratch, True: 0}
    firsts: list[int] = []
    for stage, count in zip(stages, counts, strict=True):
        firsts.append(ends[stage.on_columns])
        ends[stage.on_columns] += count * stage.regions * stage.region_words

    def entries_of(sample: int) -> tuple[tuple[Entry, ...], ...]:
        bases = [
            first + sample % count * stage.regions * stage.region_words
            for stage, first, count in zip(stages, firsts, counts, strict=True)
        ]
        return cut_entries(stages, bases)

    entries = tuple(entries_of(sample) for sample in range(period(counts)))
    plan = Plan(
        stages=tuple(stages),
        tasks=tuple(tasks),
        order=order,
        extra_turns=extra_turns,
        copies=tuple(counts),
        entries=entries,
        backs=(),
        buffers=BufferUse(row=ends[False], col=ends[True]),
        training_form=form,
        input_gradient=input_gradient,
        frozen=frozenset(frozen),
    )
    passed = {task.stage for task in tasks if task.direction is Direction.BACKWARD}
    backs = tuple(
        tuple(
            tuple(
                op
                for entry in cut
                for op in back_ops(stage, entry, reduce_words if plan.reduces(index) else None)
            )
            if index in passed
            else ()
            for index, (stage, cut) in enumerate(zip(stages, of_sample, strict=True))
        )
        for of_sample in entries
    )
    return dataclasses.replace(plan, backs=backs)
