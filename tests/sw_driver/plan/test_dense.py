"""Dense layers: where their sums are made, what that costs, and which cuts a torus makes."""

import dataclasses

import numpy as np
import pytest

from golden import ClosShape
from golden.layers.dense import DenseShape
from golden.vectors.nets import random_net, random_words
from hw.config import ConfigError, TorusConfig, TrainingConfig
from hw.op_fields import HostInKind, mac_fields
from hw.presets import LARGE
from sw_driver.compiler import compile
from sw_driver.errors import FitError
from sw_driver.files.artifact import load_artifact, save_artifact
from sw_driver.plan.dense import groups_of_rows, hand_from_dense
from sw_driver.plan.placement import cut_dense, place
from sw_driver.plan.stage import StageKind
from tests.support.torus_interpreter import Interpreter

CHAINS = [
    [DenseShape(9, 5)],
    [DenseShape(1, 1)],
    [DenseShape(20, 30), DenseShape(30, 3)],
    [ClosShape(16, 12, 4, 3, 3), DenseShape(12, 9), DenseShape(9, 5)],
    [ClosShape(7, 5, 2, 2, 1), DenseShape(5, 40)],
    [DenseShape(12, 30), ClosShape(30, 12, 9, 3, 4), ClosShape(12, 13, 4, 3, 3)],
    [ClosShape(9, 8, 3, 2, 8), DenseShape(8, 17), ClosShape(17, 6, 5, 2, 6), DenseShape(6, 7)],
]
TORI = [(1, 1), (1, 4), (4, 1), (2, 2), (3, 5), (2, 3)]


def names(shapes):
    return " ".join(f"{type(shape).__name__[0]}{shape.out_features}" for shape in shapes)


@pytest.mark.parametrize("torus", TORI, ids=str)
@pytest.mark.parametrize("shapes", CHAINS, ids=names)
def test_chains_on_the_interpreter(shapes, torus):
    """Every output word, with words that are skipped and on a torus that cannot skip any."""
    net = random_net(cut_dense(shapes, *torus), seed=len(shapes))
    fixed = dataclasses.replace(LARGE, rows=torus[0], cols=torus[1])
    for config in (torus, fixed):
        compiled = compile(net, config, order="program")
        executable = compiled.executable
        steps = {stage.word_step for stage in compiled.stages}
        assert executable.config.word_steps == int(max(steps) > 1)
        assert config is torus or steps == {1}
        interpreter = Interpreter(executable.config, seed=1)
        load = executable.load()
        interpreter.run(load.beats, load.output_beats)
        for samples in (1, 5):
            x = random_words(net, samples, seed=samples)
            run = executable.infer(x.numpy())
            y = executable.decode(interpreter.run(run.beats, run.output_beats))
            np.testing.assert_array_equal(y, net.forward_words(x).numpy())


@pytest.mark.parametrize("rows, cols, shape, cycles", [
    (4, 4, DenseShape(784, 256), [784 * 16]),             # All inputs in every row.
    (8, 8, DenseShape(784, 256), [784 * 4]),
    (4, 4, DenseShape(256, 10), [64 * 3, 4 * 3]),         # A column of 3 outputs, all read.
    (8, 8, DenseShape(256, 10), [32 * 2, 8 * 2]),
])
def test_cycles_of_a_first_layer(rows, cols, shape, cycles):
    net = random_net(cut_dense([shape], rows, cols), seed=1)
    compiled = compile(net, (rows, cols), order="program")
    assert [stage.mac_cycles for stage in compiled.stages][:-1] == cycles


@pytest.mark.parametrize("rows, cols, cycles", [
    (4, 4, [64 * 64, 16 * 4]), (8, 8, [32 * 32, 4 * 8]), (1, 4, [256 * 64]),
])
def test_cycles_behind_another_layer(rows, cols, cycles):
    """Each PE reads just the partial sums of its own outputs."""
    net = random_net(cut_dense([DenseShape(256, 256)] * 2, rows, cols), seed=1)
    compiled = compile(net, (rows, cols), order="program")
    assert [stage.mac_cycles for stage in compiled.stages if stage.layer == 1][:-1] == cycles


