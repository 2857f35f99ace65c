"""`clostorus info`: its tables, and the same as JSON."""

import json
import re

import pytest

from tests.support.command_line import succeed


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
    energy = text.partition("Energy of a sample")[2].partition("Layers")[0]
    for name in ("this net", "dense, on chip", "dense, weights in DRAM"):
        assert re.search(rf"^{name} +[\d.]+ (to [\d.e+]+ )?nJ", energy, re.M)
    assert re.search("^dense, weights in DRAM over this net +[0-9.]+ times", energy, re.M)
    assert re.search(r"^MACs +.*working \d+\.\d %", text, re.M)
    assert max(map(len, text.splitlines())) <= 100


def test_info_as_json(artifact):
    values = json.loads(succeed("info", artifact, "--json").stdout)
    assert values["parameters"] == 292
    assert values["layers"][0]["density"] == 224 / (64 * 16)
    assert values["fit"]["weight_words"]["needed"] <= values["fit"]["weight_words"]["there"]
    ours, *dense = values["energy"].values()
    assert list(values["energy"]) == ["this net", "dense, on chip", "dense, weights in DRAM"]
    assert ours["total_nj"] == pytest.approx(sum(ours["parts_nj"].values()))
    assert all(one["total_nj"] > ours["parts_nj"]["products"] for one in dense)
    predicted = values["predicted"]
    assert predicted["bound_by"] in predicted["bounds_cycles"]
    assert predicted["engines"]["mac"]["working"] == pytest.approx(
        predicted["bounds_cycles"]["MAC"] / predicted["cycles_per_sample"]
    )
    assert "mac" in predicted["stages"]["layer 0 V"]
    assert [op["name"] for op in values["ops"]][0] == "layer 0 H1"
