"""Models of transformers, converted, saved and loaded: small random ones, nothing is downloaded."""

import json
import os

import pytest
import torch

from golden import ClosLinear, ModelError
from golden.convert import ClosSpec, LowRankSpec, convert, convert_report, rebuild

os.environ["HF_HUB_OFFLINE"] = "1"  # Read when the library is imported.
transformers = pytest.importorskip("transformers")

BERT = transformers.BertConfig(
    hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
    vocab_size=40, max_position_embeddings=12,
)  # fmt: skip
GPT = transformers.GPT2Config(
    n_embd=16, n_layer=1, n_head=2, vocab_size=40, n_positions=12, bos_token_id=0, eos_token_id=0
)
CLOS = ClosSpec(reduction=1.5, sweeps=2)
IDS = torch.randint(0, 40, (3, 7), generator=torch.Generator().manual_seed(0))


class ConvertedBert(transformers.BertForSequenceClassification):
    """As docs/layers.md says: the constructor gives the model the layers of its config."""

    def __init__(self, config):
        super().__init__(config)
        rebuild(self, config.converted_layers, in_place=True)


def bert():
    torch.manual_seed(0)
    return transformers.BertForSequenceClassification(BERT).eval()


def gpt():
    torch.manual_seed(0)
    return transformers.GPT2LMHeadModel(GPT).eval()


def logits(model):
    with torch.no_grad():
        return model(IDS).logits


def test_save_and_from_pretrained_give_equal_logits(tmp_path):
    new, report = convert_report(bert(), {"*.encoder.layer.*": CLOS})
    assert len(report.replaced) == 12
    new.config.converted_layers = report.record
    new.save_pretrained(tmp_path)
    again, loading = ConvertedBert.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(loading[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert logits(again.eval()).equal(logits(new))
    assert type(again.bert.encoder.layer[1].output.dense) is ClosLinear
    again.save_pretrained(tmp_path / "again")
    assert logits(ConvertedBert.from_pretrained(tmp_path / "again")).equal(logits(new))


def test_a_checkpoint_with_its_record_is_loaded_on_meta():
    new, report = convert_report(gpt(), {"*.attn.*": CLOS, "*.mlp.*": LowRankSpec(1.5)})
    kept = {"record": json.dumps(report.record), "state": new.state_dict()}
    with torch.device("meta"):
        dense = transformers.GPT2LMHeadModel(GPT)
    again = rebuild(dense, json.loads(kept["record"]))
    assert all(parameter.is_meta for parameter in again.parameters())
    again.load_state_dict(kept["state"], assign=True)
    again.tie_weights()
    assert logits(again.eval()).equal(logits(new))


def test_conv1d_is_a_linear_layer_with_its_weight_transposed():
    model = gpt()
    new = convert(model, {"*.c_*": ClosSpec(routers=(1, 16, 1), sweeps=400)})
    assert {type(new.transformer.h[0].attn.c_attn), type(new.transformer.h[0].mlp.c_fc)} == {
        ClosLinear
    }
    torch.testing.assert_close(logits(new), logits(model), atol=1e-3, rtol=1e-3)
    with torch.no_grad():  # What is trained stays so.
        assert convert(model, {"*.c_fc": CLOS}).transformer.h[0].mlp.c_fc.input_weight.requires_grad


def test_a_tied_head_is_refused_by_name_or_skipped():
    with pytest.raises(ModelError, match="'lm_head', pattern 'lm_head': its weight is also transf"):
        convert(gpt(), {"lm_head": CLOS})
    new, report = convert_report(gpt(), {"*": CLOS}, unsupported="skip")
    reasons = {layer.name: layer.reason for layer in report.layers}
    assert "also transformer.wte.weight" in reasons["lm_head"]
    assert new.lm_head.weight is new.transformer.wte.weight
    assert not reasons["transformer.h.0.mlp.c_fc"]
