"""Predictions for runs that compute outputs: exact cycles, and bounds that no schedule can beat."""

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
from sw_driver.program.sample_loop import SampleLoops
from sw_driver.schedule.scheduler import schedule

__all__ = [
    "Prediction",
    "bounds",
    "narrowest_host_bits",
    "order_cycles",
    "predict_cycles",
    "predict_steady",
]

# To judge an order, the cycles of some samples are counted, after the samples that fill the
# pipeline and so many more. The fetch units go round in three cycles, so over three samples they
# are as far as before, whatever the length of a sample.
_SETTLING_SAMPLES = 1
_COUNTED_SAMPLES = QUEUES
# Of samples that take so many cycles only one is counted: settling and fetching hardly matter.
_LONG_SAMPLE_CYCLES = 2000


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The steady state of a run. Cycles are for each sample.

    Parameters
    ----------
    cycles
        The cycles that a sample takes; exact if the run comes to repeat itself, as all known runs
        do.
    ideal_cycles
        Multiply-accumulates of the net, divided by the number of multipliers: no torus of this
        size can be faster.
    bounds
        Cycles that each part needs by itself, however the ops are ordered; see `bounds`.
    host_bits
        The narrowest host stream that would take no longer than any other part; None if even the
        widest one takes longer.
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
        """Part of the multipliers' time that goes into products of the net, padding left out."""
        return self.ideal_cycles / self.cycles

    @property
    def padding_cap(self) -> float:
        """The utilisation that this placement would reach if nothing ever waited."""
        return self.ideal_cycles / self.bounds["MAC"]

    @property
    def bound_by(self) -> str:
        """The part that needs the most cycles by itself."""
        return max(self.bounds, key=lambda part: self.bounds[part])


def predict_cycles(config: TorusConfig, loop: SampleLoops, samples: int) -> int:
    """Return the cycles of a run of `samples` samples, on a torus that waits for a program.

    They are exact if the host never stalls, from the first beat of the program to the last beat of
    the results, both included.
    """
    return simulate(config, loop.program(config, samples)).cycles


def predict_steady(
    config: TorusConfig, shapes: Sequence[LayerShape], plan: Plan, loop: SampleLoops
) -> Prediction:
    """Return the cycles that a sample takes in a long run, and what bounds them."""
    program = loop.program(config, loop.max_samples)
    run = Simulation(config, program)
    steady = run.find_steady() or run.latest()
    account = Account(run.machine)
    run.machine.observer = account
    run.collect(steady.collected)
    loaded = loading_ops(program, loop.queues(loop.max_samples))
    return Prediction(
        cycles=steady.cycles / steady.collected,
        ideal_cycles=sum(shape.parameters for shape in shapes)
        / (config.rows * config.cols * config.row_weights),
        bounds=bounds(config, plan),
        host_bits=narrowest_host_bits(config, plan),
        breakdown=break_down(config, account, steady, _names(config, plan, loop), loaded),
    )


def _names(config: TorusConfig, plan: Plan, loop: SampleLoops) -> dict[str, dict[int, str]]:
    samples = loop.looped_samples[(loop.max_samples - 1) % loop.period]
    return names_of_ops(plan, loop.queues(samples), schedule(config, plan, samples))


def order_cycles(
    config: TorusConfig, loop: SampleLoops, depth: int, bound: int, reached: float
) -> tuple[float, int]:
    """Find the cycles that a sample takes in an order of ops, for the search for the best order.

    Parameters
    ----------
    config
        The torus.
    loop
        The queues of runs in that order.
    depth
        Samples in the pipeline besides the first.
    bound
        Cycles that a sample takes at least.
    reached
        Cycles that a sample takes in the best order so far. If this order seems to take fewer, it
        is simulated until it repeats itself, so that its cycles are exact; but not if a sample is
        so long that this makes no difference.

    Returns
    -------
    tuple of (float, int)
        The cycles of a sample, and how many cycles the model simulated to find them.
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
    """Return the cycles that each part needs by itself for a sample, however ops are ordered.

    The parts are "MAC" (with the padding of this placement), "host input", "host output", "row
    ring", "column ring" and "op fetch".
    """
    stages, entries = plan.stages, plan.entries[0]

    def ring_cycles(on_columns: bool) -> int:
        # A row's gateway receives all words, a PE all but its own; after each repetition the link
        # rests for a cycle.
        moved = config.link_words
        return sum(
            stage.reps * ((stage.words - (stage.own if on_columns else 0)) // moved + 1)
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
        # The fetch unit reads a line of each queue in every round; the LOOP is one line more.
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


def narrowest_host_bits(config: TorusConfig, plan: Plan) -> int | None:
    """Return the width of the narrowest host stream that takes no longer than any other part.

    None if even the widest one takes longer. That of the configuration does not matter.
    """
    least = bounds(config, plan)
    others = max(count for part, count in least.items() if not part.startswith("host"))
    for bits in HOST_BITS:
        if bits < config.link_bits:
            continue
        stream = dataclasses.replace(config, host_bits=bits)
        if max(_host_beats(stream, plan.stages)) <= others:
            return bits
    return None


def _host_beats(config: TorusConfig, stages: Sequence[Stage]) -> tuple[int, int]:
    """Count the beats of a sample that go in, and those that come out."""

    def beats(stage: Stage) -> int:
        rows = 1 if stage.broadcast else config.rows
        return stage.reps * rows * -(-stage.words // config.beat_words)

    return beats(stages[0]), beats(stages[-1])
