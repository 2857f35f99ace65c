"""From an order of stages to ops: what every op waits for, as the counters of the hardware ask it.

A run is flattened to one list of steps. In it, every wait is for a step that comes earlier, so the
ops of each queue, taken in this order, cannot lock up. The counts that an op must wait for follow
from the regions alone: who wrote them last, who read them last.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Sequence

from hw.config import TorusConfig
from hw.op_fields import Axis, GatherKind, HostInKind, HostOutKind, MacKind, RingKind
from sw_driver.errors import ProgramError
from sw_driver.plan.entries import Entry
from sw_driver.plan.order import Order, instances
from sw_driver.plan.stages import Stage, StageKind
from sw_driver.program.image import Op
from sw_driver.program.program import Queues

__all__ = ["Step", "as_first_and_step", "build_queues", "schedule_steps"]


@dataclasses.dataclass(frozen=True)
class Step:
    """One entry of one sample, with what it waits for.

    Parameters
    ----------
    entry
        What is done.
    sample
        For which sample.
    need_first, need_step
        MAC repetitions that must have landed in the gather buffer, beyond those asked for before,
        for the first and for each further repetition.
    lag
        Gathered repetitions that may wait for the MAC, plus one, when a repetition begins to
        receive; None if it need not wait.
    need_free
        Ring ops that must have retired where the results go, beyond those asked for before.
    """

    entry: Entry
    sample: int
    need_first: int
    need_step: int
    lag: int | None
    need_free: int


@dataclasses.dataclass
class _Region:
    """Progress of one region; counts are of its own ring since the start of the program."""

    sample: int = -1
    landed: int = 0  # MAC repetitions landed when its own words are complete.
    ring_ops: int = 0  # Ring ops when its last visit retires.
    gathers: int = 0  # Gathers up to its last visit.
    last_gathers: int = 0  # The same for the sample before.


def schedule_steps(
    stages: Sequence[Stage], entries: Sequence[Sequence[Entry]], order: Order, samples: int
) -> list[Step]:
    """List the steps of a run of `samples` samples in their common order."""
    regions: defaultdict[tuple[int, int], _Region] = defaultdict(_Region)
    # Counts by ring, column ring or not.
    ring_ops, gathers, landed = ({False: 0, True: 0} for _ in range(3))
    asked_landed, asked_freed = ({False: 0, True: 0} for _ in range(2))
    steps: list[Step] = []
    for index, sample in instances(order, samples):
        stage = stages[index]
        ring = stage.on_columns
        for entry in entries[index]:
            needs: list[int] = []
            lags: list[int] = []
            for visit in entry.visits:
                region = regions[index, visit]
                if region.sample != sample:
                    region.sample, region.last_gathers = sample, region.gathers
                needs.append(max([region.landed - asked_landed[ring], *needs[-1:]]))
                if stage.outputs:
                    if region.last_gathers:
                        lags.append(gathers[ring] - region.last_gathers + 1)
                    gathers[ring] += 1
                    region.gathers = gathers[ring]
                ring_ops[ring] += 1
                region.ring_ops = ring_ops[ring]
            need_first, need_step = as_first_and_step(needs)
            asked_landed[ring] += need_first + (entry.reps - 1) * need_step

            need_free = 0
            if stage.outputs:
                dest = stages[index + 1].on_columns
                written = [[regions[index + 1, to] for to in rep] for rep in entry.written]
                freed = max(region.ring_ops for rep in written for region in rep)
                need_free = max(freed - asked_freed[dest], 0)
                asked_freed[dest] += need_free
                for rep in written:
                    landed[dest] += 1
                    for region in rep:
                        region.landed = landed[dest]
            steps.append(
                Step(
                    entry=entry,
                    sample=sample,
                    need_first=need_first,
                    need_step=need_step,
                    lag=min(lags, default=None),
                    need_free=need_free,
                )
            )
    return steps


def as_first_and_step(needs: list[int]) -> tuple[int, int]:
    """The waits of successive repetitions; all of them at first if they grow unevenly."""
    needs = [max(need, 0) for need in needs]
    growth = {after - before for before, after in zip(needs, needs[1:], strict=False)}
    if len(growth) > 1:
        return needs[-1], 0
    return needs[0], growth.pop() if growth else 0


def build_queues(config: TorusConfig, stages: Sequence[Stage], steps: Sequence[Step]) -> Queues:
    """Write steps as the ops of every queue, those of a PE and then those of a gateway.

    Raises
    ------
    ProgramError
        If a count does not fit its field.
    """
    row: list[Op] = []
    col: list[Op] = []
    mac: list[Op] = []
    ring: list[Op] = []
    host_in: list[Op] = []
    host_out: list[Op] = []
    for step in steps:
        entry, stage = step.entry, stages[step.entry.stage]
        recv = stage.words - stage.own
        gather: Op = {
            "kind": (GatherKind.GATHER if stage.outputs else GatherKind.PASS).value,
            "reps": entry.reps - 1,
            "own": stage.own,
            "recv": recv,
            "to_gateway": int(not (stage.on_columns or stage.from_host)),
            "base": entry.base,
            "stride": entry.stride % (1 << config.addr_bits),
            "need_first": step.need_first,
            "need_step": step.need_step,
            "lag": _most(config) if step.lag is None else step.lag,
        }
        (col if stage.on_columns else row).append(gather)
        if stage.outputs:
            mac.append(_mac_op(config, stages, step))
        if not stage.on_columns:
            reps = {"reps": entry.reps - 1}
            beats = {**reps, "beats": -(-stage.words // config.beat_words)}
            if stage.from_host:
                ring.append({"kind": RingKind.SEND.value, **reps, "recv": 0, "send": stage.words})
                host_in.append({"kind": HostInKind.SCATTER.value, **beats})
            else:
                kind = RingKind.FORWARD if stage.outputs else RingKind.SINK
                ring.append({"kind": kind.value, **reps, "recv": stage.words, "send": recv})
                if not stage.outputs:
                    host_out.append({"kind": HostOutKind.COLLECT.value, **beats})
    queues = row, col, mac, ring, host_in, host_out
    _check_counts(config, queues)
    return queues


def _mac_op(config: TorusConfig, stages: Sequence[Stage], step: Step) -> Op:
    entry, stage = step.entry, stages[step.entry.stage]

    def axis(on_columns: bool) -> int:
        return (Axis.COL if on_columns else Axis.ROW).value

    def wrapped(stride: int) -> int:
        return stride % (1 << config.addr_bits)

    return {
        "kind": MacKind.RUN.value,
        "axis": axis(stage.on_columns),
        "dest": axis(stages[entry.stage + 1].on_columns),
        "reps": entry.reps - 1,
        "last_word": stage.words - 1,
        "last_output": stage.outputs - 1,
        "x_base": entry.base,
        "x_stride": wrapped(entry.stride),
        "w_base": entry.w_base,
        "bias": int(stage.kind is StageKind.OUTPUT),
        "b_base": entry.b_base if stage.kind is StageKind.OUTPUT else 0,
        "y_base": entry.y_base,
        "y_stride": wrapped(entry.y_stride),
        "y_rep_stride": wrapped(entry.y_rep_stride),
        "shift": stage.shift - config.min_shift,
        "relu": int(stage.relu),
        "need_free": step.need_free,
    }


def _most(config: TorusConfig) -> int:
    return (1 << config.rep_bits) - 1


def _check_counts(config: TorusConfig, queues: Queues) -> None:
    """Refuse counts that `rep_bits` cannot hold."""
    for queue in queues:
        for op in queue:
            for name in ("reps", "need_first", "need_step", "lag", "need_free"):
                if op.get(name, 0) > _most(config):
                    raise ProgramError(
                        f"rep_bits must be at least {op[name].bit_length()} for {name} = "
                        f"{op[name]}, not {config.rep_bits}"
                    )
