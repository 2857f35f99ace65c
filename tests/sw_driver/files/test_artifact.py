"""model.ctz: nothing is lost, equal nets make equal bytes, and no part may contradict another."""

import dataclasses
import json
import re
import zipfile

import numpy as np
import pytest
import torch

from golden import ClosShape
from golden.data.preparation import Preparation
from golden.vectors.nets import paper_example, random_net, random_words
from hw.config import TorusConfig, TrainingConfig
from sw_driver import (
    Artifact,
    DriverError,
    GoldenDevice,
    compile,
    load_artifact,
    save_artifact,
)
from sw_driver.files.archive import read_archive, write_archive
from sw_driver.files.artifact import VERSION

SHAPES = (ClosShape(13, 9, 4, 3, 2), ClosShape(9, 5, 3, 2, 4))


@pytest.fixture(scope="module")
def compiled():
    return compile(random_net(SHAPES, seed=3, act_bits=12, weight_bits=9), "2x3")


@pytest.fixture
def path(compiled, tmp_path):
    save_artifact(tmp_path / "model.ctz", compiled)
    return tmp_path / "model.ctz"


def alter(path, change):
    """Pass manifest and arrays through `change` and write them again, checksums and all."""
    manifest, arrays = read_archive(path)
    change(manifest, arrays)
    write_archive(path, manifest, arrays)


def test_round_trip(compiled, path):
    found = load_artifact(path)
    assert isinstance(found, Artifact)
    assert not found.baked
    assert found.config == compiled.config
    assert found.order == compiled.order
    assert found.entries == compiled.entries
    assert found.prediction == compiled.prediction
    assert found.executable.loop == compiled.executable.loop
    for field in dataclasses.fields(compiled.executable.images):
        np.testing.assert_array_equal(
            getattr(found.executable.images, field.name),
            getattr(compiled.executable.images, field.name),
        )
    x = random_words(compiled.net, 6, seed=1)
    assert torch.equal(found.net.forward_words(x), compiled.net.forward_words(x))
    assert found.net.input_fraction_bits == compiled.net.input_fraction_bits


@pytest.mark.parametrize("samples", [1, 2, 7, 100])
def test_the_host_sends_the_same(compiled, path, samples):
    x = random_words(compiled.net, samples, seed=2).numpy()
    found = load_artifact(path)
    np.testing.assert_array_equal(
        found.executable.infer(x).beats, compiled.executable.infer(x).beats
    )
    np.testing.assert_array_equal(found.executable.load().beats, compiled.executable.load().beats)


def test_same_net_same_bytes(compiled, path, tmp_path):
    save_artifact(tmp_path / "read.ctz", load_artifact(path))
    again = compile(random_net(SHAPES, seed=3, act_bits=12, weight_bits=9), "2x3")
    save_artifact(tmp_path / "again.ctz", again)
    assert (tmp_path / "read.ctz").read_bytes() == path.read_bytes()
    assert (tmp_path / "again.ctz").read_bytes() == path.read_bytes()


def test_baked_is_kept(compiled, tmp_path):
    save_artifact(tmp_path / "baked.ctz", compiled, baked=True)
    assert load_artifact(tmp_path / "baked.ctz").baked


def test_the_net_is_not_read_from_the_images(path):
    """An error in an image must not hide itself."""

    def flip(manifest, arrays):
        arrays["image.weights"].flat[5] ^= 1

    before = load_artifact(path)
    alter(path, flip)
    after = load_artifact(path)
    x = random_words(before.net, 4, seed=0)
    assert torch.equal(before.net.forward_words(x), after.net.forward_words(x))
    assert (before.executable.images.weights != after.executable.images.weights).sum() == 1


def at(*keys):
    """A function that sets one place of the manifest, given by keys, to a value."""

    def put(value):
        def change(manifest, arrays):
            inner = manifest
            for key in keys[:-1]:
                inner = inner[key]
            inner[keys[-1]] = value

        return change

    return put


