"""Pictures of the steady state: every engine's work is there, and a legend says what is what."""

import collections

import pytest

from golden import DIGITS_SHAPES, ClosShape
from golden.vectors.nets import random_net
from sw_driver.compiler import compile
from sw_driver.cycle_model import record_exchanges, simulate_exchanges
from sw_driver.predict.schedule_picture import schedule_svg
from sw_driver.predict.steady_spans import steady_spans
from sw_driver.predict.timeline import HOST_IN, slices
from sw_driver.predict.training_cycles import exchanges, predict_training_steady
from sw_driver.schedule.scheduler import schedule
from tests.support.drawn import bars, texts
from tests.support.training_nets import random_format

SMALL = (ClosShape(13, 9, 4, 3, 2), ClosShape(9, 5, 3, 2, 4))


@pytest.fixture(scope="module")
def inference():
    return compile(random_net(SMALL, seed=3, act_bits=12, weight_bits=9), "2x3")


@pytest.fixture(scope="module")
def training():
    return compile(random_format(DIGITS_SHAPES, seed=1), "4x4")


@pytest.fixture(scope="module")
def batches():
    return compile(random_format(SMALL, seed=1, velocity_bits=32), "2x3", batches=True,
                   input_gradient=True)


def test_a_legend_says_what_shades_and_heights_mean(inference, training):
    for compiled, shade in ((inference, "every second sample"),
                            (training, "the samples before and after")):
        found = texts(schedule_svg(compiled))
        assert {f"paler: {shade}", "thin: the engine waits", "H1: input blocks"} <= set(found)
    assert "move: move between layers" in texts(schedule_svg(inference))
    assert "dy: gradient from the host" in texts(schedule_svg(training))
    assert "dy: gradient from the host" not in texts(schedule_svg(inference))


def test_a_short_name_stands_for_every_bar_that_has_room(training):
    svg = schedule_svg(training)
    drawn = collections.Counter(name for _, name, *_ in bars(svg))
    names = collections.Counter(text for text in texts(svg) if text in drawn)
    assert names and not names - drawn
    assert names["1.V"] == drawn["1.V"] == 3  # Column ring, MAC forward and MAC back.


def test_inputs_of_later_samples_are_shown(inference):
    """The gateways take inputs many samples ahead: each turn still has its own."""
    shown = 2 * inference.prediction.cycles
    inside = [bar for bar in bars(schedule_svg(inference)) if bar[0] == "host_in"]
    assert sum(0 <= end - 1 < shown for *_, end in inside) == 2


def test_a_training_step_has_every_task_once(training):
    svg, cycles = schedule_svg(training), predict_training_steady(training).cycles
    step = {bar for bar in bars(svg) if 0 <= bar[2] < cycles}
    stages = [f"{stage.layer}.{stage.kind.value}" for stage in training.stages[:-1]]
    forward, back = ([name for lane, name, *_ in sorted(step, key=lambda bar: bar[2])
                      if lane == wanted] for wanted in ("mac", "mac_back"))
    assert forward == stages and back == stages[::-1]
    places = {(lane, name): (start, end) for lane, name, start, end in step}
    assert places["mac", "1.H2"][1] < places["host_out", "1.out"][0]
    # The host answers in the cycle after its last output.
    assert places["host_out", "1.out"][1] == places["host_in", "dy"][0]
    assert places["host_in", "dy"][1] < places["mac_back", "1.H2"][0]
    between = places["mac_back", "1.H2"][0] - places["mac", "1.H2"][1]
    assert f"outputs leave, dy comes: {between} cycles" in texts(svg)
    title = next(text for text in texts(svg) if "4x4 torus" in text)
    assert f"one training step: {cycles:g} cycles a sample" in title


def test_ways_of_a_batch_interleave(batches):
    """Some way back lies between two ways forward of the sample after it."""
    svg = schedule_svg(batches)
    lanes = [lane for _, lane in sorted((start, lane) for lane, _, start, _ in bars(svg)
                                        if lane in ("mac", "mac_back"))]
    assert "mac mac_back mac mac_back mac" in " ".join(lanes)
    assert any("a training step of a batch" in text for text in texts(svg))


def test_the_same_bytes_each_time(training):
    assert schedule_svg(training) == schedule_svg(training)


@pytest.mark.parametrize("name", ["inference", "training", "batches"])
def test_an_engine_works_within_its_spans(name, request):
    compiled = request.getfixturevalue(name)
    for span in steady_spans(compiled, 2):
        assert span.start < span.end
        for first, last in span.working:
            assert span.start <= first < last <= span.end
        gaps = [later.start - sooner.end
                for sooner, later in zip(span.working, span.working[1:], strict=False)]
        assert all(gap > 0 for gap in gaps)


@pytest.mark.parametrize("name", ["training", "batches"])
def test_macs_step_in_all_cycles_that_are_not_waits(name, request):
    """What was seen of the MACs is what the ops say, forwards and backwards.

    Of the last sample a recording has what happens before the last beat of the host.
    """
    compiled, samples = request.getfixturevalue(name), 3
    config, executable = compiled.config, compiled.executable
    program, asked = executable.train_program(samples), exchanges(executable, samples)
    engines = [engine for engine in record_exchanges(config, program, asked).spans
               if engine.kind == "mac"]
    recording = record_exchanges(config, program, asked, engines)
    steps = schedule(config, compiled.plan, samples, momentum=compiled.momentum,
                     one_batch=compiled.batches)
    found = slices(config, program, recording, compiled.plan, steps)
    assert min(one.waiting_cycles for one in found) >= 0
    for engine in engines:
        mine = [one for one in found if one.engine == engine]
        worked = {one: one.span.end - one.span.start - one.waiting_cycles for one in mine}
        first = [cycles for one, cycles in worked.items() if one.step.sample == 0]
        assert sum(first) == predict_training_steady(compiled).steps
        inside = [cycle for one in mine for cycle in range(*one.span)]
        busy = set(recording.working[engine])
        assert len(busy & set(inside)) == sum(worked.values())
        assert min(busy - set(inside), default=inside[-1]) >= inside[-1]
    run = simulate_exchanges(config, program, asked)
    assert recording.in_cycles.tolist() == run.in_cycles.tolist()
    assert {one.name for one in found if one.engine == HOST_IN} >= {
        "layer 0 H1 forward", "layer 1 out gradient"}
