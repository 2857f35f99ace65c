"""Compiled training, run word by word on the untimed interpreter, against the golden model."""

import numpy as np
import pytest

from sw_driver.training import compile_training
from tests.training_cases import changed_share, golden_run, is_telling, random_case
from tests.training_interpreter import TrainingInterpreter


def check(case, torus=None, **options):
    """All outputs and input gradients of a run, and everything the memories hold at its end."""
    options = {**case.options, **options}
    compiled = compile_training(case.form, torus or case.torus, **options)
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
    return state, expected


@pytest.mark.parametrize("seed", range(60))
def test_random_training(seed):
    case = random_case(seed)
    state, expected = check(case)
    share = changed_share(state, expected.state, case.options["frozen"])
    assert is_telling(expected.counts, share), (expected.counts, share)
