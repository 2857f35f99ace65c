"""Predictions for runs that train: exact cycles, and what they are spent on."""

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

# Samples of a long run: enough for every program that has been seen to repeat itself.
_SAMPLES = 64


@dataclasses.dataclass(frozen=True)
class TrainingPrediction:
    """The steady state of a run that trains. Cycles are for each sample.

    Parameters
    ----------
    cycles
        The cycles that a sample takes; exact if the run comes to repeat itself, as all known runs
        do.
    ideal_cycles
        Twice the weights of the net, divided by the number of PEs and of their lanes: each weight
        takes a step forwards, and a step backwards, in which two multipliers work side by side.
    steps
        Steps of a MAC for each sample, padding included: no order of ops can be faster.
    breakdown
        What each engine does in this time.
    """

    cycles: float
    ideal_cycles: float
    steps: int
    breakdown: Breakdown

    @property
    def utilisation(self) -> float:
        """Part of the multipliers' time that goes into products of the net, padding left out."""
        return self.ideal_cycles / self.cycles


def exchanges(
    executable: Executable, samples: int, *, at_once: bool = False
) -> list[Exchange]:
    """List the beats that a host gives and takes in a run that trains, in order.

    Parameters
    ----------
    executable
        The compiled net.
    samples
        Number of samples.
    at_once
        Whether the host never waits for outputs, as if it knew the gradients. If not, it sends what
        comes after a sample's outputs in the cycle after their last beat has come.
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
    if at_once or plan.with_targets:
        found = [Exchange(sum(one.gives for one in found), sum(one.takes for one in found))]
    return found


def predict_training(compiled: Compiled, samples: int, *, at_once: bool = False) -> int:
    """Return the cycles of a run of `samples` samples, on a torus that waits for a program.

    They are exact for a host that does as `exchanges` says, from the first beat of the program to
    the last beat in either direction, both included.
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
    """Return the cycles that a sample takes in a long run, and what they are spent on.

    `at_once` is as in `exchanges`.
    """
    executable = compiled.executable
    config, plan = executable.config, executable.training.plan
    samples = min(_SAMPLES, executable.max_training_samples)
    program = executable.train_program(samples)
    sums = len(executable.words.sum_maps)
    if at_once or plan.with_targets:
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
        ideal_cycles=2 * parameters / (config.rows * config.cols * config.lanes_out),
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
