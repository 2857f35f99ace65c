"""Makes the ops of every queue from an order of tasks, with what every op waits for.

In a run's list of steps every wait is for an earlier one, so the ops of each queue, taken in this
order, cannot lock up. What an op waits for follows from the regions alone: who wrote and who read
them last. A torus for inference counts repetitions of the MAC, and gathers that may wait for it.
"""

from collections import defaultdict
from collections.abc import Sequence

from hw.config import TorusConfig
from hw.op_fields import (
    CLEAR,
    KEEP,
    GatherKind,
    HostInKind,
    HostOutKind,
    RingKind,
)
from sw_driver.plan.back import Back
from sw_driver.plan.entries import Entry
from sw_driver.plan.order import instances
from sw_driver.plan.plan import Plan
from sw_driver.plan.tasks import Direction, Task
from sw_driver.program.image import Op
from sw_driver.program.landing import lands_after_results
from sw_driver.schedule.fences import Fences
from sw_driver.schedule.mac_ops import back_op, run_op
from sw_driver.schedule.progress import Counter, Region, lag
from sw_driver.schedule.queues import Step

__all__ = ["KnownOps", "schedule"]

KnownOps = dict[tuple[object, ...], dict[str, Op]]
"""Ops of forward entries, by the entry and all that it waits for. They must not be changed."""

# Fields of a gather that say when its region is free, by whether the torus trains.
_ROOM = {False: ("lag",), True: ("need_read", "need_read_step")}

