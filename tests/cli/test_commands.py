"""The command line: what each command does, and one line and a status for bad input."""

import json
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from golden import ClosNet, ClosShape, load_checkpoint, save_model
from hw.tops import TOPS, TRAINING_TOPS
from sim.errors import Unfinished
from sw_driver import GoldenDevice, load_artifact
from sw_driver.cli import app
from sw_driver.files.archive import read_archive, write_archive
from tests.hw.test_tops import memory_words
from tests.support.golden_models import rewrite

LAYERS = ("--layer", "64,16,8,2,4", "--layer", "16,10,4,2,2")
COMMANDS = (
    "train", "compile", "run", "verilog", "info", "bench", "analyse", "build", "plan", "experiment",
)  # fmt: skip


def clostorus(*arguments):
    """Run a command; the result has exit_code, stdout and stderr."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def succeed(*arguments):
    result = clostorus(*arguments)
    assert result.exit_code == 0, result.stderr
    return result


def fail(status, message, *arguments):
    """Run a command that must end with this status and one line on standard error."""
    result = clostorus(*arguments)
    assert result.exit_code == status, result.output
    assert result.stdout == ""
    assert re.fullmatch(f"clostorus: .*{message}.*\n", result.stderr), result.stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a small trained model.pt and its model.ctz for a 2x2 torus."""
    folder = tmp_path_factory.mktemp("made")
    succeed("train", *LAYERS, "--epochs", 3, "-o", folder / "model.pt")
    succeed("compile", folder / "model.pt", "--torus", "2x2", "-o", folder / "model.ctz")
    return folder


@pytest.fixture
def model(made):
    return made / "model.pt"


@pytest.fixture
def artifact(made):
    return made / "model.ctz"


# Help


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_teaches_by_example(command):
    text = succeed(command, "--help").stdout
    examples = text.split("Examples:")[1].strip().splitlines()
    assert len(examples) >= 2
    assert all(line.strip().startswith(f"clostorus {command} ") for line in examples)


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_use_options_that_exist(command):
    text, examples = succeed(command, "--help").stdout.split("Examples:")
    for option in re.findall(r"(?<= )--?[a-z-]+", examples):
        assert re.search(rf"(^|\s){option}\b", text), option


def test_help_lists_the_tops_that_there_are():
    assert "|".join(TOPS) in succeed("verilog", "--help").stdout


