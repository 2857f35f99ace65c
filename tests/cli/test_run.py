"""`clostorus run` on the golden device and on the simulated RTL: outputs, comparison, bad input."""

import json
import re

import numpy as np
import pytest

from sim.errors import Unfinished
from sw_driver import GoldenDevice, load_artifact
from sw_driver.files.archive import read_archive, write_archive
from tests.support.command_line import clostorus, fail, succeed


def test_run_golden(artifact, tmp_path):
    result = succeed("run", artifact, "--samples", 50, "--json", "-o", tmp_path / "y.npy")
    values = json.loads(result.stdout)
    assert (values["device"], values["samples"]) == ("golden", 50)
    assert 0.2 < values["fixed_point_accuracy"] <= 1
    assert np.load(tmp_path / "y.npy").shape == (50, 10)
    assert "words_compared" not in values


def test_run_an_array(artifact, tmp_path):
    x = np.random.default_rng(3).random((5, 64))
    np.save(tmp_path / "x.npy", x)
    result = succeed("run", artifact, "--data", tmp_path / "x.npy", "-o", tmp_path / "y.npy")
    assert "accuracy" not in result.stdout
    with GoldenDevice() as device:
        device.load(load_artifact(artifact))
        np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), device.infer(x))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((2, 63)), "samples of 64 values, the inputs of .*, but x.npy has 63"),
        (np.zeros(64), r"must hold an array of shape \[N, inputs\], .*, not \[64\]"),
        (np.full((2, 64), np.nan), "x.npy, row 0, column 0 must be a finite number of .*, not nan"),
        (np.zeros((2, 64), bool), "must be real numbers, not bool"),
        (np.array([[None] * 64]), "must be a NumPy array file"),
    ],
)
def test_run_bad_arrays(artifact, tmp_path, x, message):
    np.save(tmp_path / "x.npy", x)
    for device in ("golden", "sim"):
        fail(2, message, "run", artifact, "--device", device, "--data", tmp_path / "x.npy")


@pytest.mark.filterwarnings("always::golden.GoldenWarning")
def test_input_values_beyond_the_range_are_counted_and_said(artifact, tmp_path):
    x = np.zeros((3, 64))
    x[1, 7], x[2, 3], x[2, 4] = 109.0, -2.7, 1.0
    np.save(tmp_path / "x.npy", x)
    for device in ("golden", "sim"):
        result = succeed("run", artifact, "--device", device, "--data", tmp_path / "x.npy")
        assert re.search("input values clipped +2 of 192", result.stdout)
        message = "clostorus: warning: 2 of 192 input values are beyond -2 to 1.99[0-9]*, the range"
        # On a busy machine the model may take so long to build that a line says so.
        building = "(clostorus: build the simulation: .*\n)*"
        assert re.fullmatch(f"{message} .* were clipped: .*\n{building}", result.stderr)
    values = json.loads(
        succeed("run", artifact, "--data", tmp_path / "x.npy", "--json").stdout
    )
    assert values["saturated_inputs"] == 2 and values["data"] == "x.npy"


def test_run_bad_input(artifact, tmp_path):
    fail(2, r"none\.ctz does not exist", "run", tmp_path / "none.ctz")
    fail(2, "--device must be golden, sim or serial, not 'fpga'", "run", artifact,
         "--device", "fpga")
    fail(2, "--trace needs --device sim", "run", artifact, "--trace", tmp_path / "w.vcd")
    trace = ("--trace", tmp_path / "none" / "w.vcd")
    fail(2, "there is no folder", "run", artifact, "--device", "sim", *trace)
    fail(2, "there is no folder", "run", artifact, "-o", tmp_path / "none" / "y.npy")
    fail(2, "--samples must be at most 360, .* not 361", "run", artifact, "--samples", 361)
    fail(2, "--data must be one of", "run", artifact, "--data", tmp_path / "none")
    fail(2, r"x\.npy cannot be read", "run", artifact, "--data", tmp_path / "x.npy")
    fail(2, "samples of 64 values, the inputs of .*, but mnist10k test split has 784",
         "run", artifact, "--data", "mnist10k")


