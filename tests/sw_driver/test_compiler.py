"""Compiled nets, run word by word on the untimed interpreter, against the golden model."""

import dataclasses
from random import Random

import numpy as np
import pytest
import torch

from golden import ClosLinear, ClosNet, ClosShape
from golden.vectors.nets import paper_example, random_net, random_words
from hw.config import TorusConfig
from sw_driver.compiler import compile
from sw_driver.errors import DriverError
from sw_driver.plan.order import program_order
from sw_driver.program.host_stream import decode_id
from tests.support.knobs import mostly_slow
from tests.support.torus_interpreter import Interpreter

PAIR = ("33,17,5,3,4", "17,10,4,7,3")
STRADDLING = ("20,18,4,3,6", "18,11,4,2,3")


def shapes_of(*texts):
    return [ClosShape.parse(text) for text in texts]


def check(net, torus, *, order, samples, seed, **widths):
    """All output words of some runs, on one interpreter after another load."""
    compiled = compile(net, torus, order=order, **widths)
    executable = compiled.executable
    interpreter = Interpreter(compiled.config, seed)
    load = executable.load()
    interpreter.run(load.beats, load.output_beats)
    for count in samples:
        x = random_words(net, count, seed=seed)
        run = executable.infer(x.numpy())
        y = executable.decode(interpreter.run(run.beats, run.output_beats))
        np.testing.assert_array_equal(y, net.forward_words(x).numpy())
    return compiled


