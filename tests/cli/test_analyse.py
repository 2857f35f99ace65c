"""`clostorus analyse`: tables, values, a picture, what is left out, and bad input."""

import json
import struct

import pytest

from golden.analysis import jacobian_rank
from golden.analysis.report import LABELS, Training, analyse, text_of
from golden.errors import AnalysisError
from golden.topologies import parse_topology
from tests.support.command_line import fail, succeed

STEPS = ("--fit-steps", 40, "--control-steps", 5)


def test_analyse_says_what_it_found(tmp_path):
    picture = tmp_path / "two.png"
    texts = "butterfly:4,2", "butterfly:4,3+skip"
    done = succeed("analyse", *texts, *STEPS, "-o", picture)
    for label in LABELS.values():
        assert label in done.stdout
    assert "left out" not in done.stdout
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", content[16:24])
    assert width > 500 < height

    values = json.loads(succeed("analyse", *texts, *STEPS, "--json").stdout)
    assert list(values["topologies"]) == list(texts)
    plain, skipped = (values["topologies"][text] for text in texts)
    wanted = {
        "widths": [4, 4, 4], "parameters": 16, "constant_edges": 0, "density": 1.0, "depth": 2,
        "full_depth": 2, "fewest_paths": 1, "most_paths": 1, "bandwidth": 4, "matching": 16,
        "rank": 12, "colouring_exact": 12, "skipped": {},
    }  # fmt: skip
    assert wanted == {name: plain[name] for name in wanted}
    assert (skipped["parameters"], skipped["constant_edges"], skipped["rank"]) == (12, 12, 12)
    assert set(LABELS) <= set(plain)


def test_analyse_quick_trains_nothing_and_repeats():
    first, second = (succeed("analyse", "--quick", "--json", "torus:3,3,2") for _ in range(2))
    assert first.stdout == second.stdout
    values = json.loads(first.stdout)["topologies"]["torus:3,3,2"]
    assert not {"control_mean", "l2_error"} & set(values)
    assert values["rank"] == jacobian_rank(parse_topology("torus:3,3,2")).rank
    assert "paths must be at most 80" in values["skipped"]["exact colouring"]


def test_analyse_leaves_out_what_is_too_large():
    done = succeed("analyse", "--quick", "regular:300-60-10,30-5")
    for what in ("10000000, not 27900000", "pairs must be at most 2000"):
        assert what in done.stdout, what
    assert "trained edges" in done.stdout


def test_analyse_lists_the_kinds():
    done = succeed("analyse", "--list")
    assert "parallel-butterfly:n,layers,parallel" in done.stdout
    assert "diagonal" in done.stdout
    assert len(json.loads(succeed("analyse", "--list", "--json").stdout)["kinds"]) == 13


def test_analyse_bad_input(tmp_path):
    fail(2, "TOPOLOGY must be given at least once", "analyse")
    fail(2, "TOPOLOGY must be one of clos, .* not 'ring'", "analyse", "ring:4")
    fail(2, "n must be a power of two", "analyse", "butterfly:12,3")
    fail(2, "every output must be reached .* 5 of 9 are not: 4, 5", "analyse", "regular:3-9,2")
    fail(2, "--fit-steps must be at least 1, not 0", "analyse", "torus:2,2,1", "--fit-steps", 0)
    fail(2, "seed must be at least 0 and below", "analyse", "torus:2,2,1", "--seed", 1 << 64)
    fail(2, "--output must end in .png, not 'a.svg'", "analyse", "torus:2,2,1", "-o", "a.svg")
    folder = tmp_path / "none" / "a.png"
    fail(2, "there is no folder", "analyse", "torus:2,2,1", "-o", folder)


def test_analysis_tells_of_its_parts():
    heard, topology = [], parse_topology("torus:2,2,1")
    found = analyse(topology, Training(2, 2, 1), lambda *one: heard.append(one))
    assert [done for _, done, _ in heard] == list(range(10))
    assert {total for *_, total in heard} == {9}
    assert found.k_matrix.shape == found.paths.shape == (4, 4)


def test_analysis_values_as_text():
    assert [text_of(value) for value in (None, 1152, 0.56251, 1e-9)] == [
        "never", "1152", "0.5625", "1e-09"
    ]  # fmt: skip
    with pytest.raises(AnalysisError, match="starts must be at least 1, not 0"):
        Training(starts=0)
