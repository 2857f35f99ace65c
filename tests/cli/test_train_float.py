"""`clostorus train` in float: what it says, stopped and gone on, and bad input."""

import json
import re
import signal
import subprocess
import sys
import time

import torch

from golden import ClosNet, ClosShape, load_checkpoint, save_model
from tests.support.command_line import LAYERS, fail, succeed
from tests.support.golden_models import rewrite
from tests.support.stopped import HEEDS_CTRL_C, ended_with_the_test


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
    fail(2, "--data must be other digits, as .* was trained with, not digits",
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
    with ended_with_the_test(subprocess.Popen(
        [*HEEDS_CTRL_C, sys.executable, "-m", "sw_driver.cli", *arguments],
        stderr=subprocess.PIPE, text=True)) as running:
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
