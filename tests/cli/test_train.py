"""`clostorus train` in fixed point: golden model and RTL, stopped and gone on, and bad input."""

import json

import numpy as np
import pytest
import torch

from golden import ClosNet, ClosShape, TrainingState, load_checkpoint, save_model
from golden.compiled.training import CompiledTrainingNet
from golden.data.datasets import load_digits_split
from golden.fixed.training import FixedTrainingNet
from sw_driver.device.host_loss import HostLoss
from sw_driver.device.targets import TargetGradients
from sw_driver.train.recipe import Recipe
from tests.support.command_line import LAYERS, clostorus, fail, succeed
from tests.support.golden_models import rewrite

SAMPLES = 90


def write_idx(path, array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    path.write_bytes(header + array.astype(np.uint8).tobytes())


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder with some of scikit-learn's digits, as MNIST's files."""
    folder, split = tmp_path_factory.mktemp("data"), load_digits_split()
    for part, x, y, count in (("train", split.train_x, split.train_y, SAMPLES),
                              ("t10k", split.test_x, split.test_y, 30)):
        write_idx(folder / f"{part}-images-idx3-ubyte", 255 * x[:count].reshape(-1, 8, 8))
        write_idx(folder / f"{part}-labels-idx1-ubyte", y[:count])
    return folder


@pytest.fixture
def train(data, tmp_path):
    """Train by the command line, by default for two epochs on the golden model of a 1x2 torus."""

    def run(name, *options, resume=False, device="golden", call=succeed):
        new = ("--epochs", 2, "--torus", "1x2", *LAYERS)
        return call("train", "--device", device, "--data", data, "--json",
                    *(("--resume",) if resume else new), *options, "-o", tmp_path / name)

    return run


def words(path) -> TrainingState:
    checkpoint = load_checkpoint(path)
    return TrainingState.from_state_dict(checkpoint.training["words"]["state"], 2)


def stop_after(monkeypatch, samples):
    """Ctrl-C while a gradient is computed, by the host or with others by the compiled model."""
    by_host, by_model, seen = HostLoss.gradients, CompiledTrainingNet.learn, [0]
    by_targets = TargetGradients.__call__

    def count(more):
        seen[0] += more
        if seen[0] > samples:
            raise KeyboardInterrupt

    def gradients(self, *arguments):
        count(1)
        return by_host(self, *arguments)

    def learn(self, x, *arguments, **options):
        count(len(x))
        return by_model(self, x, *arguments, **options)

    def targets(self, *arguments):
        count(1)
        return by_targets(self, *arguments)

    monkeypatch.setattr(HostLoss, "gradients", gradients)
    monkeypatch.setattr(TargetGradients, "__call__", targets)
    monkeypatch.setattr(CompiledTrainingNet, "learn", learn)


@pytest.mark.parametrize("options", [
    (),
    ("--batch", 4, "--momentum", 3, "--lr", 0.02, "--lanes-out", 2),
    ("--loss", "mse", "--freeze", 0, "--seed", 5, "--lr", 0.1),
    ("--loss", "squared-error", "--lr", 0.0625, "--batch", 2),
    ("--stale", "--momentum", 3, "--lr", 0.02),
    ("--stale", "--loss", "squared-error", "--lr", 0.0625),
], ids=["batch 1", "batches with momentum and lanes", "squared error", "targets", "stale",
        "stale on targets"])
def test_golden_stopped_and_gone_on(train, tmp_path, monkeypatch, options):
    monkeypatch.setattr("sw_driver.train.loop.STALE_RUN", 5)  # There are few samples.
    whole = json.loads(train("whole.pt", *options).stdout)
    with monkeypatch.context() as patched:
        stop_after(patched, SAMPLES + 37)
        result = train("parts.pt", *options, "--save-every", 5, call=clostorus)
    assert (result.exit_code, result.stderr) == (130, "clostorus: stopped\n")
    stopped = load_checkpoint(tmp_path / "parts.pt").training["position"]
    assert stopped["epoch"] == 1 and 20 <= stopped["samples"] <= 37
    resumed = json.loads(train("parts.pt", resume=True).stdout)
    assert words(tmp_path / "whole.pt") == words(tmp_path / "parts.pt")
    assert resumed["samples"] < whole["samples"]
    for name in ("loss", "train_accuracy", "test_accuracy", "batch_size", "frozen", "seed"):
        assert resumed[name] == pytest.approx(whole[name], rel=1e-12)


def test_the_loss_falls_and_options_matter(train):
    plain = json.loads(train("plain.pt").stdout)
    history = plain["history"]
    assert [figures["epoch"] for figures in history] == [1, 2]
    assert history[1]["loss"] < history[0]["loss"] < 2.5
    assert (plain["torus"], plain["samples"], plain["cycles"]) == ("1x2", 2 * SAMPLES, None)
    losses = {plain["loss"]}
    for options in (("--seed", 1), ("--lr", 0.01), ("--batch", 3), ("--momentum", 1),
                    ("--freeze", 1), ("--loss", "mse"), ("--loss", "squared-error"),
                    ("--stale",)):
        losses.add(json.loads(train("other.pt", *options).stdout)["loss"])
    assert len(losses) == 9


def test_frozen_layers_stay(train, tmp_path):
    train("first.pt", "--epochs", 1)
    train("frozen.pt", "--epochs", 1, "--freeze", 1)
    first, frozen = (words(tmp_path / name).layers for name in ("first.pt", "frozen.pt"))
    generator = torch.Generator().manual_seed(0)
    shapes = [ClosShape(64, 16, 8, 2, 4), ClosShape(16, 10, 4, 2, 2)]
    initial = ClosNet(shapes, generator=generator).state_dict()
    saved = load_checkpoint(tmp_path / "frozen.pt").model.state_dict()
    torch.testing.assert_close(saved["layers.1.input_weight"], initial["layers.1.input_weight"],
                               atol=1e-5, rtol=0)
    assert not torch.allclose(saved["layers.0.input_weight"], initial["layers.0.input_weight"],
                              atol=1e-3)
    assert not first[1].masters[0].equal(frozen[1].masters[0])


def test_the_model_compiles_and_runs(train, data, tmp_path):
    trained = json.loads(train("model.pt").stdout)
    path = tmp_path / "model.ctz"
    succeed("compile", tmp_path / "model.pt", "--torus", "1x2", "-o", path, "--data", data)
    result = succeed("run", path, "--json", "--data", data)
    found = json.loads(result.stdout)["fixed_point_accuracy"]
    assert abs(found - trained["test_accuracy"]) < 0.1


@pytest.mark.slow
@pytest.mark.cocotb
def test_the_rtl_stopped_and_gone_on(train, tmp_path, monkeypatch):
    """It and the golden model go on where the other was stopped, to the same words."""
    train("golden.pt")
    with monkeypatch.context() as patched:
        stop_after(patched, SAMPLES + 25)
        result = train("rtl.pt", "--save-every", 10, device="sim", call=clostorus)
    assert result.exit_code == 130, result.stderr
    (tmp_path / "moved.pt").write_bytes((tmp_path / "rtl.pt").read_bytes())
    values = json.loads(train("rtl.pt", resume=True, device="sim").stdout)
    assert values["cycles"] > 50 * values["samples"]
    moved = json.loads(train("moved.pt", resume=True).stdout)
    assert words(tmp_path / "golden.pt") == words(tmp_path / "rtl.pt")
    assert words(tmp_path / "golden.pt") == words(tmp_path / "moved.pt")
    assert values["history"] == moved["history"]


def test_bad_options(train, tmp_path):
    def refuse(message, *options, **others):
        train("bad.pt", *options, **others,
              call=lambda *arguments: fail(2, message, *arguments))
        assert not (tmp_path / "bad.pt").exists()

    refuse("--device must be torch, golden, sim or serial, not 'fpga'", device="fpga")
    refuse("--loss must be one of cross-entropy, mse, squared-error, not 'hinge'", "--loss",
           "hinge")
    refuse("--momentum must be 1 to 14, or none, not 15", "--momentum", 15)
    for rate in ("0", "-0.1", "nan", "inf"):
        refuse("--lr must be positive and finite", "--lr", rate)
    refuse("--lr must be one with which training in float converges, not 1000000000.0",
           "--lr", "1e9")
    refuse("--lr must be larger than 1e-30: .* no shift represents it", "--lr", "1e-30")
    refuse("--batch must be at most 90", "--batch", 91)
    refuse("--freeze must hold layers 0 to 1, not 2", "--freeze", 2)
    refuse("--freeze must leave a layer that trains", "--freeze", 0, "--freeze", 1)
    refuse("--torus must be ROWSxCOLUMNS", "--torus", "4")
    refuse("--compare needs --device sim, not golden", "--compare")
    for name, value in (("batch", 2), ("momentum", 3), ("loss", "mse"), ("freeze", 0),
                        ("torus", "2x2"), ("lr", 0.1), ("save-every", 3)):
        fail(2, "needs --device golden, sim or serial, not torch", "train", f"--{name}", value,
             "-o", tmp_path / "bad.pt")


def test_options_are_refused_before_the_epoch_in_float(train, monkeypatch):
    def work(*arguments, **options):
        raise AssertionError("nothing may be computed")

    monkeypatch.setattr("sw_driver.train.prepared.propose_format", work)
    for message, *options in (
            ("--batch must be at most 90", "--batch", 91),
            ("--freeze must hold layers 0 to 1, not 2", "--freeze", 2),
            ("--freeze must leave a layer that trains", "--freeze", 0, "--freeze", 1),
            ("torus 4x65: cols must be 1 to 64, not 65", "--torus", "4x65")):
        train("bad.pt", *options, call=lambda *all, message=message: fail(2, message, *all))


def test_a_file_that_cannot_be_made_is_refused_before_the_work(train, tmp_path, monkeypatch):
    def work(*arguments, **options):
        raise AssertionError("nothing may be computed")

    monkeypatch.setattr("sw_driver.train.fixed_file.prepare", work)
    monkeypatch.setattr("sw_driver.train.model_file.Trainer", work)
    for length in (256, 300):
        train("a" * length, call=lambda *arguments: fail(
            2, "cannot be written: File name too long", *arguments))
        fail(2, "cannot be written: File name too long", "train", "-o", tmp_path / ("a" * length))
    assert not list(tmp_path.iterdir())


def test_checkpoints_of_something_else(train, data, tmp_path):
    train("model.pt", "--epochs", 1)
    path = tmp_path / "model.pt"
    before = path.read_bytes()

    def refuse(message, *options, name="model.pt"):
        train(name, *options, resume=True,
              call=lambda *arguments: fail(2, message, *arguments))

    refuse("--epochs must be 1, as .* was trained with, not 3", "--epochs", 3)
    refuse("--torus must be 1x2, as .* was trained with, not 2x2", "--torus", "2x2")
    refuse("--layer must be .*not", "--layer", "64,10,8,2,2")
    refuse("--batch must be 1, .* not 2", "--batch", 2)
    refuse("--lanes-out must be 1, .* not 2", "--lanes-out", 2)
    refuse("--freeze must be none, .* not 0", "--freeze", 0)
    refuse("--stale must be False, .* not True", "--stale")
    again = ("train", "--device", "golden", "--resume", "-o", path)
    fail(2, f"--data must be {data.name}, .* not digits", *again, "--data", "digits")
    fail(2, f"--data must name the samples to go on with: .* {data.name}, which does not", *again)
    fail(2, "floating point to go on with --device torch", "train", "--resume", "-o", path)
    assert path.read_bytes() == before
    save_model(tmp_path / "bare.pt", load_checkpoint(path).model)
    refuse("must hold a training in fixed point", name="bare.pt")
    refuse("cannot be read", name="none.pt")

    def damage(message, change):
        rewrite(path, tmp_path / "damaged.pt", lambda content: change(content["training"]))
        refuse(message, name="damaged.pt")

    for value in (2, torch.empty(0), "1"):
        damage("version of its training must be 1",
               lambda saved, value=value: saved.update(fixed_point=value))
        damage("format of its words must be 1",
               lambda saved, value=value: saved["words"].update(format=value))
    damage("training state is damaged", lambda saved: saved.pop("recipe"))
    damage("training state is damaged", lambda saved: saved["words"].update(torus=[float("inf")]))
    damage("training state is damaged",
           lambda saved: saved["recipe"].update(learning_rate=torch.empty(0)))
    for net in ("{", "[1]", "{}", [1], "[" * 100_000):
        damage("training state is damaged",
               lambda saved, net=net: saved["words"].update(net=net))
    for field, value in (("learning_rate", "x"), ("epochs", 2.5), ("frozen", ["a"]), ("seed", "a"),
                         ("momentum", True), ("loss", None)):
        damage("training state is damaged: .* must be", lambda saved, field=field, value=value:
               saved["recipe"].update({field: value}))
    damage("position of the training is damaged", lambda saved: saved["position"].pop("history"))
    for field, value in (("epoch", "a"), ("epoch", -1), ("epoch", 2), ("samples", 1.5),
                         ("loss", None), ("history", []), ("history", 3)):
        damage("position of the training is damaged", lambda saved, field=field, value=value:
               saved["position"].update({field: value}))
    damage("training state must be tensors", lambda saved: saved["words"].update(state=None))
    damage("training state must be tensors", lambda saved: saved["words"]["state"].update(lfsr=1))
    damage("must hold the words of 2 layers: lfsr",
           lambda saved: saved["words"]["state"].pop("lfsr"))
    damage("lfsr must be 1 to", lambda saved: saved["words"]["state"]["lfsr"].zero_())


def test_a_rate_that_leaves_nothing_is_refused(train, tmp_path, monkeypatch):
    """The first epoch is saved, and the error comes after a hundred samples without gradient."""
    original = Recipe.rate
    monkeypatch.setattr(
        Recipe, "rate", lambda self, epoch: original(self, epoch) * (1e-9 if epoch else 1))
    train("model.pt", "--epochs", 3, call=lambda *arguments: fail(
        2, "the gradients of 100 samples in a row", *arguments))
    assert load_checkpoint(tmp_path / "model.pt").training["position"]["epoch"] == 2


@pytest.mark.cocotb
def test_compared_step_by_step(train, tmp_path, monkeypatch):
    options = ("--epochs", 1, "--compare")
    values = json.loads(train("whole.pt", *options, device="sim").stdout)
    assert values["compared"] and values["samples"] == SAMPLES
    train("golden.pt", "--epochs", 1)
    assert words(tmp_path / "golden.pt") == words(tmp_path / "whole.pt")
    monkeypatch.setattr(FixedTrainingNet, "rounding", lambda self, words, shift:
                        torch.full_like(words, (1 << shift) >> 1))
    train("bad.pt", *options, device="sim", call=lambda *arguments: fail(
        1, r"sample 0, layer 1, output stage, .*: expected -?\d+, found -?\d+", *arguments))
    assert not (tmp_path / "bad.pt").exists()


@pytest.mark.parametrize("message, options", [
    ("--stale needs --device golden, sim or serial, not torch", ()),
    ("--stale must be left out with batch, not given with batch 4", ("--device", "golden",
                                                                     "--batch", 4)),
    ("--compare and --stale must not be given together", ("--device", "sim", "--compare")),
])
def test_what_stale_does_not_go_with(message, options, tmp_path):
    fail(2, message, "train", "--stale", *options, "-o", tmp_path / "model.pt")
    assert not list(tmp_path.iterdir())