@pytest.mark.usefixtures("toolchain")
def test_run_sim_compares_every_word(artifact, tmp_path):
    result = succeed(
        "run", artifact, "--device", "sim", "--samples", 40, "--json", "-o", tmp_path / "y.npy"
    )
    values = json.loads(result.stdout)
    assert (values["words_compared"], values["words_equal"]) == (400, 400)
    assert values["first_difference"] is None
    assert values["rtl_accuracy"] == values["fixed_point_accuracy"]
    assert values["cycles_of_run"] > 40 * values["cycles_per_sample"]
    assert values["utilisation"] == 292 / 4 / values["cycles_per_sample"]
    succeed("run", artifact, "--samples", 40, "-o", tmp_path / "golden.npy")
    assert (tmp_path / "y.npy").read_bytes() == (tmp_path / "golden.npy").read_bytes()


@pytest.mark.usefixtures("toolchain")
def test_run_sim_finds_one_flipped_bit(artifact, tmp_path):
    """A weight image altered by one bit, its checksum redone, makes words differ: status 1."""
    manifest, arrays = read_archive(artifact)
    image = arrays["image.weights"]
    # The top bit of the largest weight: it cannot hide in the rounding.
    at = np.unravel_index(np.abs(image).argmax(), image.shape)
    image[at] ^= -1 << 14
    assert -1 << 15 <= image[at] < 1 << 15
    path = tmp_path / "altered.ctz"
    write_archive(path, manifest, arrays)
    result = clostorus("run", path, "--device", "sim", "--samples", 40, "--json")
    assert result.exit_code == 1
    first = json.loads(result.stdout)["first_difference"]
    message = (
        f"clostorus: words differ; the first at sample {first['sample']}, output "
        f"{first['output']}: {first['expected']} expected, got {first['got']}; the artifact is"
    )
    assert result.stderr.startswith(message)
    assert first["expected"] != first["got"]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["weight", "bias"])
def test_run_finds_any_flipped_bit_of_an_image(artifact, tmp_path, kind, seed):
    """Whether the samples show it or not, and in padding too."""
    random = np.random.default_rng(seed)
    manifest, arrays = read_archive(artifact)
    image = arrays[{"weight": "image.weights", "bias": "image.biases"}[kind]]
    row, col, word = at = tuple(int(random.integers(size)) for size in image.shape)
    before = int(image[at])
    image[at] ^= 1 << int(random.integers(8))
    path = tmp_path / "altered.ctz"
    write_archive(path, manifest, arrays)
    difference = (
        rf"1 of \d+ words of the image; the first at PE \({row}, {col}\), {kind} {word}: "
        rf"{before} expected, got {image[at]}\n"
    )
    result = clostorus("run", path, "--samples", 1)
    assert result.exit_code == 1
    assert re.search(difference, result.stderr), result.stderr


@pytest.mark.usefixtures("toolchain")
def test_run_sim_that_hangs(artifact, monkeypatch):
    def hang(*arguments, **options):
        raise Unfinished("the model took 3 of 9 beats")

    monkeypatch.setattr("sim.model.native.NativeModel.run", hang)
    fail(1, "the model took 3 of 9 beats", "run", artifact, "--device", "sim")


@pytest.mark.slow
@pytest.mark.usefixtures("toolchain")
def test_run_writes_the_same_timeline_from_the_model_and_from_the_rtl(artifact, tmp_path):
    paths = [tmp_path / "golden.json", tmp_path / "sim.json"]
    for path, device in zip(paths, ("golden", "sim"), strict=True):
        options = ("--device", device, "--samples", 3, "--timeline", path)
        succeed("run", artifact, *options, "--quiet")
    assert paths[0].read_bytes() == paths[1].read_bytes()
    events = json.loads(paths[0].read_text())["traceEvents"]
    samples = {event["args"].get("sample") for event in events if event["ph"] == "X"}
    assert samples == {None, 0, 1, 2}
    fail(2, "there is no folder", "run", artifact, "--timeline", tmp_path / "none" / "t.json")


@pytest.mark.usefixtures("toolchain")
@pytest.mark.slow
def test_run_sim_writes_waves(artifact, tmp_path):
    trace = tmp_path / "waves.vcd"
    succeed("run", artifact, "--device", "sim", "--samples", 1, "--trace", trace, "--quiet")
    text = trace.read_text()
    assert text.rstrip().splitlines()[0].startswith("$version")
    assert " host_in_data " in text
