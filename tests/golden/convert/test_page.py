"""The Python of "Converting a model" in docs/layers.md, run as it stands there."""

import os

import pytest
import torch
from torch import nn

from golden import ClosLinear
from golden.convert import ClosSpec, convert_report, rebuild
from tests.support.pages import blocks

os.environ["HF_HUB_OFFLINE"] = "1"
transformers = pytest.importorskip("transformers")

MARKS = ("convert_report(", "torch.save(", "class ConvertedBert")
BLOCKS = [
    block.text for block in blocks()
    if block.page == "docs/layers.md" and block.language == "python"
]  # fmt: skip


def python(mark):
    [found] = [text for text in BLOCKS if mark in text]
    return found


def bert():
    torch.manual_seed(0)
    config = transformers.BertConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        vocab_size=40, max_position_embeddings=12,
    )  # fmt: skip
    return transformers.BertForSequenceClassification(config).eval()


@pytest.mark.filterwarnings("ignore:inputs hold .* samples for")
def test_a_model_is_converted_saved_and_loaded_as_the_page_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    ids = torch.randint(0, 40, (4, 7))
    values = {"model": bert(), "batches": [{"input_ids": ids}, {"input_ids": ids.flip(0)}]}
    exec(python(MARKS[0]), values)
    assert "| ClosLinear, " in capsys.readouterr().out
    values |= {"BertForSequenceClassification": transformers.BertForSequenceClassification,
               "rebuild": rebuild}
    exec(python(MARKS[2]), values)
    with torch.no_grad():
        assert values["model"].eval()(ids).logits.equal(values["new"](ids).logits)


def test_a_record_is_kept_beside_the_weights_as_the_page_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def make_model():
        return nn.Sequential(nn.Linear(12, 12), nn.ReLU(), nn.Linear(12, 3))

    new, report = convert_report(make_model(), {"0": ClosSpec(reduction=1.5, sweeps=1)})
    values = {"torch": torch, "new": new, "report": report, "make_model": make_model,
              "rebuild": rebuild}  # fmt: skip
    exec(python(MARKS[1]), values)
    x = torch.ones(2, 12)
    assert type(values["model"][0]) is ClosLinear and values["model"](x).equal(new(x))
