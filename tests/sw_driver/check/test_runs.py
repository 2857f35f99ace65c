"""Compiled training, run word by word on the untimed interpreter, against the golden model."""

import dataclasses

import numpy as np
import pytest

from sw_driver.compiler import compile
from tests.support.training_cases import changed_share, golden_run, is_telling, random_case
from tests.support.training_interpreter import TrainingInterpreter


def check(case, *, chunked=False, **options):
    """All outputs and input gradients of a run, and everything the memories hold at its end.

    `chunked`: on a torus whose reduce engines hold 2 words, so that longer blocks are cut.
    """
    options = {**case.options, **options}
    compiled = compile(case.form, case.torus, **options)
    if chunked:
        options.pop("host_bits")
        config = compiled.config
        training = dataclasses.replace(config.training, reduce_words=2)
        config = dataclasses.replace(config, training=training, rep_bits=12,
                                     program_words=4 * config.program_words)
        compiled = compile(case.form, config, **options)
    config, executable = compiled.config, compiled.executable
    state = case.state(config.rows, config.cols)
    interpreter = TrainingInterpreter(config, case.seed)
    load, dump = executable.load(state), executable.dump()
    interpreter.run(load.beats, load.output_beats)
    assert executable.read_state(interpreter.run(dump.beats, dump.output_beats)) == state

    gradients = case.gradients.numpy()
    result = interpreter.exchange(
        executable.train(case.x.numpy(), lambda sample, y: gradients[sample]))
    golden = {name: value for name, value in options.items() if name not in ("host_bits", "order")}
    expected = golden_run(compiled.format, state, case.x, case.gradients,
                          placement=compiled.placement, **golden)
    np.testing.assert_array_equal(result.outputs, expected.outputs.numpy())
    if compiled.input_gradient:
        np.testing.assert_array_equal(result.input_gradients, expected.input_gradients.numpy())
    after = executable.read_state(interpreter.run(dump.beats, dump.output_beats))
    assert after.differences(expected.state) == []
    return compiled, state, expected


@pytest.mark.parametrize("seed", [
    *range(12), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(12, 160))])
def test_random_training(seed):
    """In every second run, blocks of more than 2 words are cut."""
    case = random_case(seed)
    _, state, expected = check(case, chunked=seed % 2 == 1)
    share = changed_share(state, expected.state, case.options["frozen"])
    assert is_telling(expected.counts, share), (expected.counts, share)


def test_blocks_are_cut():
    """Of the runs above, some have ops for a part of a block, and one for an odd rest."""
    sizes = set()
    for seed in range(1, 12, 2):
        compiled = check(random_case(seed), chunked=True)[0]
        for ops in compiled.plan.backs[0]:
            if len(ops) > len({op.entry for op in ops}):
                sizes |= {op.words for op in ops}
    assert sizes == {1, 2}


def test_a_batch_in_another_order():
    """Any order of the tasks gives the same words: here the host answers a sample later."""
    case = next(case for case in map(random_case, range(100)) if case.options["batches"]
                and len(case.form.layers) == 1)
    compiled = compile(case.form, case.torus, **case.options)
    tasks = len(compiled.plan.tasks)
    forward = tasks // 2
    rotated = tuple(range(2, tasks)) + tuple(range(2))
    late = tuple(reversed(range(forward, tasks))) + tuple(range(forward))
    most = [max(check(case, order=order)[0].plan.copies) for order in (rotated, late)]
    assert most[0] < 3 <= most[1]
