"""The cycle model of training by itself; `tests/sim/device` holds it against the RTL."""

import functools

import numpy as np
import pytest

from golden import ClosShape
from sw_driver.compiled import Compiled
from sw_driver.compiler import compile
from sw_driver.cycle_model import ACTIVITIES, Exchange, ExchangeSimulation, simulate_exchanges
from sw_driver.errors import ProgramError
from sw_driver.predict.training_cycles import exchanges, predict_training, predict_training_steady
from tests.support.training_nets import random_format

SHAPES = (ClosShape(24, 12, 4, 4, 3),)


@functools.cache
def compiled(batches: bool, input_gradient: bool = False) -> Compiled:
    form = random_format(SHAPES, seed=1, velocity_bits=32)
    return compile(form, "2x2", batches=batches, input_gradient=input_gradient)


def simulation(found: Compiled, samples: int) -> ExchangeSimulation:
    executable = found.executable
    return ExchangeSimulation(found.config, executable.train_program(samples),
                              exchanges(executable, samples))


@pytest.mark.parametrize("input_gradient", [False, True])
def test_every_register_is_part_of_the_state(input_gradient):
    """What is left out of the state would make two different moments look the same."""
    run = simulation(compiled(False, input_gradient), 4)
    machine = run.machine
    assert machine.reverse is not None
    # Recomputed in every cycle before they are used; or another part, or part of `state`.
    known = {"_last_came", "_segments", "host_in", "host_out"}
    parts = [machine.rings, machine.macs, machine.reverse, machine.macs.dumps,
             machine.macs.dispatch, machine.gateways]
    before = [{name: repr(value) for name, value in vars(part).items()} for part in parts]
    changed = [set() for _ in parts]
    while not run.done:
        run.exchange()
        for part, old, names in zip(parts, before, changed, strict=True):
            names |= {name for name, value in vars(part).items()
                      if repr(value) != old[name] and not repr(value).startswith(("<", "(<"))}
    for part, names in zip(parts, changed, strict=True):
        assert names - known <= set(part.REGISTERS)
    assert changed[0] and changed[1] and changed[2]


@pytest.mark.parametrize("torus", [
    "1x64", "64x1", "3x61", pytest.param("64x64", marks=pytest.mark.slow)])
def test_a_torus_of_the_largest_size(torus):
    """A small net leaves most of it empty; a second sample costs what the program does not."""
    form = random_format(SHAPES, seed=1, velocity_bits=32)
    found = compile(form, torus)
    run = simulation(found, 2)
    assert run.find_steady() is None and run.done
    assert run.result().cycles > predict_training(found, 1)


@pytest.mark.parametrize("batches", [False, True])
def test_turns_that_are_left_out_change_nothing(batches):
    found, samples = compiled(batches), 40
    executable = found.executable
    fast = simulate_exchanges(found.config, executable.train_program(samples),
                              exchanges(executable, samples))
    slow = simulation(found, samples)
    while not slow.done:
        slow.exchange()
    assert fast.steady is not None
    np.testing.assert_array_equal(fast.in_cycles, slow.result().in_cycles)
    np.testing.assert_array_equal(fast.out_cycles, slow.result().out_cycles)


@pytest.mark.parametrize("batches", [False, True])
def test_a_steady_state_lasts(batches):
    """Sixty-four samples more take sixty-four times what one takes."""
    found = compiled(batches)
    steady = predict_training_steady(found)
    more = predict_training(found, 400) - predict_training(found, 336)
    assert more == 64 * steady.cycles
    assert steady.utilisation == steady.ideal_cycles / steady.cycles <= 1
    assert steady.cycles >= steady.steps


def test_a_batch_waits_for_less_than_samples_on_their_own():
    alone, batch = predict_training_steady(compiled(False)), predict_training_steady(compiled(True))
    assert batch.cycles < alone.cycles
    assert batch.steps == alone.steps


def test_a_host_that_need_not_wait_is_no_slower():
    for batches in (False, True):
        found = compiled(batches)
        waits, at_once = (predict_training_steady(found, at_once=value) for value in (False, True))
        assert at_once.cycles <= waits.cycles
        one = exchanges(found.executable, 5, at_once=True)
        total = exchanges(found.executable, 5)
        assert one == [Exchange(*(sum(counts) for counts in zip(*total, strict=True)))]


@pytest.mark.parametrize("at_once", [False, True])
def test_the_breakdown_adds_up(at_once):
    prediction = predict_training_steady(compiled(False), at_once=at_once)
    breakdown = prediction.breakdown
    for activities in breakdown.engines.values():
        assert set(activities) <= set(ACTIVITIES)
        assert sum(activities.values()) == pytest.approx(1)
    working = sum(found["mac"]["working"] for found in breakdown.stages.values() if "mac" in found)
    assert working == pytest.approx(prediction.steps)
    assert breakdown.stages["layer 0 H2 backward"]["mac"]["host"] > 0


def test_a_host_that_wants_what_does_not_come_is_an_error():
    """Outputs of a second sample, whose inputs are never sent."""
    executable = compiled(False).executable
    first, *others = exchanges(executable, 2)
    with pytest.raises(ProgramError, match="locks up with .* beats of the host"):
        simulate_exchanges(executable.config, executable.train_program(2),
                           [first._replace(takes=first.takes + 1), *others])
