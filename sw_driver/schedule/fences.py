"""`Fences`: finds the ops that must wait until no weight is being written.

These are the ops that would read a weight or a bias before its change is written.
"""

from collections.abc import Iterator

from hw.config import UPDATE_CYCLES
from sw_driver.plan.back import Back, visited_weights
from sw_driver.plan.entries import Entry
from sw_driver.plan.stage import Stage

__all__ = ["Fences"]

# A memory of the MAC and an address in it.
_Place = tuple[str, int]


class Fences:
    """Follows the steps of the MAC, and what the last UPDATE_CYCLES steps have changed.

    Steps are counted as if none ever waited: they are closest to each other then.
    """

    def __init__(self) -> None:
        self._steps = 0
        self._written: dict[_Place, int] = {}  # The step of the latest change.

    def run(self, stage: Stage, entry: Entry) -> int:
        """Say whether the RUN op of an entry needs a fence, and go on past the op."""
        reads = _run_reads(stage, entry)
        return self._pass(reads, iter(()), _run_steps(stage, entry))

    def back(self, op: Back, *, updates: bool, biases: bool) -> int:
        """Say whether a BACK op needs a fence, and go on past the op.

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
    """Go through the weights and biases that the first steps of a RUN op read, as (step, place).

    Weights are rows of them. Where a MAC has lanes, biases change and are read apart from steps,
    and never too early (`hw.mac.gradient_reader`).
    """
    for step in range(min(_run_steps(stage, entry), UPDATE_CYCLES + 1)):
        yield step, ("weight", entry.w_base + step)
        if stage.biases and stage.lanes.count == 1 and step % stage.fan_in == 0:
            yield step, ("bias", entry.b_base + step // stage.fan_in)


def _run_steps(stage: Stage, entry: Entry) -> int:
    return entry.reps * stage.walks * stage.steps


def _back_places(op: Back, *, first: bool) -> Iterator[tuple[int, _Place]]:
    """Go through what the first, or the last, steps of a BACK op visit, as (step, place)."""
    weights = visited_weights(op)
    near = range(op.steps)[: UPDATE_CYCLES + 1] if first else range(op.steps)[-UPDATE_CYCLES - 1 :]
    sums = op.groups * op.outputs
    of_rep = op.steps // op.reps
    for step in near:
        yield step, ("weight", int(weights[step]))
        rep, place = divmod(step, of_rep)
        if op.biases and op.lanes.count == 1 and place < sums:
            yield step, ("bias", op.entry.b_base + rep * sums + place)
