"""A torus with `checks` trains as one without, and one flipped bit is found where it is.

Words are those of the golden model, cycles those without checks, which other tests hold to the
cycle model, and nothing is flagged, with a host that stalls and after resets. Flips are in the RTL
while a program runs.
"""

import dataclasses
from random import Random

import numpy as np
import pytest

from hw.tops import TOPS
from sim.faults.training_bench import the_training_bench
from sim.model.checked import CheckedModel
from sim.model.emitted import emitted_torus
from sim.model.transfers import Stalls
from tests.support.training_equality import CONFIGS, WIDE_SWEEP, name
from tests.support.training_runs import golden_run, perform, play, random_job, rtl_run, start_batch

pytestmark = pytest.mark.usefixtures("toolchain")

STALLED = Stalls(in_per_mille=300, out_per_mille=300)
PLACES = {
    "weights": "the weight memory of PE", "buffers": "a gather buffer of PE",
    "biases": "the bias memory of PE", "program": "the program memory of",
    "gradients": "a memory of gradients of PE",
    "velocities": "a memory of accumulated gradients of PE",
    "partials": "a queue of partial sums of PE", "links": "a link into",
    "links-back": "a link back into", "random": "the random generator of PE"}
"""Where a flip in a kind of place is found first."""


@pytest.mark.slow
def test_cycles_are_those_without_checks():
    assert the_training_bench(1).cycles == the_training_bench(0).cycles > 1000


@pytest.mark.slow
@pytest.mark.parametrize("kind, flips", [
    (kind, 150 if kind in ("buffers", "links") else 30)
    for kind in PLACES if kind not in ("gradients", "partials", "links-back")])
def test_a_flip_is_found_where_it_is(kind, flips):
    """Of all bits of the places, in random cycles: no wrong word comes without a flag."""
    bench, found = the_training_bench(1), set()
    for number in range(flips):
        flip = bench.flip(kind, Random(f"{kind} {number}"))
        assert flip.outcome in ("masked", "flagged", "detected"), flip
        found.update(flip.faults[:1])
    assert any(place.startswith(PLACES[kind]) for place in found), found


def words_in_use(bench, kind):
    """Words of a kind that have just come, as the run goes on: cycle, variable and word."""
    model, run, found = bench.model, bench.program, []
    variables = [one for one in bench.variables(kind) if not one.name.endswith("spare")]
    model.reset()
    done = model.advance(run.beats, run.output_beats, cycles=bench.first_cycle)
    taken, given = len(done.in_cycles), len(done.beats)
    before = [one.read() for one in variables]
    for cycle in range(bench.first_cycle + 1, bench.cycles):
        done = model.advance(run.beats[taken:], run.output_beats - given, cycles=1)
        taken, given = taken + len(done.in_cycles), given + len(done.beats)
        now = [one.read() for one in variables]
        found += [(cycle, one, int(word)) for one, old, new in
                  zip(variables, before, now, strict=True) for word in np.nonzero(old != new)[0]]
        before = now
    return found


@pytest.mark.slow
@pytest.mark.parametrize("kind, flips, least", [
    ("gradients", 30, 10), ("partials", 30, 10), ("links-back", 150, 5)])
def test_a_flip_of_a_word_in_use_is_found(kind, flips, least):
    """Such words are used soon after they have come, and at few other times.

    Registers of links also change while they hold no word.
    """
    bench, random, flagged = the_training_bench(1), Random(kind), 0
    events = words_in_use(bench, kind)
    for cycle, variable, word in random.sample(events, flips):
        bit = random.randrange(variable.word_bits)
        flip = bench.flip_bit(variable, word, bit, cycle)
        assert flip.outcome in ("masked", "flagged", "detected"), flip
        assert not flip.faults or flip.faults[0].startswith(PLACES[kind]), flip
        flagged += bool(flip.faults)
    assert flagged >= least


@pytest.mark.parametrize("config, cases", [
    (CONFIGS[1], 4),
    *(pytest.param(config, 6, marks=pytest.mark.slow)
      for config in (CONFIGS[0], CONFIGS[2], WIDE_SWEEP[0], WIDE_SWEEP[-1])),
], ids=lambda one: name(one) if hasattr(one, "rows") else "")
def test_random_training_is_as_without_checks(config, cases):
    config = dataclasses.replace(config, checks=1)
    with CheckedModel(emitted_torus(config), TOPS["torus"]) as model:
        model.reset()
        for case in range(cases):
            random, seed = Random(f"{name(config)} {case}"), 3000 + case
            job = random_job(config, seed, case, dense=case == 2, stale=case == 3)
            if case % 2:  # A run ends at any cycle, and a reset mends what it left.
                perform(model, job.compiled.executable.load(job.state))
                play(model, start_batch(job, 0), STALLED,
                     cut_off=lambda _, random=random: random.randint(1, 1000))
                assert model.faults() == 0
                model.reset(random.randint(1, 3))
            stalls = dataclasses.replace(STALLED, seed=seed) if case % 3 == 1 else Stalls()
            assert not rtl_run(model, job, stalls).differences(golden_run(job)), str(job)
            assert model.faults() == 0, str(job)