class _Scheduler:
    """Writes the ops of a run, step by step, in their common order."""

    def __init__(
        self, config: TorusConfig, plan: Plan, decay: int, batch: int | None, known: KnownOps
    ) -> None:
        self._config, self._plan, self._known = config, plan, known
        self._trains = config.training is not None
        self._decay, self._batch = decay, batch
        self._regions: defaultdict[tuple[int, int, int], Region] = defaultdict(Region)
        axes = False, True
        self._landed = {axis: Counter() for axis in axes}
        self._ring_ops = {axis: Counter() for axis in axes}
        self._reads = {axis: Counter() for axis in axes}
        self._gradients = {axis: Counter() for axis in axes}
        self._host_gradients = Counter()
        # For each copy of the host's gradients, the count of readings of the row buffer after the
        # last one that used this copy.
        self._gradient_reads: defaultdict[int, int] = defaultdict(int)
        self._fences = Fences()
        self._ops: dict[str, Op] = {}
        self.steps: list[Step] = []

    def run(self, task: Task, sample: int) -> None:
        """Write the ops of one task."""
        version = sample % self._plan.period
        if task.direction is Direction.FORWARD:
            for entry in self._plan.entries[version][task.stage]:
                self._forward(task.stage, entry, sample)
                self._end_step(task, sample, entry)
        elif task.direction is Direction.GRADIENT:
            self._take_gradient(sample)
            self._end_step(task, sample, None)
        else:
            for op in self._plan.backs[version][task.stage]:
                self._back(task.stage, op, sample)
                self._end_step(task, sample, op.entry)

    def _end_step(self, task: Task, sample: int, entry: Entry | None) -> None:
        self.steps.append(Step(task, sample, entry, self._ops))
        self._ops = {}

    def _region(self, stage: int, sample: int, region: int) -> Region:
        return self._regions[stage, self._plan.copy(stage, sample), region]

    # Forward

    def _forward(self, index: int, entry: Entry, sample: int) -> None:
        stage = self._plan.stages[index]
        axis = stage.on_columns
        landed: list[int] = []
        free: list[int] = []
        again = stage.from_host and len(set(entry.visits)) < entry.reps
        for rep, visit in enumerate(entry.visits):
            region = self._region(index, sample, visit)
            if region.sample != sample:
                region.sample, region.last_reads = sample, region.reads
            if again:
                # The host's words come again, into a region that the repetition before has read.
                # What repetitions wait for grows evenly: else the first would wait for them all.
                region.last_reads = self._reads[axis].done + rep
            landed.append(region.landed)
            free.append(region.last_reads)
            self._ring_ops[axis].done += 1
            region.ring_ops = self._ring_ops[axis].done
        needs = *self._landed[axis].ask(landed), *self._room(axis, free)
        need_free = self._count_results(index, entry, sample) if stage.outputs else 0
        fence = self._fences.run(stage, entry) if self._trains and stage.outputs else 0
        known = id(entry), needs, need_free, fence
        if known not in self._known:
            self._write_forward(index, entry, needs, need_free, fence)
            self._known[known] = self._ops
        self._ops = self._known[known]

    def _room(self, axis: bool, free: Sequence[int]) -> tuple[int, ...]:
        """Return the fields of `_ROOM`, which say when a gather's repetitions may begin.

        `free` has for each repetition the count of readings that must be over.
        """
        reads = self._reads[axis]
        if self._trains:
            return reads.ask(free)
        return (lag(reads, free, (1 << self._config.rep_bits) - 1),)

    def _count_results(self, index: int, entry: Entry, sample: int) -> int:
        """Count what the MAC reads and writes; return `need_free`, what the op must ask for."""
        plan = self._plan
        axis, dest = plan.stages[index].on_columns, plan.stages[index + 1].on_columns
        freed = max(
            self._region(index + 1, sample, to).ring_ops for rep in entry.written for to in rep
        )
        need_free, _ = self._ring_ops[dest].ask([freed])
        written = self._counted_results(index, entry)
        makes_gradients = plan.with_targets and index + 2 == len(plan.stages)
        made = plan.targets(index, entry) if makes_gradients else []
        for to, word in (one for rep in made for one in rep):
            self._gradients[dest].done += 1
            self._region(index + 1, sample, to).gradients[word] = self._gradients[dest].done
        for visit, regions in zip(entry.visits, written, strict=True):
            self._reads[axis].done += 1
            self._region(index, sample, visit).reads = self._reads[axis].done
            for landing in regions:
                self._landed[dest].done += 1
                for to in landing:
                    self._region(index + 1, sample, to).landed = self._landed[dest].done
        return need_free

    def _write_forward(
        self, index: int, entry: Entry, needs: Sequence[int], need_free: int, fence: int
    ) -> None:
        """Write the ops of an entry that waits for these counts."""
        stage = self._plan.stages[index]
        axis, recv, reps = stage.on_columns, stage.words - stage.own, entry.reps - 1
        self._ops = {
            "col" if axis else "row": {
                "kind": (GatherKind.GATHER if stage.outputs else GatherKind.PASS).value,
                "reps": reps,
                "own": stage.own,
                "recv": recv,
                "to_gateway": int(not (axis or stage.from_host)),
                "base": entry.base,
                "stride": entry.stride % (1 << self._config.addr_bits),
                **dict(zip(("need_first", "need_step", *_ROOM[self._trains]), needs, strict=True)),
            }
        }
        if stage.outputs:
            mac = self._ops["mac"] = run_op(self._config, self._plan, index, entry, need_free)
            if self._trains:
                mac["fence"] = fence
        if axis:
            return
        if stage.from_host:
            kind = HostInKind.BROADCAST if stage.broadcast else HostInKind.SCATTER
            self._send(stage.words, reps, kind)
        elif stage.outputs:
            self._add("ring", RingKind.FORWARD, reps, recv=stage.words, send=recv)
        else:
            self._add("ring", RingKind.SINK, reps, recv=stage.words, send=recv)
            self._add("host_out", HostOutKind.COLLECT, reps, beats=self._beats(stage.words))

    def _counted_results(self, index: int, entry: Entry) -> list[list[Sequence[int]]]:
        """Return for each repetition its counted landings, each as the regions written to."""
        if not self._trains:
            return [[regions] for regions in entry.written]
        return [[(to,) for to, _ in rep] for rep in self._plan.targets(index, entry)]

    # Backward

    def _take_gradient(self, sample: int) -> None:
        index, stage = len(self._plan.stages) - 1, self._plan.result
        copy, targets = self._plan.copy(index, sample), self._plan.with_targets
        # Targets have all been taken when the outputs of the sample before have left.
        last = 0 if targets else self._gradient_reads[copy]
        need_read, _ = self._reads[False].ask([last] * stage.regions)
        self._ring_ops[False].done += stage.regions * targets
        for region in range(0 if targets else stage.regions):
            self._ring_ops[False].done += 1
            done = self._host_gradients.done = self._host_gradients.done + 1
            words = dict.fromkeys(range(stage.own), done)
            self._region(index, sample, region).gradients = words
        self._ops["row"] = {
            "kind": (GatherKind.TARGET if targets else GatherKind.GRADIENT).value,
            "reps": stage.regions - 1,
            "recv": stage.words,
            "base": 0 if targets else copy * self._plan.gradient_words,  # Targets begin anew.
            "stride": stage.own,
            "need_read": need_read,
        }
        self._send(stage.words, stage.regions - 1)

    def _back(self, index: int, op: Back, sample: int) -> None:
        plan = self._plan
        stage = plan.stages[index]
        axis, dest = stage.on_columns, plan.stages[index + 1].on_columns
        last = len(plan.stages) - 1
        from_host = index + 1 == last and not plan.with_targets
        reduces = plan.reduces(index)
        asked = self._host_gradients if from_host else self._gradients[dest]
        targets = plan.targets(index, op.entry)
        if op.groups > 1:
            targets = [[one for rep in targets for one in rep]]
        updates, biases = plan.updates(index), op.biases and plan.updates_biases(index)
        mac = self._ops["mac"] = back_op(self._config, plan, index, op, sample)
        made = [
            max(self._region(index + 1, sample, to).gradients[word] for to, word in rep)
            for rep in targets
        ]
        if index + 1 == last and not (from_host or lands_after_results(self._config, mac)):
            made = [max(made)] * len(made)  # All results have been compared by then.
        mac["need_free"], mac["need_step"] = asked.ask(made)
        for visit in op.regions:
            region = self._region(index, sample, visit)
            self._reads[axis].done += 1
            region.reads = self._reads[axis].done
            if index == plan.gradient_reader:
                self._gradient_reads[plan.copy(last, sample)] = self._reads[axis].done
            for block, word in op.walk() if reduces and not stage.from_host else ():
                if block == 0:
                    self._gradients[axis].done += 1
                    region.gradients[word] = self._gradients[axis].done
        mac["fence"] = self._fences.back(op, updates=updates, biases=biases)
        if updates or biases:
            mac["decay"], mac["apply"] = self._mode(sample)
        if reduces and stage.from_host:
            beats = self._beats(op.words * self._config.sum_chunks)
            self._add("ring", RingKind.GRADIENT, op.reps - 1, recv=op.words, send=0)
            self._add("host_out", HostOutKind.COLLECT, op.reps - 1, beats=beats)

    def _mode(self, sample: int) -> tuple[int, int]:
        """Return `decay` and `apply` of a sample's BACK ops."""
        if self._batch is None:
            return self._decay, 1
        return KEEP if sample else self._decay, int(sample == self._batch - 1)

    # Gateways and host

    def _send(self, words: int, reps: int, kind: HostInKind = HostInKind.SCATTER) -> None:
        self._add("ring", RingKind.SEND, reps, recv=0, send=words)
        self._add("host_in", kind, reps, beats=self._beats(words))

    def _add(
        self, queue: str, kind: RingKind | HostInKind | HostOutKind, reps: int, **fields: int
    ) -> None:
        self._ops[queue] = {"kind": kind.value, "reps": reps, **fields}

    def _beats(self, words: int) -> int:
        return -(-words // self._config.beat_words)


def schedule(
    config: TorusConfig,
    plan: Plan,
    samples: int,
    *,
    momentum: int | None = None,
    one_batch: bool = False,
    known: KnownOps | None = None,
) -> list[Step]:
    """List the steps of a run of `samples` samples in their common order.

    Parameters
    ----------
    config, plan
        The torus, and the net.
    samples
        Number of samples.
    momentum
        n, if accumulated gradients lose a 2**n-th part in every batch; None if each batch begins
        with none.
    one_batch
        Whether all samples are one batch; else each sample is a batch.
    known
        Ops that calls with other numbers of samples have written, for the same torus and plan. They
        make the call faster, and the call adds its own.
    """
    decay = CLEAR if momentum is None else momentum
    batch = samples if one_batch else None
    scheduler = _Scheduler(config, plan, decay, batch, {} if known is None else known)
    for task, sample in instances(plan.order, samples, plan.extra_turns):
        scheduler.run(plan.tasks[task], sample)
    return scheduler.steps
