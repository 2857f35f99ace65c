"""Which ops must wait until no weight is being written: those that would read one too early."""

from collections.abc import Iterator

from hw.config import UPDATE_CYCLES
from sw_driver.plan.back import Back, visited_weights
from sw_driver.plan.entries import Entry
from sw_driver.plan.stage import Stage

__all__ = ["Fences"]

# A memory of the MAC and an address in it.
_Place = tuple[str, int]


class Fences:
    """Follows the steps of the MAC, and what has been written in the last UPDATE_CYCLES of them.

    Steps are counted as if none ever waited, which is when they are closest to each other.
    """

    def __init__(self) -> None:
        self._steps = 0
        self._written: dict[_Place, int] = {}  # The step of the latest change.

    def run(self, stage: Stage, entry: Entry) -> int:
        """Whether the op of an entry needs a fence; then it has been run."""
        reads = _run_reads(stage, entry)
        return self._pass(reads, iter(()), entry.reps * stage.outputs * stage.fan_in)

    def back(self, op: Back, *, updates: bool, biases: bool) -> int:
        """Whether an op backwards needs a fence; then it has been run.

        `updates` and `biases` say whether weights and biases change.
        """
        changes = {"weight": updates, "bias": biases}
        writes = (one for one in _back_places(op, first=False) if changes[one[1][0]])
        return self._pass(_back_places(op, first=True), writes, op.steps)

    def _pass(
        self,
        reads: Iterator[tuple[int, _Place]],
        writes: Iterator[tuple[int, _Place]],
        steps: int,
    ) -> int:
        fence = any(
            self._steps + step - self._written[place] <= UPDATE_CYCLES
            for step, place in reads
            if place in self._written
        )
        recent = self._steps - UPDATE_CYCLES
        self._written = {place: at for place, at in self._written.items() if at >= recent}
        self._written |= {place: self._steps + step for step, place in writes}
        self._steps += steps
        return int(fence)


def _run_reads(stage: Stage, entry: Entry) -> Iterator[tuple[int, _Place]]:
    """What the first steps of an op forwards read."""
    for step in range(min(entry.reps * stage.outputs * stage.fan_in, UPDATE_CYCLES + 1)):
        yield step, ("weight", entry.w_base + step)
        if stage.biases and step % stage.fan_in == 0:
            yield step, ("bias", entry.b_base + step // stage.fan_in)


def _back_places(op: Back, *, first: bool) -> Iterator[tuple[int, _Place]]:
    """What the first, or the last, steps of an op backwards read and change."""
    weights = visited_weights(op)
    near = range(op.steps)[: UPDATE_CYCLES + 1] if first else range(op.steps)[-UPDATE_CYCLES - 1 :]
    sums = op.groups * op.outputs
    of_rep = op.steps // op.reps
    for step in near:
        yield step, ("weight", int(weights[step]))
        rep, place = divmod(step, of_rep)
        if op.biases and place < sums:
            yield step, ("bias", op.entry.b_base + rep * sums + place)