def drop(*keys):
    def change(manifest, arrays):
        inner = manifest
        for key in keys[:-1]:
            inner = inner[key]
        del inner[keys[-1]]

    return change


def array(name, to):
    def change(manifest, arrays):
        arrays[name] = to(arrays[name])

    return change


def put_value(name, index, value):
    def to(values):
        values = values.copy()
        values.flat[index] = value
        return values

    return array(name, to)


def rewrite_manifest(path, change):
    """Change the manifest alone: its digest stays as it was."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    manifest = json.loads(members["manifest.json"])
    change(manifest)
    members["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)


def without_digest(path):
    """Make a file of the version before digests of it, if its version is one that had none."""

    def change(manifest):
        del manifest["digest"]
        if manifest.get("version") == VERSION:
            manifest["version"] = 2

    rewrite_manifest(path, change)


LAYER = ("net", "layers", 0)
# What no range or size tells; the device does what such a file says, and `verify` finds it.
NEEDS_COMPILER = ("order must be 8", "act_bits must be", "must be what the host",
                  "int64 of")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (at("format")("zip"), "format must be 'clostorus artifact', not 'zip'"),
        (at("version")(6), "version must be 1, 2, 3, 4 or 5, those that this .*, not 6; comp"),
        (drop("version"), "version must be 1, 2, 3, 4 or 5, those that this .* reads, not None"),
        (at("config", "rows")(3), "hardware_id must be .*, that of its configuration, not '"),
        (
            at("hardware_id")("0" * 16),
            "hardware_id must be [0-9a-f]{16}, .* not '0000000000000000'",
        ),
        (at("config", "rows")(0), "rows must be 1 to 64, not 0"),
        (at("config", "colour")(1), "'colour' is not a field of a torus configuration"),
        (at("config")([]), "the manifest is not that of an artifact"),
        (drop("net"), "the manifest is not that of an artifact: KeyError"),
        (drop("order"), "the manifest is not that of an artifact: KeyError"),
        (at("baked")(1), "baked must be true or false, not 1"),
        (at("order")([0, 1, 2]), r"order must be 8 whole numbers, not \[0, 1, 2\]"),
        (at("order")([0] * 8), "order must hold each of 0 to 7 once"),
        (at("net", "act_bits")(11), "act_bits must be 11, that of the net"),
        (at("net", "weight_bits")(8), "must fit weight_bits = 8 bits, but needs 9"),
        (at(*LAYER, "relu")(0), "relu must be true or false, not 0"),
        (at(*LAYER, "shape")([13, 9, 4, 3]), r"shape must be 5 whole numbers, not \[13, 9, 4, 3\]"),
        (at(*LAYER, "shape")([13, 9, 14, 3, 2]), r"input_routers must be at most in_features"),
        (at(*LAYER, "shape")([13, 9, 3, 3, 2]), "middle_weight must have shape"),
        (at(*LAYER, "weight_fraction_bits")([1, 2]), "must be 3 whole numbers"),
        (at(*LAYER, "weight_fraction_bits")([1, 2, 3.0]), "must be 3 whole numbers"),
        (at(*LAYER, "weight_fraction_bits")([-9, 2, 3]), "right shift must be 0 to 62, not"),
        (at("loop", "flat")(0), r"flat must be a whole number from 1 to \d+, not 0"),
        (at("loop", "flat")(1 << 40), r"flat must be a whole number from 1 to \d+, not \d{13}"),
        (at("loop", "flat")(9), r"member loop\.flat\d+\.row\.npy is missing"),
        (at("loop", "cut")([0, 0, 0]), "cut must be 6 whole numbers"),
        (at("loop", "cut")([-1] * 6), "cut must be places in queues of lengths"),
        (at("loop", "fields")({}), r"loop\.fields must be those of the ops"),
        (array("image.weights", lambda a: a[:, :, 1:]), r"image\.weights\.npy must be int64 of"),
        (array("image.weights", lambda a: a.astype(np.int32)), "must be int64 .*, not int32"),
        (array("image.biases", lambda a: a[0]), r"image\.biases\.npy must be int64 of shape"),
        (put_value("image.weights", 0, 256), r"image\.weights\.npy must hold words of 9 bits"),
        (put_value("image.biases", 0, 1 << 40), r"image\.biases\.npy must hold words of \d+ bits"),
        (put_value("map.inputs", 0, 12), r"map\.inputs\.npy must be what the host words of this"),
        (put_value("map.outputs", 0, 4), r"map\.outputs\.npy must be what the host words of this"),
        (put_value("loop.flat1.mac", 3, 1 << 20), "reps must fit 8 bits of an op, not 1048576"),
        (put_value("loop.body.row", 2, -1), "own must fit 10 bits of an op, not -1"),
        (put_value("layer0.input_weight", 0, 256), "must fit weight_bits = 9 bits, but needs 10"),
        (
            lambda manifest, arrays: arrays.update({"more": np.zeros(1, np.int64)}),
            r"member more\.npy has no place in an artifact",
        ),
        (
            lambda manifest, arrays: arrays.pop("layer1.bias"),
            r"member layer1\.bias\.npy is missing",
        ),
    ],
)
def test_parts_that_do_not_fit_together(path, change, message):
    """A device may take what only the compiler can refuse; who asks for stages gets the error."""
    alter(path, change)
    expected = f"model\\.ctz: .*{message}"
    with pytest.raises(DriverError, match=expected):
        load_artifact(path, check=True)
    try:
        found = load_artifact(path)
    except DriverError as error:
        assert re.search(expected, str(error))
    else:
        assert any(part in message for part in NEEDS_COMPILER), message
        for name in ("stages", "entries", "layers", "plan", "prediction", "image_difference"):
            with pytest.raises(DriverError, match=expected):
                getattr(found, name)
    without_digest(path)
    with pytest.raises(DriverError, match=expected):
        load_artifact(path)


def test_files_of_version_3_are_read(path):
    manifest, arrays = read_archive(path)
    manifest.pop("digest")
    del manifest["preparation"]
    write_archive(path, {**manifest, "version": 3}, arrays)
    found = load_artifact(path)
    assert found.digest is not None and found.preparation is None


def test_a_preparation_comes_back(compiled, path):
    inputs, outputs = compiled.shapes[0].in_features, compiled.shapes[-1].out_features
    given = Preparation(mean=(0.1,) * inputs, scale=(1 / 3,) * inputs)
    save_artifact(path, compiled, preparation=given)
    assert load_artifact(path).preparation == given
    for odd in (Preparation(classes=tuple(map(str, range(outputs + 1)))),
                Preparation(features=tuple(map(str, range(inputs + 1))))):
        save_artifact(path, compiled, preparation=odd)
        with pytest.raises(DriverError, match="(classes must be at|features must be of)"):
            load_artifact(path)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("change", [
    put_value("loop.flat1.row", 5, 1),  # `to_gateway` of a gather op, or the like.
    put_value("map.outputs", 1, 0),
    at("order")([0]),
], ids=["ops", "map", "order"])  # fmt: skip
def test_files_of_before_are_compiled_again(compiled, path, version, change):
    alter(path, at("version")(version))
    without_digest(path)
    found = load_artifact(path)
    assert found.digest is None and found.entries == compiled.entries
    alter(path, change)
    without_digest(path)
    with pytest.raises(DriverError):
        load_artifact(path)


@pytest.mark.parametrize(("change", "message"), [
    (drop("digest"), "its digest is missing, which files of version 5 have; copy the file again"),
    (at("digest")("0" * 64), r"manifest\.json was altered: its digest must be [0-9a-f]{64}, not '"),
    (at("digest")(7), r"manifest\.json was altered: its digest must be [0-9a-f]{64}, not 7; copy"),
    (at("digest")(None), r"manifest\.json was altered: its digest must be .*, not None; copy"),
    (at("baked")(True), r"manifest\.json was altered: its digest must be"),
    (at("order")([1, 0]), r"manifest\.json was altered: its digest must be"),
], ids=["no digest", "another digest", "a number", "null", "baked", "order"])  # fmt: skip
def test_what_was_altered_is_not_loaded(path, change, message):
    rewrite_manifest(path, lambda manifest: change(manifest, {}))
    with pytest.raises(DriverError, match=rf"model\.ctz: {message}"):
        load_artifact(path)


def test_loading_compiles_nothing(path, monkeypatch):
    def never(*_, **__):
        raise AssertionError("nothing may be compiled")

    for name in ("place_net", "check_runs", "schedule_loops"):
        monkeypatch.setattr(f"sw_driver.files.artifact.{name}", never)
    found = load_artifact(path)
    x = random_words(found.net, 3, seed=1)
    device = GoldenDevice()
    device.load(found)
    assert device.infer_words(x.numpy()).shape == (3, 5)
    assert found.executable.infer(x.numpy()).output_beats
    with pytest.raises(AssertionError, match="nothing may be compiled"):
        load_artifact(path, check=True)


def test_differences(compiled, path):
    found = load_artifact(path, check=True)
    assert (found.image_difference, found.ops_difference) == (None, None)
    alter(path, put_value("image.weights", 5, 3))
    assert "1 of " in load_artifact(path, check=True).image_difference


@pytest.mark.parametrize(("change", "message"), [
    (put_value("loop.flat1.mac", 8, 1), "queue mac of the run of length 1, first at op 0"),
    (put_value("loop.body.mac", 8, 1), "queue mac of a further sample, first at op 0"),
    (at("order")([1, 0, *range(2, 8)]), "(queue|runs repeat) "),
    (at("loop", "cut")([0] * 6), r"runs repeat from sample \d+ and ops .* expected, got \d+ and"),
    (array("loop.flat1.host_out", lambda ops: np.concatenate((ops, ops))), "host_out .* at op 1"),
], ids=["first run", "body", "order", "cut", "an op more"])  # fmt: skip
def test_ops_that_are_not_those_of_the_net(path, change, message):
    alter(path, change)
    assert re.search(message, load_artifact(path).ops_difference)


def test_another_torus_with_its_id_redone(path):
    """A configuration of another size has a right id of its own, and images of the wrong shape."""

    def change(manifest, arrays):
        manifest["config"]["rows"] = 3
        config = TorusConfig.from_dict(manifest["config"])
        manifest["hardware_id"] = f"{config.hardware_id:016x}"

    alter(path, change)
    with pytest.raises(DriverError, match=r"member image\.weights\.npy must be int64 of shape \[3"):
        load_artifact(path)


def test_a_torus_that_trains_with_its_id_redone(path):
    def change(manifest, arrays):
        manifest["config"]["training"] = dataclasses.asdict(TrainingConfig())
        config = TorusConfig.from_dict(manifest["config"])
        manifest["hardware_id"] = f"{config.hardware_id:016x}"

    alter(path, change)
    with pytest.raises(DriverError, match=r"model\.ctz: torus must be one for inference"):
        load_artifact(path)


def test_a_torus_too_small_with_its_id_redone(path):
    def change(manifest, arrays):
        manifest["config"]["bias_words"] = 2
        config = TorusConfig.from_dict(manifest["config"])
        manifest["hardware_id"] = f"{config.hardware_id:016x}"

    alter(path, change)
    with pytest.raises(DriverError, match="bias_words must be at least"):
        load_artifact(path)


def test_the_papers_example(tmp_path):
    vector = paper_example()
    save_artifact(tmp_path / "paper.ctz", compile(vector.net, "2x2"))
    found = load_artifact(tmp_path / "paper.ctz")
    assert torch.equal(found.net.forward_words(vector.x), vector.y)
