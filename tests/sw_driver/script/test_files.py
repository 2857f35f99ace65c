"""The files of a host script: what a stranger finds in them is what a host sends and gets."""

import json

import numpy as np
import pytest

from golden import ClosShape
from golden.vectors.nets import random_net
from sw_driver import DriverError, GoldenDevice, compile, export_files
from sw_driver.script.host_script import Step
from sw_driver.script.inference import inference_script
from sw_driver.script.training import Lesson, training_script
from tests.support.training_nets import (
    random_format,
    random_gradients,
    random_inputs,
    random_state,
)

SHAPES = [ClosShape(13, 9, 4, 3, 2), ClosShape(9, 5, 3, 2, 4)]


@pytest.fixture(scope="module")
def compiled():
    net = random_net(SHAPES, seed=3, act_bits=12, weight_bits=9)
    return compile(net, "2x3", host_bits=32)


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(1).normal(0, 500, (5, 13)).round()


@pytest.fixture
def folder(compiled, x, tmp_path):
    export_files(compiled, tmp_path / "out", inference_script(compiled, x))
    return tmp_path / "out"


@pytest.fixture(scope="module")
def trained():
    form = random_format(SHAPES, seed=3)
    return compile(form, "1x2")


def steps_of(folder):
    for line in (folder / "host_script.mem").read_text().splitlines():
        numbers, _, what = line.partition(" // ")
        kind, count = numbers.split()
        yield Step(kind == "0", int(count, 16), what)


def beats_of(folder, name):
    return [int(line, 16) for line in (folder / name).read_text().split()]


def fields(beats, table, facts):
    """Numbers of a sample, read by what `io.json` says alone."""
    bits, found = facts["word_bits"], {}
    for beat, features in zip(beats, table["feature_of_word"], strict=True):
        for place, feature in enumerate(features):
            if feature is not None:
                word = beat >> (place * bits) & ((1 << table["bits"]) - 1)
                sign = 1 << (table["bits"] - 1)
                found[feature] = (word ^ sign) - sign
    return [found[feature] for feature in range(table["features"])]


def test_the_words_of_samples_are_where_io_json_says(compiled, x, folder):
    facts = json.loads((folder / "io.json").read_text())
    with GoldenDevice() as golden:
        golden.load(compiled)
        words = golden.to_words(x)
        y = golden.infer_words(words)
    sent, given = beats_of(folder, "host_in.mem"), beats_of(folder, "host_out.mem")
    for rows, beats, table in ((words, sent, facts["input"]), (y, given, facts["output"])):
        size = table["beats_per_sample"]
        last = beats[-len(x) * size:]  # The samples come last, one after the other.
        found = [fields(last[at:at + size], table, facts) for at in range(0, len(last), size)]
        np.testing.assert_array_equal(found, rows)
    assert facts["hardware_id"] == f"{given[1]:08x}{given[0]:08x}"
    assert facts["input"]["fraction_bits"] == compiled.net.input_fraction_bits


def test_steps_are_all_beats(folder):
    steps = list(steps_of(folder))
    facts = json.loads((folder / "io.json").read_text())
    for sends, names in ((True, ["host_in.mem"]), (False, ["host_out.mem", "host_mask.mem"])):
        total = sum(step.beats for step in steps if step.sends is sends)
        assert [len(beats_of(folder, name)) for name in names] == [total] * len(names)
        assert facts["beats_sent" if sends else "beats_expected"] == total
    assert [step.sends for step in steps] == [True, False, True, True, False]
    assert steps[-1].what == "the outputs of samples 0 to 4"


def test_a_baked_torus_is_not_loaded(compiled, x, folder, tmp_path):
    script = inference_script(compiled, x, baked=True)
    export_files(compiled, tmp_path / "baked", script, baked=True)
    facts = json.loads((tmp_path / "baked" / "io.json").read_text())
    assert facts["baked"]
    loaded = [step.beats for step in steps_of(folder) if "loads" in step.what]
    assert len(beats_of(folder, "host_in.mem")) - facts["beats_sent"] == sum(loaded) > 0


def test_more_samples_than_a_program_has(compiled, monkeypatch):
    monkeypatch.setattr("sw_driver.device.torus_device._MOST_SAMPLES", 4)
    x = np.arange(9 * 13).reshape(9, 13)
    script = inference_script(compiled, x, baked=True)
    assert [step.what for step in script.steps if not step.sends] == [
        "the hardware id", "the outputs of samples 0 to 3", "the outputs of samples 4 to 7",
        "the outputs of sample 8"]


def initial_of(compiled):
    return random_state(compiled.format, compiled.config.rows, compiled.config.cols, seed=1)


def lessons(form, count):
    x, g = random_inputs(form, count, seed=3).numpy(), random_gradients(form, count, seed=3).numpy()
    return [Lesson(x, lambda sample, y: g[sample])]


def test_a_training(trained, tmp_path):
    """Gradients follow the outputs that they are made of; the weights come last."""
    state = initial_of(trained)
    script = training_script(trained, state, lessons(trained.format, 3))
    names = export_files(trained, tmp_path / "out", script)
    assert sorted(names) == sorted(path.name for path in (tmp_path / "out").iterdir())
    facts = json.loads((tmp_path / "out" / "io.json").read_text())
    assert facts["trains"] and "gradient" in facts
    said = [step.what for step in steps_of(tmp_path / "out")]
    for sample in range(3):
        assert said.index(f"the outputs of sample {sample}") < said.index(
            f"the gradient of sample {sample}")
    assert said[-1] == "the weights, biases and random generators of all PEs"


def test_no_training_without_a_state(trained, tmp_path):
    with pytest.raises(DriverError, match="script must be that of a training, with its state"):
        export_files(trained, tmp_path / "out")
    with pytest.raises(DriverError, match="state must be a TrainingState"):
        training_script(trained, None, lessons(trained.format, 1))
    assert not (tmp_path / "out").exists()


def test_gradients_of_inputs_are_refused():
    form = random_format(SHAPES, seed=3)
    compiled = compile(form, "1x2", input_gradient=True)
    with pytest.raises(DriverError, match="input_gradient must be off for a host script"):
        training_script(compiled, initial_of(compiled), lessons(form, 1))


@pytest.mark.parametrize("name", ["tb.v", "io.json", "host_in.mem"])
def test_files_of_others_stay(compiled, x, tmp_path, name):
    mine = tmp_path / name
    mine.write_text('{"mine": 1}')
    with pytest.raises(DriverError, match=rf"{name} must not be replaced, since no io.json"):
        export_files(compiled, tmp_path, inference_script(compiled, x))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert mine.read_text() == '{"mine": 1}'


def test_a_script_goes_when_there_is_none_any_more(compiled, folder):
    (folder / "notes.txt").write_text("mine")
    export_files(compiled, folder)
    names = {path.name for path in folder.iterdir()}
    assert "notes.txt" in names and not {"tb.v", "io.json", "host_in.mem"} & names


def test_a_full_disk_leaves_what_was_there(compiled, x, folder, monkeypatch):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(part, place, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("golden.system.files._fill", full)
    with pytest.raises(DriverError, match="cannot be written: No space left on device"):
        export_files(compiled, folder, inference_script(compiled, x + 1))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_no_file_knows_this_machine(folder):
    for path in folder.iterdir():
        assert str(folder.parent.parent) not in path.read_text()
