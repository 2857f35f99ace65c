"""`clostorus compile --word-bits auto`: the narrowest words within a loss, and what is refused."""

import json
import re

import numpy as np
import pytest
import torch
from torch import nn

from golden import ClosNet, ClosShape, save_model
from sw_driver import load_artifact
from tests.support.command_line import fail, succeed


def test_it_compiles_in_the_narrowest_words(model, tmp_path):
    path = tmp_path / "m.ctz"
    line = ("compile", model, "--torus", "2x2", "-o", path, "--word-bits", "auto")
    found = json.loads(succeed(*line, "--loss", 0.02, "--json").stdout)
    words, error = found["narrowest_words"], found["fixed_point"]
    config = load_artifact(path).config
    assert config.act_bits == config.weight_bits == words["bits"]
    last = words["tried"][-1]
    assert (last["bits"], last["enough"]) == (words["bits"], True)
    assert all(one["accuracy"] < words["float_accuracy"] - 0.02 for one in words["tried"][:-1])
    assert last["accuracy"] >= words["float_accuracy"] - 0.02
    assert (last["agreement"], last["mean"]) == (error["agreement"], error["mean"])
    assert words["most_loss"] == 0.02 and words["data"] == error["data"] == "digits training split"


def test_the_default_loss_is_a_hundredth(model, tmp_path):
    line = ("compile", model, "--torus", "2x2", "-o", tmp_path / "m.ctz", "--word-bits", "auto")
    found = json.loads(succeed(*line, "--host-bits", 128, "--json").stdout)
    assert found["narrowest_words"]["most_loss"] == 0.01
    assert load_artifact(tmp_path / "m.ctz").config.host_bits == 128


def test_the_table_lists_what_was_tried(model, tmp_path):
    line = ("compile", model, "--torus", "2x2", "-o", tmp_path / "m.ctz", "--word-bits", "auto")
    text = succeed(*line).stdout
    assert re.search(r"Narrowest words on digits training split, 1437 samples: accuracy of", text)
    rows = re.findall(r"^ (\d+) +[\d.]+ % +[\d.]+ % +[\d.]+ % +(yes|no) *$", text, re.MULTILINE)
    bits = load_artifact(tmp_path / "m.ctz").config.act_bits
    assert rows == [*((str(one), "no") for one in range(4, bits)), (str(bits), "yes")]


@pytest.mark.filterwarnings("ignore::golden.GoldenWarning")
def test_a_dense_layer_is_tried_as_the_torus_cuts_it(tmp_path):
    torch.manual_seed(0)
    save_model(tmp_path / "dense.pt", nn.Sequential(nn.Linear(48, 24), nn.ReLU(), nn.Linear(24, 7)))
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((200, 48), dtype=np.float32))
    line = ("compile", tmp_path / "dense.pt", "--data", tmp_path / "x.npy", "--torus", "2x2",
            "--word-bits", "auto", "--loss", 0.1, "-o", tmp_path / "m.ctz", "--json")
    found = json.loads(succeed(*line).stdout)
    last = found["narrowest_words"]["tried"][-1]
    assert last["accuracy"] is None
    assert last["agreement"] == found["fixed_point"]["agreement"] >= 0.9
    assert last["mean"] == found["fixed_point"]["mean"]


def test_a_single_output_keeps_to_its_range(tmp_path):
    torch.manual_seed(0)
    save_model(tmp_path / "one.pt", ClosNet([ClosShape(8, 1, 2, 2, 1)]))
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((50, 8), dtype=np.float32))
    line = ("compile", tmp_path / "one.pt", "--data", tmp_path / "x.npy", "--torus", "1x1",
            "--word-bits", "auto", "-o", tmp_path / "m.ctz")
    assert "mean error of at most 1.0 % of the range" in succeed(*line).stdout
    words = json.loads(succeed(*line, "--json").stdout)["narrowest_words"]
    assert words["tried"][-1]["mean"] <= 0.01 * words["span"]


def test_a_loss_that_no_words_keep_writes_nothing(model, tmp_path):
    torch.manual_seed(0)
    same = nn.Linear(64, 10)
    with torch.no_grad():  # Outputs that only rounding tells apart.
        same.weight[1:] = same.weight[0] * (1 + 1e-9 * torch.arange(1, 10)[:, None])
        same.bias.zero_()
    save_model(tmp_path / "same.pt", same.double())
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((50, 64)) - 0.5)
    fail(2, "--loss must be at least [0-9.]+, what words of 18 bits lose on the samples, not 0.2",
         "compile", tmp_path / "same.pt", "--data", tmp_path / "x.npy", "--torus", "1x1",
         "--word-bits", "auto", "--loss", 0.2, "-o", tmp_path / "m.ctz")  # fmt: skip
    assert not (tmp_path / "m.ctz").exists()


def test_what_does_not_go_together_is_refused(model, tmp_path):
    def refuse(message, *options):
        output = tmp_path / "m.ctz"
        fail(2, message, "compile", model, "--torus", "2x2", "-o", output, *options)
        assert not output.exists()

    refuse("--loss needs --word-bits auto, not the default of 16 bits", "--loss", 0.1)
    refuse("--loss needs --word-bits auto, not 12", "--word-bits", 12, "--loss", 0.1)
    refuse("--loss must be at least 0 and below 1, not 1", "--word-bits", "auto", "--loss", 1)
    refuse("--weight-bits must be left out with --word-bits auto", "--word-bits", "auto",
           "--weight-bits", 8)
    refuse("--word-bits must be a whole number of 4 to 18 or auto, not '8.5'",
           "--word-bits", 8.5)
    refuse("--weight-bits and --host-bits must not be given with --board",
           "--word-bits", "auto", "--board", "ulx3s-85f")
