"""What a run that trains costs: exact cycles, and what they are spent on."""

import dataclasses
from collections.abc import Sequence

from hw.config import PROGRAM_BLOCK_WORDS
from sw_driver.compiled import Compiled
from sw_driver.cycle_model import (
    Exchange,
    ExchangeSimulation,
    Simulation,
    Steady,
    TrainingAccount,
    simulate_exchanges,
)
from sw_driver.plan.host_order import HostPart, host_order
from sw_driver.predict.breakdown import Breakdown, break_down
from sw_driver.predict.run_steps import loading_ops, names_of_ops
from sw_driver.program.executable import Executable
from sw_driver.schedule.scheduler import schedule

__all__ = ["TrainingPrediction", "exchanges", "predict_training", "predict_training_steady"]

# Enough for every program that was seen to come to repeat itself.
_SAMPLES = 64


@dataclasses.dataclass(frozen=True)
class TrainingPrediction:
    """The steady state of a run that trains, in cycles a sample.

    Parameters
    ----------
    cycles
        What it takes; exact if the run comes to repeat itself, which all known ones do.
    ideal_cycles
        Weights of the net over PEs, twice: once forwards, and once backwards, where two multipliers
        work side by side.
    steps
        Steps of a MAC, padding included: no order of ops can be faster.
    breakdown
        What each engine does in this time.
    """

    cycles: float
    ideal_cycles: float
    steps: int
    breakdown: Breakdown

    @property
    def utilisation(self) -> float:
        """Part of the multipliers' time that goes into the net's own products; padding is waste."""
        return self.ideal_cycles / self.cycles


def exchanges(
    executable: Executable, samples: int, *, at_once: bool = False
) -> list[Exchange]:
    """List what a host gives and takes in a run that trains.

    Parameters
    ----------
    executable
        What is run.
    samples
        Of the run.
    at_once
        Whether gradients are there at once: the host never waits for outputs. Else it sends what
        follows a sample's outputs in the cycle after the last of them has come.
    """
    config, plan, words = executable.config, executable.training.plan, executable.words
    program = executable.train_program(samples)

    def of_map(shape: Sequence[int]) -> int:
        repetitions, rows, count = shape
        return repetitions * rows * -(-count // config.beat_words)

    inputs, outputs = of_map(words.input_map.shape), of_map(words.output_map.shape)
    gradients = of_map(words.gradients.shape)
    sums = [config.rows * len(table) * count for table, count in zip(
        words.sum_maps, words.sum_beats(config), strict=True)]  # fmt: skip
    image_words = len(program.gateway_image) + len(program.pe_image)
    waiting = image_words // PROGRAM_BLOCK_WORDS * config.block_beats
    found: list[Exchange] = []

    def receive(count: int) -> None:
        nonlocal waiting
        found.append(Exchange(waiting, count))
        waiting = 0

    for part, _ in host_order(plan, samples):
        if part is HostPart.INPUTS:
            waiting += inputs
        elif part is HostPart.OUTPUTS:
            receive(outputs)
        elif part is HostPart.GRADIENT:
            waiting += gradients
        else:
            for count in sums:
                receive(count)
    if waiting:
        receive(0)
    if at_once:
        found = [Exchange(sum(one.gives for one in found), sum(one.takes for one in found))]
    return found


def predict_training(compiled: Compiled, samples: int, *, at_once: bool = False) -> int:
    """Cycles of a run of `samples` samples on a torus that waits for it.

    Exact, from the first beat of its program to the last beat in either direction, both included,
    for a host that does as `exchanges` says.
    """
    executable = compiled.executable
    return simulate_exchanges(
        executable.config,
        executable.train_program(samples),
        exchanges(executable, samples, at_once=at_once),
    ).cycles


def predict_training_steady(
    compiled: Compiled, *, at_once: bool = False
) -> TrainingPrediction:
    """Cycles a sample of a long run, and what they are spent on; see `exchanges`."""
    executable = compiled.executable
    config, plan = executable.config, executable.training.plan
    samples = min(_SAMPLES, executable.max_training_samples)
    program = executable.train_program(samples)
    sums = len(executable.words.sum_maps)
    if at_once:
        run = Simulation(config, program)
        steady = run.find_steady() or run.latest()
        account = TrainingAccount(run.machine)
        run.machine.observer = account
        run.collect(steady.collected)
        per_sample = plan.result.regions + sum(len(one) for one in executable.words.sum_maps)
    else:
        run = ExchangeSimulation(config, program, exchanges(executable, samples))
        steady = run.find_steady() or run.latest()
        account = TrainingAccount(run.machine)
        run.machine.observer = account
        for _ in range(steady.collected):
            run.exchange()
        per_sample = 1 + sums
    steady = Steady(steady.collected // per_sample, steady.cycles)
    parameters = sum(shape.parameters for shape in compiled.format.shapes)
    own = executable.training.loops.queues(samples)
    run_of_samples = schedule(
        config, plan, samples, momentum=compiled.momentum, one_batch=compiled.batches
    )
    return TrainingPrediction(
        cycles=steady.cycles / steady.collected,
        ideal_cycles=2 * parameters / (config.rows * config.cols),
        steps=sum(stage.mac_cycles for stage in plan.stages)
        + sum(op.steps for ops in plan.backs[0] for op in ops),
        breakdown=break_down(
            config,
            account,
            steady,
            names_of_ops(plan, own, run_of_samples),
            loading_ops(program, own),
        ),
    )