def test_one_sum_is_sent_to_all_rows_at_once():
    net = random_net(cut_dense([DenseShape(20, 32)], 4, 2), seed=1)
    executable = compile(net, "4x2").executable
    queue = executable.infer(np.zeros((1, 20), np.int64)).program.gateway[1]
    assert [HostInKind(op["kind"]).name for op in queue] == ["BROADCAST", "BROADCAST"]
    assert executable.images.input_map.shape == (1, 1, 20)


@pytest.mark.parametrize("following", [None, DenseShape(30, 7), ClosShape(30, 7, 7, 2, 2)], ids=str)
@pytest.mark.parametrize("rows, cols", TORI)
def test_every_output_is_made_once(rows, cols, following):
    way = hand_from_dense(DenseShape(9, 30), following, rows, cols)
    made = way.neurons[way.neurons >= 0]
    assert sorted(made.tolist()) == list(range(30))
    if isinstance(following, DenseShape):
        cuts, groups = groups_of_rows(way.neurons)
        shape = DenseShape(30, 7, cuts)
        for row, group in enumerate(groups.tolist()):
            here = way.neurons[:, row][way.neurons[:, row] >= 0]
            expected = [] if group < 0 else range(*shape.groups[group])
            assert sorted(here.tolist()) == list(expected)


def test_a_net_cut_for_another_torus_is_refused():
    net = random_net(cut_dense([ClosShape(16, 12, 4, 3, 4), DenseShape(12, 9)], 2, 2), seed=1)
    with pytest.raises(FitError, match=(
            r"^layer 1, dense \(12, 9\): its sums must be cut as the inputs lie in the rows of a "
            r"4x2 torus, at \[0, 3, 6, 9\], not at \[0, 6\]: compile the model for this torus, or "
            r"give golden.quantise or golden.propose_format the dense_cuts that "
            r"sw_driver.dense_cuts returns for it$")):
        compile(net, "4x2")
    with pytest.raises(FitError, match=r"at no input \(one sum\), not at \[0, 6\]"):
        compile(net, "1x2")


def test_cuts_are_found_again():
    """Whatever the host could do, a net says how its first layer is cut."""
    for cuts in ((), (0, 5)):
        net = random_net([DenseShape(10, 9, cuts)], seed=1)
        assert place(net.shapes, 2, 2)[0].shape == net.shapes[0]


def test_skipping_costs_nothing_where_it_is_off():
    assert "word_step" not in mac_fields(TorusConfig())
    assert "word_step" in mac_fields(TorusConfig(word_steps=1))
    assert "word_steps" not in TorusConfig().canonical_json()
    assert TorusConfig().hardware_id != TorusConfig(word_steps=1).hardware_id


@pytest.mark.parametrize("fields, message", [
    ({"word_steps": 2}, "word_steps must be 0 to 1, not 2"),
    ({"word_steps": 1, "training": TrainingConfig()}, "word_steps must be 0 where a torus trains"),
])
def test_options_that_make_no_hardware(fields, message):
    with pytest.raises(ConfigError, match=message):
        TorusConfig(**fields)


def test_artifacts_hold_dense_layers(tmp_path):
    net = random_net(cut_dense(CHAINS[3], 2, 2), seed=5)
    compiled = compile(net, "2x2")
    save_artifact(tmp_path / "net.ctz", compiled)
    found = load_artifact(tmp_path / "net.ctz", check=True)
    assert found.net.shapes == net.shapes
    assert found.image_difference is None and found.ops_difference is None
    x = random_words(net, 4, seed=1)
    assert found.net.forward_words(x).equal(net.forward_words(x))
    kinds = [stage.kind for stage in found.stages]
    assert kinds.count(StageKind.DENSE) == kinds.count(StageKind.SUM) == 2