def test_help_comes_at_once():
    """Neither PyTorch nor Amaranth is imported for it."""
    start = time.perf_counter()
    command = [sys.executable, "-X", "importtime", "-m", "sw_driver.cli", "run", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert time.perf_counter() - start < 5
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert "typer" in imported
    slow = imported & {"torch", "amaranth", "sklearn", "matplotlib", "networkx"}
    assert not slow


# Train


def test_train_says_what_it_made(tmp_path):
    path = tmp_path / "model.pt"
    result = succeed("train", *LAYERS, "--epochs", 2, "-o", path)
    assert "parameters      292" in result.stdout
    assert re.search(r"test accuracy +\d+\.\d %", result.stdout)
    assert load_checkpoint(path).model.shapes == (
        ClosShape(64, 16, 8, 2, 4), ClosShape(16, 10, 4, 2, 2)
    )  # fmt: skip


def test_train_default_layers_learn(tmp_path):
    result = succeed("train", "--epochs", 12, "--json", "-o", tmp_path / "model.pt")
    values = json.loads(result.stdout)
    assert values["layers"] == [[64, 64, 8, 8, 8], [64, 10, 8, 8, 5]]
    assert values["parameters"] == 2448
    assert values["test_accuracy"] > 0.9


def test_train_resumes_to_the_same_weights(tmp_path):
    succeed("train", *LAYERS, "--epochs", 4, "--seed", 7, "-o", tmp_path / "whole.pt")
    succeed("train", *LAYERS, "--epochs", 2, "--seed", 7, "-o", tmp_path / "parts.pt")
    result = succeed("train", "--epochs", 4, "--resume", "--json", "-o", tmp_path / "parts.pt")
    assert json.loads(result.stdout)["epochs"] == 4
    whole, parts = (
        load_checkpoint(tmp_path / f"{name}.pt").model.state_dict() for name in ("whole", "parts")
    )
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    other = succeed("train", *LAYERS, "--epochs", 4, "--json", "-o", tmp_path / "seed0.pt")
    assert json.loads(other.stdout)["loss"] != json.loads(result.stdout)["loss"]


def test_train_bad_input(tmp_path, model):
    out = ("-o", tmp_path / "m.pt")
    fail(2, "five whole numbers .* not '1,2,3'", "train", "--layer", "1,2,3", *out)
    fail(2, "--layer 4,4,5,2,2: Ri must be at most I", "train", "--layer", "4,4,5,2,2", *out)
    fail(2, "in_features must be 8", "train", "--layer", "64,8,8,2,4", "--layer", "9,9,3,2,3", *out)
    fail(2, "must have 64 inputs", "train", "--layer", "32,10,8,2,5", *out)
    fail(2, "at least 10 outputs", "train", "--layer", "64,9,8,2,3", *out)
    fail(2, "--data must be one of digits, mnist10k", "train", "--data", "nothing", *out)
    fail(2, "--layer must be given for mnist10k", "train", "--data", "mnist10k", *out)
    fail(2, "there is no folder", "train", "-o", tmp_path / "none" / "m.pt")
    fail(2, r"m\.pt cannot be read", "train", "--resume", *out)
    assert not (tmp_path / "m.pt").exists()
    before = model.read_bytes()
    again = ("train", "--resume", "-o", model)
    fail(2, "layers must be .* to go on with them", *again, "--layer", "64,10,8,2,5")
    assert model.read_bytes() == before
    save_model(tmp_path / "bare.pt", ClosNet([ClosShape(64, 10, 8, 2, 5)]))
    fail(2, "training state", "train", "--resume", "-o", tmp_path / "bare.pt")
    rewrite(model, tmp_path / "other.pt", lambda content: content.update(data="other digits"))
    again = ("train", "--resume", "-o", tmp_path / "other.pt")
    fail(2, "--data must be other digits, which .* was trained on, not digits",
         *again, "--data", "digits")
    fail(2, "--data must name the samples to go on with: .* other digits, which does not come",
         *again)
    fail(2, "--seed must be 0, as .* was trained with, not 7", "train", "--resume", "--seed", 7,
         "-o", model)
    rewrite(model, tmp_path / "old.pt", lambda content: content["training"].pop("seed"))
    fail(2, "--seed must be one that the file does not name", "train", "--resume", "--seed", 0,
         "-o", tmp_path / "old.pt")


def test_train_can_be_stopped_and_resumed(tmp_path):
    path = tmp_path / "model.pt"
    arguments = ["train", *LAYERS, "--epochs", "1000000", "-o", str(path)]
    running = subprocess.Popen(
        [sys.executable, "-m", "sw_driver.cli", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        # A shell without job control starts what runs in the background deaf to SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert (running.returncode, errors) == (130, "clostorus: stopped\n")
    assert list(tmp_path.iterdir()) == [path]
    done = load_checkpoint(path).training["epoch"]
    result = succeed("train", "--epochs", done + 1, "--resume", "--json", "-o", path)
    assert json.loads(result.stdout)["epochs"] == done + 1


# Compile


def test_compile_says_what_bounds_it(model, tmp_path):
    result = succeed("compile", model, "--torus", "2x2", "-o", tmp_path / "m.ctz")
    prediction = load_artifact(tmp_path / "m.ctz").prediction
    part = prediction.bound_by
    assert part in ("MAC", "op fetch")
    share = f"the {part}: {prediction.bounds[part]} of {prediction.cycles:g} cycles"
    assert re.search(rf"largest bound +{share} \(\d+\.\d %\)", result.stdout)
    assert "cycles per sample, predicted" in result.stdout


def test_compile_says_when_the_host_bounds_it(tmp_path):
    save_model(tmp_path / "wide.pt", ClosNet([ClosShape(784, 10, 28, 1, 2)]))
    options = ("--data", "mnist10k", "--torus", "7x4", "--host-bits", 32)
    result = succeed("compile", tmp_path / "wide.pt", *options, "-o", tmp_path / "m.ctz")
    bound = r"largest bound +the host input, not the MACs: \d+ of \d+ cycles"
    assert re.search(bound, result.stdout)


def test_compile_options_reach_the_torus(model, tmp_path):
    path = tmp_path / "m.ctz"
    options = ("--word-bits", 12, "--weight-bits", 9, "--host-bits", 128, "--order", "program")
    succeed("compile", model, "--torus", "1x3", *options, "--bake", "-o", path)
    found = load_artifact(path)
    config = found.config
    assert (config.rows, config.cols) == (1, 3)
    assert (config.act_bits, config.weight_bits, config.host_bits) == (12, 9, 128)
    assert found.order == tuple(range(len(found.stages)))
    assert found.baked


def test_compile_writes_the_same_bytes(model, artifact, tmp_path):
    succeed("compile", model, "--torus", "2x2", "-o", tmp_path / "m.ctz")
    assert (tmp_path / "m.ctz").read_bytes() == artifact.read_bytes()


def test_compile_exports(model, tmp_path):
    arguments = ("--torus", "2x2", "--export", tmp_path / "out", "--json")
    result = succeed("compile", model, *arguments, "-o", tmp_path / "m.ctz")
    exported = json.loads(result.stdout)["exported"]
    assert set(exported) == {str(path) for path in (tmp_path / "out").iterdir()}


def test_compile_bad_input(model, tmp_path):
    def refuse(message, *options, source=model, torus="2x2", output=tmp_path / "m.ctz"):
        fail(2, message, "compile", source, "--torus", torus, *options, "-o", output)
        assert not output.exists()

    refuse("--torus must be ROWSxCOLUMNS, for instance 4x4, not '22'", torus="22")
    refuse("rows must be 1 to 64, not 0", torus="0x2")
    refuse("--word-bits must be 4 to 18, not 19", "--word-bits", 19)
    refuse("--weight-bits must be 4 to 18, not 3", "--weight-bits", 3)
    refuse("--host-bits must be one of", "--host-bits", 48)
    refuse("--order must be one of best, program, not 'x'", "--order", "x")
    refuse(r"samples of 64 values, the inputs of .*, but mnist10k training split has 784",
           "--data", "mnist10k")
    save_model(tmp_path / "no_data.pt", ClosNet([ClosShape(64, 10, 8, 2, 5)]))
    refuse("--data must name the samples that set the scales: .*no_data.pt does not say which",
           source=tmp_path / "no_data.pt")
    refuse("there is no folder", output=tmp_path / "none" / "m.ctz")
    (tmp_path / "file").write_text("")
    refuse("cannot be written", "--export", tmp_path / "file" / "out")
    refuse("cannot be read", source=tmp_path / "none.pt")
    (tmp_path / "cut.pt").write_bytes(model.read_bytes()[:1000])
    refuse("truncated", source=tmp_path / "cut.pt")
    rewrite(model, tmp_path / "nan.pt",
            lambda content: content["state_dict"]["layers.0.bias"].fill_(torch.nan))
    refuse("must be finite", source=tmp_path / "nan.pt")


# Run on the golden device


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
        (np.zeros(64), r"must hold an array of shape \[N, inputs\] or .*, not \[64\]"),
        (np.full((2, 64), np.nan), "must be finite, but input 0 of sample 0 is nan"),
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
        assert re.fullmatch(f"{message} .* were clipped: .*\n", result.stderr)
    values = json.loads(
        succeed("run", artifact, "--data", tmp_path / "x.npy", "--json").stdout
    )
    assert values["saturated_inputs"] == 2 and values["data"] == "x.npy"


def test_the_data_of_a_file_are_its_default(tmp_path):
    layers = ("--layer", "784,10,28,2,2", "--layer", "10,10,5,2,5")
    succeed("train", *layers, "--data", "mnist10k", "--epochs", 1, "-o", tmp_path / "m.pt")
    result = succeed("compile", tmp_path / "m.pt", "--torus", "2x2", "-o", tmp_path / "m.ctz")
    assert re.search("scales from +mnist10k training split, 8000 samples", result.stdout)
    assert load_artifact(tmp_path / "m.ctz").data == "mnist10k"
    result = succeed("run", tmp_path / "m.ctz", "--samples", 20)
    assert "20 samples of mnist10k test split" in result.stdout
    succeed("train", "--resume", "--epochs", 2, "-o", tmp_path / "m.pt")


def test_what_fixed_point_costs_is_said(model, tmp_path):
    compile_for = ("compile", model, "--torus", "2x2", "-o", tmp_path / "m.ctz")
    result = succeed(*compile_for)
    for row in ("output error, largest +0.0", "output error, mean +0.0", "same class as in float"):
        assert re.search(row, result.stdout)
    assert re.search("saturated, layer 1 +nothing", result.stdout)
    assert result.stderr == ""
    found = json.loads(succeed(*compile_for, "--json").stdout)["fixed_point"]
    assert found["data"] == "digits training split" and found["samples"] == 1437
    assert found["largest"] < 1e-3 * found["span"] and found["agreement"] > 0.995


@pytest.mark.filterwarnings("always::golden.GoldenWarning")
def test_words_that_are_too_narrow_are_warned_of(model, tmp_path):
    result = succeed("compile", model, "--torus", "2x2", "--word-bits", 4, "-o", tmp_path / "m.ctz")
    assert re.fullmatch(
        "clostorus: warning: fixed point changes what the model computes: on digits training split "
        ".* % of the samples change their class.*wider words .--word-bits, now 4; .*\n",
        result.stderr,
    )


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


@pytest.mark.parametrize("command", [("run",), ("info",), ("verilog", "-o", "out.v", "--bake")])
def test_damaged_artifacts(artifact, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    whole = artifact.read_bytes()
    path = tmp_path / "bad.ctz"
    path.write_bytes(whole[:-100])
    fail(2, "truncated or no zip", *command, path)
    at = whole.index(b"NUMPY") + 200
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    fail(2, r"member image\.biases\.npy was altered", *command, path)
    manifest, arrays = read_archive(artifact)
    write_archive(path, {**manifest, "version": 99}, arrays)
    fail(2, "version must be 1 or 2, .* not 99", *command, path)
    manifest["config"]["cols"] = 4
    write_archive(path, manifest, arrays)
    fail(2, "hardware_id must be", *command, path)
    assert list(tmp_path.iterdir()) == [path]


# Verilog and info


def test_verilog_of_every_top(artifact, tmp_path):
    for top, module in TOPS.items():
        path = tmp_path / f"{top}.v"
        train = ["--train"] if top in TRAINING_TOPS else []
        succeed("verilog", "--torus", "1x2", "--top", top, *train, "-o", path)
        assert f"module {module}(" in path.read_text()


def test_verilog_of_an_artifact(artifact, tmp_path):
    plain, baked = tmp_path / "plain.v", tmp_path / "baked.v"
    result = succeed("verilog", "--config-from", artifact, "--json", "-o", plain)
    values = json.loads(result.stdout)
    assert values["hardware_id"] == f"{load_artifact(artifact).config.hardware_id:016x}"
    assert not values["baked"]
    succeed("verilog", "--torus", "2x2", "--bake", artifact, "-o", baked)
    weights = [int(word) % (1 << 16)
               for word in load_artifact(artifact).executable.images.weights[1, 1]]
    memory = "clostorus.torus.pe_1_1.mac.weight_memory"
    assert memory_words(baked.read_text(), memory, "words")[:len(weights)] == weights
    assert not any(memory_words(plain.read_text(), "clostorus_pe.mac.weight_memory", "words"))


def test_verilog_with_a_vendors_cells(tmp_path):
    succeed("verilog", "--torus", "1x1", "--cells", "ecp5", "-o", tmp_path / "cells.v")
    assert "DP16KD" in (tmp_path / "cells.v").read_text()
    fail(2, "--cells must be one of generic, ecp5, not 'asic'", "verilog", "--torus", "1x1",
         "--cells", "asic", "-o", tmp_path / "none.v")


def test_verilog_of_a_board(artifact, tmp_path):
    result = succeed("verilog", "--bake", artifact, "--fold", "--top", "board", "--clock-mhz", 12,
                     "--split", "-o", tmp_path / "board", "--json")
    values = json.loads(result.stdout)
    assert values["folded"] and values["top_module"] == "clostorus_board"
    names = {path.name for path in (tmp_path / "board").iterdir()}
    assert len(names) == values["files"] and {"files.f", "clostorus_board.v"} < names
    compiled = load_artifact(artifact)
    words = (tmp_path / "board" / "clostorus_board.torus.torus.pe_1_1.mac.weight_memory.words.mem")
    assert [int(word, 16) for word in words.read_text().split()] == [
        int(word) % (1 << 16) for word in compiled.executable.images.weights[1, 1]]


def test_verilog_has_the_buffers_that_are_asked_for(tmp_path, monkeypatch):
    links = []

    def board_verilog(config, link, **_):
        links.append(link)
        return "module clostorus_board;\nendmodule\n"

    monkeypatch.setattr("hw.tops.board_verilog", board_verilog)
    for options in ((), ("--buffer-bytes", 512)):
        succeed("verilog", "--torus", "1x1", "--top", "board", *options, "-o", tmp_path / "b.v")
    assert [link.buffer_bytes for link in links] == [2048, 512]


def test_verilog_bad_input(artifact, tmp_path):
    out = ("-o", tmp_path / "out.v")
    fail(2, "one of --torus, --config-from and --bake", "verilog", *out)
    fail(2, "--top must be one of torus, pe", "verilog", "--torus", "2x2", "--top", "cpu", *out)
    fail(2, "--torus must be ROWSxCOLUMNS", "verilog", "--torus", "two", *out)
    fail(2, "--torus 2x65: cols must be 1 to 64, not 65", "verilog", "--torus", "2x65", *out)
    fail(2, "--bake needs --top torus", "verilog", "--bake", artifact, "--top", "pe", *out)
    fail(2, "--fold needs --bake", "verilog", "--torus", "2x2", "--fold", *out)
    for option in (("--baud", 9600), ("--clock-mhz", "nan"), ("--buffer-bytes", 512)):
        fail(2, "--clock-mhz, --baud and --buffer-bytes need --top board", "verilog", "--torus",
             "2x2", *option, *out)
    for clock in ("nan", "inf", "-inf", "1e+300", "0", "-1", "0.999", "1000.01"):
        fail(2, f"--clock-mhz must be 1 to 1000, not {re.escape(clock)}", "verilog", "--torus",
             "2x2", "--top", "board", "--clock-mhz", clock, *out)
    for size, wanted in ((256, "512 to 65536"), (1000, "a power of two")):
        fail(2, f"--buffer-bytes must be {wanted}, not {size}", "verilog", "--torus", "2x2",
             "--top", "board", "--buffer-bytes", size, *out)
    fail(2, "--baud must be at most 6250000", "verilog", "--torus", "2x2", "--top", "board",
         "--baud", 9_000_000, *out)
    fail(2, "give one", "verilog", "--bake", artifact, "--config-from", artifact, *out)
    fail(2, "training-router needs a torus that trains", "verilog", "--torus", "2x2", "--top",
         "training-router", *out)
    fail(2, "--train is for --torus", "verilog", "--config-from", artifact, "--train", *out)
    fail(2, "--torus must be 2x2, .* 3x2", "verilog", "--bake", artifact, "--torus", "3x2", *out)
    fail(2, "there is no folder", "verilog", "--torus", "1x1", "-o", tmp_path / "none" / "out.v")
    assert not list(tmp_path.iterdir())


def test_info(artifact):
    text = succeed("info", artifact).stdout
    for words in (
        "parameters                    292",
        "(64, 16, 8, 2, 4)         224   21.9 %",
        "weight_words",
        "layer 1 out",
        "host input",
    ):
        assert words in text
    assert re.search(r"^MACs +.*working \d+\.\d %", text, re.M)
    assert max(map(len, text.splitlines())) <= 100


def test_info_as_json(artifact):
    values = json.loads(succeed("info", artifact, "--json").stdout)
    assert values["parameters"] == 292
    assert values["layers"][0]["density"] == 224 / (64 * 16)
    assert values["fit"]["weight_words"]["needed"] <= values["fit"]["weight_words"]["there"]
    predicted = values["predicted"]
    assert predicted["bound_by"] in predicted["bounds_cycles"]
    assert predicted["engines"]["mac"]["working"] == pytest.approx(
        predicted["bounds_cycles"]["MAC"] / predicted["cycles_per_sample"]
    )
    assert "mac" in predicted["stages"]["layer 0 V"]
    assert [op["name"] for op in values["ops"]][0] == "layer 0 H1"


# Everywhere


@pytest.mark.parametrize("place", ["before", "after"])
def test_quiet_and_json_stand_anywhere(artifact, place):
    def command(option):
        return (option, "info", artifact) if place == "before" else ("info", artifact, option)

    assert succeed(*command("--quiet")).output == ""
    assert json.loads(succeed(*command("--json")).output)["parameters"] == 292


def test_usage_errors():
    for arguments in (["bogus"], ["run"], ["train"], ["run", "x", "--samples", "0"]):
        result = clostorus(*arguments)
        assert result.exit_code == 2
        assert "Usage:" in result.stderr
        assert "Traceback" not in result.stderr


def test_ctrl_c(artifact, monkeypatch):
    def stop(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("sw_driver.device.device.GoldenDevice._infer_words", stop)
    fail(130, "stopped", "run", artifact)


def test_a_missing_tool(artifact, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    fail(3, r"g\+\+ is not on PATH: install", "run", artifact, "--device", "sim")


def test_other_errors_are_not_hidden(artifact, monkeypatch):
    def crash(*arguments):
        raise ValueError("a bug")

    monkeypatch.setattr("sw_driver.device.device.GoldenDevice._infer_words", crash)
    result = clostorus("run", artifact)
    assert isinstance(result.exception, ValueError)


# Run on the simulated RTL


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
