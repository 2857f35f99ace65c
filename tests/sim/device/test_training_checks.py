"""A torus with `checks` trains as one without, and one flipped bit is found where it is.

Words are those of the golden model, cycles those of the cycle model, and nothing is flagged, with a
host that stalls and after resets. Flips are in the RTL while a program runs.
"""

import dataclasses
from random import Random

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
@pytest.mark.parametrize("kind, flips", [
    (kind, 150 if kind in ("buffers", "gradients", "partials", "links", "links-back") else 30)
    for kind in PLACES])
def test_a_flip_is_found_where_it_is(kind, flips):
    """Of all bits of the places, in random cycles: no wrong word comes without a flag."""
    bench, found = the_training_bench(1), set()
    for number in range(flips):
        flip = bench.flip(kind, Random(f"{kind} {number}"))
        assert flip.outcome in ("masked", "flagged", "detected"), flip
        found.update(flip.faults[:1])
    assert any(place.startswith(PLACES[kind]) for place in found), found


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
