"""What a run costs: exact cycles, and the bounds that no schedule can beat."""

import dataclasses
from collections.abc import Sequence

from golden.layers.dense import LayerShape
from hw.config import HOST_BITS, QUEUES, TorusConfig
from hw.op_fields import op_lines, pe_fields
from sw_driver.cycle_model import Account, Simulation, simulate
from sw_driver.plan.plan import Plan
from sw_driver.plan.stage import Stage
from sw_driver.predict.breakdown import Breakdown, break_down
from sw_driver.predict.run_steps import loading_ops, names_of_ops
from sw_driver.program.sample_loop import SampleLoop
from sw_driver.schedule.scheduler import schedule

__all__ = ["Prediction", "bounds", "order_cycles", "predict_cycles", "predict_steady"]

# To judge an order, samples are left out at the beginning, beyond those that fill the pipeline, and
# then so many counted: a multiple of the three cycles in which the fetch units go round is enough
# for any length of a sample.
_SETTLING_SAMPLES = 1
_COUNTED_SAMPLES = QUEUES
# A sample as long as this is counted alone: filling it and the fetch units make no difference.
_LONG_SAMPLE_CYCLES = 2000


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The steady state of a run, in cycles a sample.

    Parameters
    ----------
    cycles
        What it takes; exact if the run comes to repeat itself, which all known ones do.
    ideal_cycles
        Multiply-accumulates of the net over PEs: no torus of this size can be faster.
    bounds
        Cycles that each part needs by itself, however the ops are ordered; see `bounds`.
    host_bits
        The narrowest host stream that would take no longer than anything else; None if the widest
        does.
    breakdown
        What each engine does in this time.
    """

    cycles: float
    ideal_cycles: float
    bounds: dict[str, int]
    host_bits: int | None
    breakdown: Breakdown

    @property
    def utilisation(self) -> float:
        """Part of the multipliers' time that goes into the net's own products; padding is waste."""
        return self.ideal_cycles / self.cycles

    @property
    def padding_cap(self) -> float:
        """The utilisation that this placement would reach if nothing ever waited."""
        return self.ideal_cycles / self.bounds["MAC"]

    @property
    def bound_by(self) -> str:
        """The part that takes longest."""
        return max(self.bounds, key=lambda part: self.bounds[part])


def predict_cycles(config: TorusConfig, loop: SampleLoop, samples: int) -> int:
    """Cycles of a run of `samples` samples on a torus that waits for it.

    Exact, from the first beat of its program to the last beat of its results, both included, if the
    host never stalls.
    """
    return simulate(config, loop.program(config, samples)).cycles


def predict_steady(
    config: TorusConfig, shapes: Sequence[LayerShape], plan: Plan, loop: SampleLoop
) -> Prediction:
    """Cycles a sample of a long run, and what bounds it."""
    program = loop.program(config, loop.max_samples)
    run = Simulation(config, program)
    steady = run.find_steady() or run.latest()
    account = Account(run.machine)
    run.machine.observer = account
    run.collect(steady.collected)
    loaded = loading_ops(program, loop.queues(loop.max_samples))
    least = bounds(config, plan)
    others = max(count for part, count in least.items() if not part.startswith("host"))
    wide_enough = (
        bits
        for bits in HOST_BITS
        if bits >= config.word_bits
        and max(_host_beats(dataclasses.replace(config, host_bits=bits), plan.stages)) <= others
    )
    return Prediction(
        cycles=steady.cycles / steady.collected,
        ideal_cycles=sum(shape.parameters for shape in shapes) / (config.rows * config.cols),
        bounds=least,
        host_bits=next(wide_enough, None),
        breakdown=break_down(config, account, steady, _names(config, plan, loop), loaded),
    )


def _names(config: TorusConfig, plan: Plan, loop: SampleLoop) -> dict[str, dict[int, str]]:
    samples = len(loop.flat) + 2  # The fewest with a LOOP.
    return names_of_ops(plan, loop.queues(samples), schedule(config, plan, samples))


def order_cycles(
    config: TorusConfig, loop: SampleLoop, depth: int, bound: int, reached: float
) -> tuple[float, int]:
    """Cycles a sample that an order of ops takes, as the search for the best one asks it.

    Returns
    -------
    The cycles, and how many the model went through to find them.

    Parameters
    ----------
    config
        Of the torus.
    loop
        A run in that order.
    depth
        Samples in the pipeline besides the first.
    bound
        Cycles that a sample takes at least.
    reached
        What other orders reach: one that seems better is looked at until it repeats itself, unless
        its samples are so long that it makes no difference.
    """
    run = Simulation(config, loop.program(config, loop.max_samples))
    long = bound >= _LONG_SAMPLE_CYCLES
    settling, counted = (0, 1) if long else (_SETTLING_SAMPLES, _COUNTED_SAMPLES)
    run.collect(1 + depth + settling)
    start = run.machine.cycle
    run.collect(counted)
    cycles = (run.machine.cycle - start) / counted
    if not long and cycles < reached and (steady := run.find_steady()):
        cycles = steady.cycles / steady.collected
    return cycles, run.machine.cycle


def bounds(config: TorusConfig, plan: Plan) -> dict[str, int]:
    """Cycles a sample that each part needs by itself, however the ops are ordered.

    The parts are "MAC" (with the padding of this placement), "host input", "host output", "row
    ring", "column ring" and "op fetch".
    """
    stages, entries = plan.stages, plan.entries[0]

    def ring_cycles(on_columns: bool) -> int:
        # A row's gateway sees all words, a PE all but its own; then a repetition rests a cycle.
        return sum(
            stage.reps * (stage.words - (stage.own if on_columns else 0) + 1)
            for stage in stages
            if stage.on_columns == on_columns
        )

    def ops(queue: int) -> int:
        kept = (
            stage.outputs > 0 if queue == 2 else stage.on_columns == (queue == 1)
            for stage in stages
        )
        return sum(len(stage) for stage, keep in zip(entries, kept, strict=True) if keep)

    fetch_cycles = [
        # A line in every round of the fetch unit; one more for the LOOP.
        QUEUES * (ops(queue) * op_lines(config, fields) + 1)
        for queue, fields in enumerate(pe_fields(config))
    ]
    host_in, host_out = _host_beats(config, stages)
    return {
        "MAC": sum(stage.mac_cycles for stage in stages),
        "host input": host_in,
        "host output": host_out,
        "row ring": ring_cycles(False),
        "column ring": ring_cycles(True),
        "op fetch": max(fetch_cycles),
    }


def _host_beats(config: TorusConfig, stages: Sequence[Stage]) -> tuple[int, int]:
    """Beats of a sample in and out."""

    def beats(stage: Stage) -> int:
        rows = 1 if stage.broadcast else config.rows
        return stage.reps * rows * -(-stage.words // config.beat_words)

    return beats(stages[0]), beats(stages[-1])