def random_case(seed):
    """A net of 1 to 3 layers, mostly small, with sizes that divide and sizes that do not."""
    random = Random(seed)
    depth = random.choice([1, 1, 2, 2, 3])
    features = [random.randint(1, 14) for _ in range(depth + 1)]
    shapes, readers = [], None
    for inputs, outputs in zip(features, features[1:], strict=False):
        blocks = random.randint(1, min(inputs, 6))
        # Half of the time, blocks line up with those of the layer before, or divide them.
        if readers is not None and random.random() < 0.5:
            blocks = max(1, random.choice([readers, readers // 2, min(2 * readers, inputs)]))
        readers = random.randint(1, min(outputs, 6))
        shapes.append(ClosShape(inputs, outputs, blocks, random.randint(1, 5), readers))
    rows, cols = random.choice(
        [(1, 1), (1, 2), (2, 1), (1, 4), (4, 1), (2, 2), (2, 3), (3, 2), (3, 3), (4, 4), (5, 3)])
    net = random_net(shapes, seed=seed, act_bits=random.randint(4, 18),
                     weight_bits=random.randint(4, 18))
    return net, f"{rows}x{cols}", random.choice([32, 64, 128, 256])


@pytest.mark.parametrize("seed", mostly_slow(range(110), range(20)))
def test_random_nets(seed):
    net, torus, host_bits = random_case(seed)
    # As a list of ops, and with a loop of several turns.
    check(net, torus, order="program", samples=(1, 4), seed=seed, host_bits=host_bits)
    check(net, torus, order="best", samples=(1 + seed % 3, 8), seed=seed, host_bits=host_bits)


@pytest.mark.parametrize("lanes_in, lanes_out", [(2, 1), (1, 2), (2, 2), (2, 4), (1, 8)])
@pytest.mark.parametrize("seed", mostly_slow(range(12), (0,)))
def test_random_nets_with_lanes(seed, lanes_in, lanes_out):
    net, torus, host_bits = random_case(seed)
    check(net, torus, order=("best", "program")[seed % 2], samples=(1 + seed % 3, 8), seed=seed,
          host_bits=host_bits, lanes_in=lanes_in, lanes_out=lanes_out)


@pytest.mark.parametrize("lanes_out", [1, 2])
@pytest.mark.parametrize("seed", mostly_slow(range(24), (1, 4)))
def test_random_nets_with_two_words_a_link(seed, lanes_out):
    """Odd numbers of own words are padded; a word is lost in beats that have an odd number."""
    net, torus, host_bits = random_case(seed)
    check(net, torus, order=("best", "program")[seed % 2], samples=(1 + seed % 3, 8), seed=seed,
          host_bits=max(host_bits, 64), lanes_in=2, lanes_out=lanes_out, link_words=2)


@pytest.mark.parametrize("torus", mostly_slow(["3x5", "1x4", "4x1", "6x6", "1x1"], (0, 4)))
@pytest.mark.parametrize("shapes", [PAIR, STRADDLING])
def test_layers_that_do_not_line_up(shapes, torus):
    net = random_net(shapes_of(*shapes), seed=7)
    check(net, torus, order="best", samples=(2,), seed=8)


@pytest.mark.parametrize(("torus", "order"), [
    ("1x64", "program"), ("64x1", "program"), ("3x61", "program"),
    pytest.param("64x64", "best", marks=pytest.mark.slow)])
def test_a_torus_of_the_largest_size(torus, order):
    """A small net leaves most of it empty; its runs are checked, and their cycles known."""
    compiled = compile(random_net(shapes_of("24,12,4,4,3"), seed=3), torus, order=order)
    assert compiled.prediction.cycles >= max(compiled.prediction.bounds.values())


def test_digits_net_needs_no_move_and_runs_in_a_loop():
    net = random_net(shapes_of("64,64,8,8,8", "64,10,8,8,5"), seed=1)
    compiled = check(net, "4x4", order="best", samples=(9,), seed=2)
    assert [stage.kind.value for stage in compiled.stages] == [
        "H1", "V", "H2", "H1", "V", "H2", "out"]
    assert len(compiled.executable.loop.loops[0].flat) < 9


@pytest.mark.parametrize("order", ["program", "best"])
def test_papers_example(order):
    vector = paper_example()
    executable = compile(vector.net, "2x2", order=order).executable
    interpreter = Interpreter(executable.config, seed=3)
    for run in (executable.identify(), executable.load(), executable.infer(vector.x.numpy())):
        beats = interpreter.run(run.beats, run.output_beats)
        if run.output_beats == 1:
            assert decode_id(beats) == executable.config.hardware_id
    np.testing.assert_array_equal(executable.decode(beats), vector.y.numpy())


def test_reloading_replaces_all_weights():
    first, second = (random_net(shapes_of("9,7,3,2,2"), seed=seed) for seed in (1, 2))
    interpreter = None
    for net in (first, second):
        executable = compile(net, "2x2").executable
        interpreter = interpreter or Interpreter(executable.config, seed=4)
        x = random_words(net, 3, seed=5)
        for run in (executable.load(), executable.infer(x.numpy())):
            beats = interpreter.run(run.beats, run.output_beats)
        np.testing.assert_array_equal(executable.decode(beats), net.forward_words(x).numpy())


def test_a_model_is_quantised_with_the_calibration_data():
    torch.manual_seed(0)
    model = torch.nn.Sequential(ClosLinear(12, 8, (3, 2, 2)), torch.nn.ReLU())
    x = torch.rand(20, 12)
    compiled = compile(model, "2x2", x, act_bits=12, weight_bits=10)
    assert (compiled.config.act_bits, compiled.config.weight_bits) == (12, 10)
    with torch.no_grad():
        assert (compiled.net.infer(x) - model(x)).abs().max() < 0.02
    with pytest.raises(DriverError, match="calibration must be given"):
        compile(ClosNet([ClosShape(12, 8, 3, 2, 2)]), "2x2")


def test_same_input_same_result():
    net = random_net(shapes_of(*STRADDLING), seed=3)
    first, second = (compile(net, "3x2") for _ in range(2))
    assert first.order == second.order
    assert first.executable.loop == second.executable.loop
    assert first.config == second.config


def test_best_order_is_predicted_faster_than_program_order():
    net = random_net(shapes_of("64,64,8,8,8", "64,10,8,8,5"), seed=1)
    plain, best = compile(net, "4x4", order="program"), compile(net, "4x4", order="best")
    assert plain.order == program_order(7)
    assert best.prediction.cycles < 0.8 * plain.prediction.cycles
    assert best.predict(200) < 0.8 * plain.predict(200)


@pytest.mark.parametrize("text", ["4", "4x", "0x4", "4x65", "4x4x4", "axb", "-1x2", ""])
def test_bad_torus(text):
    with pytest.raises(DriverError, match=r"torus must be|rows must be|cols must be"):
        compile(paper_example().net, text)


def test_bad_order():
    with pytest.raises(DriverError, match="order must be one of best, program, not 'fast'"):
        compile(paper_example().net, "2x2", order="fast")


SMALL = TorusConfig(rows=2, cols=2, buffer_words=64, weight_words=128, bias_words=8,
                    program_words=512, max_fan_in=16, rep_bits=6)


@pytest.mark.parametrize("field, value, message", [
    ("buffer_words", 16, "buffer_words must be at least"),
    ("weight_words", 32, "weight_words must be at least"),
    ("bias_words", 4, "bias_words must be at least"),
    ("max_fan_in", 4, "max_fan_in must be at least"),
    ("act_bits", 18, "act_bits must be 16"),
    ("weight_bits", 12, "weight_bits must be at least 16"),
    ("program_words", 64, "program_words must be at least"),
])
def test_a_torus_that_is_too_small_is_refused(field, value, message):
    net = random_net(shapes_of("24,20,3,5,4"), seed=1)
    compiled = compile(net, SMALL)
    assert compiled.config == SMALL
    config = dataclasses.replace(SMALL, **{field: value})
    with pytest.raises(DriverError, match=message):
        compile(net, config)


def test_counters_that_are_too_narrow_are_refused():
    net = random_net(shapes_of("24,20,6,5,4"), seed=1)
    config = dataclasses.replace(SMALL, rep_bits=4, program_words=256)
    with pytest.raises(DriverError, match="rep_bits must be at least 5"):
        compile(net, config)


def test_a_torus_of_given_size_is_made_large_enough():
    net = random_net(shapes_of("600,40,4,9,4"), seed=1)
    config = compile(net, "1x1").config
    assert config.max_fan_in >= 150 and config.weight_words >= net.shapes[0].parameters
    assert config.buffer_words >= 600
    assert config.weight_words & (config.weight_words - 1) == 0
