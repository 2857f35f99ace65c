"""Deeper pipelines: stages that start an extra turn later, and two regions for what they read."""

import dataclasses
from random import Random

import numpy as np
import pytest

from golden import ClosShape
from golden.vectors.nets import random_net, random_words
from hw.config import TorusConfig
from hw.presets import LARGE
from sw_driver.check.runs import check_packed
from sw_driver.compiler import compile, compile_net, place_net
from sw_driver.errors import ProgramError
from sw_driver.plan.forward import reordered
from sw_driver.plan.order import no_extra_turns
from sw_driver.predict.cycles import predict_steady
from sw_driver.predict.order_search import OrderSearch
from sw_driver.program.program import Program
from sw_driver.schedule.loops import schedule_loops
from sw_driver.schedule.queues import build_queues
from sw_driver.schedule.scheduler import schedule
from tests.support.equality import in_pipeline, random_chain, random_pipeline, random_shapes
from tests.support.torus_interpreter import Interpreter

TORI = [dataclasses.replace(LARGE, rows=rows, cols=cols, rep_bits=10, word_steps=1,
                            program_words=8192)
        for rows, cols in ((1, 1), (2, 2), (1, 3), (3, 2), (4, 1))]
NARROW = ClosShape(800, 128, 32, 8, 16)


def interpreted(executable, x, seed):
    """The outputs of a run whose engines go on in a random order."""
    interpreter = Interpreter(executable.config, seed)
    for run in (executable.load(), executable.infer(x)):
        beats = interpreter.run(run.beats, run.output_beats)
    return executable.decode(beats)


@pytest.mark.parametrize("seed", range(20))
def test_any_pipeline_computes_the_net(seed):
    random, config = Random(seed), TORI[seed % len(TORI)]
    shapes = random_chain(random, config) if seed % 2 else random_shapes(random)
    net = random_net(shapes, seed=seed)
    plan, executable = in_pipeline(net, config, random)
    loops = executable.loop
    assert any(plan.extra_turns), "it must have found room for second regions"
    assert loops.period == max(plan.copies) == 2
    for samples in (1, 2, len(loops.loops[0].flat) * loops.period + 3):
        x = random_words(net, samples, seed=seed)
        np.testing.assert_array_equal(
            interpreted(executable, x.numpy(), seed), net.forward_words(x).numpy(),
            f"{shapes}, {plan.order}, {plan.extra_turns}, seed {seed}")


def spoilt(plan, stage):
    """The same pipeline, but the words of one stage have one region."""
    counts = tuple(1 if index == stage else count for index, count in enumerate(plan.copies))
    entries = tuple(
        tuple(plan.entries[0 if index == stage else version][index]
              for index in range(len(plan.stages)))
        for version in range(plan.period)
    )
    # What writes the words of a stage is the stage before.
    wrong = tuple(
        tuple(plan.entries[0][index] if index == stage - 1 and plan.copies[index] == 1 else entry
              for index, entry in enumerate(version))
        for version in entries
    )
    return dataclasses.replace(plan, copies=counts, entries=wrong)


@pytest.mark.parametrize("seed", range(12))
def test_a_region_too_few_is_refused(seed):
    """The check sees it in the packed words: samples would use the same words at once."""
    random, config = Random(seed), TORI[1 + seed % 4]
    net = random_net(random_shapes(random), seed=seed)
    plan = place_net(net, config.rows, config.cols)[1]
    stage = random.randrange(1, len(plan.stages))
    order, _ = random_pipeline(random, len(plan.stages))
    extra = tuple(int(index == stage) for index in range(len(plan.stages)))
    deeper = reordered(plan, order, extra)
    assert deeper.copies[stage] == 2
    samples = 2 * len(plan.stages) + 4

    def check(plan):
        check_packed(Program.build(config, build_queues(config, schedule(config, plan, samples))))

    check(deeper)
    with pytest.raises(ProgramError, match="use the same words|before they are sent"):
        check(spoilt(deeper, stage))


def test_it_brings_cycles_where_a_stage_waits_for_words():
    """16 rows, 2 columns: 398 cycles in the best order, 360 with an extra turn before V."""
    net = random_net([NARROW], seed=1)
    deeper = compile(net, "16x2", host_bits=256)
    assert deeper.prediction.cycles == max(deeper.prediction.bounds.values()) == 360
    assert [stage.kind.value for stage, turns in
            zip(deeper.stages, deeper.extra_turns, strict=True) if turns] == ["V"]
    assert deeper.plan.copies == (1, 2, 1, 1)
    plan = reordered(deeper.plan, deeper.order)
    loops = schedule_loops(deeper.config, plan)
    plain = predict_steady(deeper.config, net.shapes, plan, loops)
    assert plain.cycles > 360


@pytest.mark.parametrize("torus", ["2x2", "4x4", "8x2", "8x8"])
def test_nothing_changes_where_the_macs_are_the_bound(torus):
    compiled = compile(random_net([NARROW], seed=1), torus, host_bits=128)
    assert compiled.extra_turns == no_extra_turns(4)
    assert compiled.executable.loop.period == 1
    assert compiled.prediction.cycles == compiled.prediction.bounds["MAC"]


def test_a_torus_with_no_room_for_second_regions_keeps_one():
    net = random_net([NARROW], seed=1)
    roomy = compile(net, "16x2", host_bits=256)
    words = roomy.plan.buffers.col
    for buffer_words, deeper in ((words, True), (words - 1, False)):
        config = dataclasses.replace(roomy.config, buffer_words=buffer_words, max_fan_in=64)
        compiled = compile_net(net, config, grow=False, order="best")
        assert any(compiled.extra_turns) == deeper
        assert compiled.config == config


def test_a_growing_torus_gets_no_more_buffer_than_a_block_ram_holds():
    """A net whose regions fill more of a buffer than that keeps one region."""
    net = random_net([ClosShape(64, 64, 8, 8, 8), ClosShape(64, 10, 8, 8, 5)], seed=1)
    plan = place_net(net, 2, 2)[1]
    assert max(plan.buffers.row, plan.buffers.col) <= 512
    images = place_net(net, 2, 2)[2]
    search = OrderSearch(net, TorusConfig(rows=2, cols=2), plan, images, grow=True)
    stages = len(plan.stages)
    found = search.fitted(tuple(range(stages)), (0,) + (1,) * (stages - 1))
    assert found.plan.buffers.row > plan.buffers.row
    assert found.config.buffer_words <= 1024
