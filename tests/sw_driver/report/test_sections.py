"""The sections of a net: each shows the figures that other parts of the project give."""

import itertools
import json
import re
from types import SimpleNamespace

import numpy as np
import pytest

from golden import ClosNet, ClosShape, quantise
from golden.data.loading import Part
from hw.config import TorusConfig
from sw_driver.compiler import compile
from sw_driver.cycle_model import Use
from sw_driver.files.judgement import judge
from sw_driver.plan.stage import COPIES
from sw_driver.predict.steady_tracks import steady_stretch
from sw_driver.predict.use import steady_use
from sw_driver.report.cycles import cycles_section
from sw_driver.report.energy import energy_section
from sw_driver.report.heat import heat_section
from sw_driver.report.net import net_section
from sw_driver.report.net_page import net_sections
from sw_driver.report.page import MOST_BYTES, page
from sw_driver.report.placement import held_weights, made_values, placement_section
from sw_driver.report.precision import precision_section
from sw_driver.report.summary import net_lead
from sw_driver.report.timeline import timeline_section
from tests.support.reports import Read, dense_net, small_net


@pytest.fixture(params=["clos", "dense"])
def compiled(request):
    return small_net() if request.param == "clos" else dense_net()


def test_the_net_has_a_box_for_every_matrix(compiled):
    found = Read(str(net_section(compiled).content))
    for kind, name in (("k0", "input_routers"), ("k1", "middle_routers"), ("k2", "output_routers")):
        boxes = [one for one in found.of("rect", class_=kind) if "rx" in one]
        assert len(boxes) == sum(getattr(shape, name, 0) for shape in compiled.shapes)
    for shape in compiled.shapes:
        assert str(shape) in found.text


def test_every_weight_has_a_pe(compiled):
    """The weights that PEs hold, and the values that they make, are all of the net's."""
    held = [held_weights(one) for one in compiled.stages if one.outputs and one.kind not in COPIES]
    assert sum(int(one.sum()) for one in held) == sum(
        shape.parameters for shape in compiled.shapes)
    last = [one for one in compiled.stages if one.outputs][-1]
    assert made_values(last).sum() == compiled.shapes[-1].out_features
    found = Read(str(placement_section(compiled).content))
    row, col = compiled.config.rows - 1, 0
    for stage, weights in zip((one for one in compiled.stages if one.outputs
                               and one.kind not in COPIES), held, strict=True):
        assert f"{stage.name}: {weights[row, col]} weights" in found.text


def test_the_heat_map_has_every_mac_and_link(compiled):
    use = steady_use(compiled)
    found = Read(str(heat_section(compiled, use).content))
    assert f"its MAC works {100 * use.macs[0][0] / use.cycles:.1f} % of the time" in found.text
    lines = [one for one in found.of("line") if one["class"] == "flow"]
    assert len(lines) == len(list(itertools.chain(*use.rows, *use.cols)))


def test_a_torus_that_stands_still_is_white():
    compiled = small_net()
    still = Use(0, [[0] * 3] * 2, [[0] * 4] * 2, [[0] * 3] * 2, 0, 0)
    found = Read(str(heat_section(compiled, still).content))
    assert {one["fill-opacity"] for one in found.of("rect", class_="hot")
            if "x" in one} == {"0"}


def test_a_large_torus_has_no_words_in_its_pes():
    """Those of a thousand PEs would fill the page."""
    large = SimpleNamespace(config=TorusConfig(rows=32, cols=32))
    use = Use(10, [[5] * 32] * 32, [[3] * 33] * 32, [[1] * 32] * 32, 1, 1)
    section = heat_section(large, use)
    found = Read(str(section.content))
    assert len(section.content) < 500_000
    assert len(found.of("line", class_="flow")) == 32 * (33 + 32)
    assert "PE 31, 31: its MAC" not in found.text and "PE 1, 1" not in found.text


def test_the_timeline_has_what_engines_do(compiled):
    stretch = steady_stretch(compiled)
    section = timeline_section(compiled, stretch)
    data = json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>',
                                section.content, re.S)[1])
    config = compiled.config
    assert len(data["names"]) == len(data["bars"]) == 2 + config.rows + (
        3 * config.rows * config.cols)
    assert data["cycles"] == stretch.cycles
    for bars, track in zip(data["bars"], stretch.tracks, strict=True):
        starts, ends = bars[::5], bars[1::5]
        assert all(0 <= start < end <= stretch.cycles
                   for start, end in zip(starts, ends, strict=True))
        assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))
        assert len(starts) == len(track.pieces)
    assert "<script>" not in section.content


@pytest.mark.parametrize("most_pieces", [800, 300, 0])
def test_a_timeline_of_less_detail_is_one(most_pieces):
    compiled = small_net()
    stretch = steady_stretch(compiled, most_pieces=most_pieces)
    found = Read(str(timeline_section(compiled, stretch).content))
    assert found.of("svg", role="img") and found.of("button", **{"data-do": "in"})


def test_cycles_and_energy_are_those_of_info(compiled):
    prediction = compiled.prediction
    found = Read(str(cycles_section(compiled).content))
    assert f"reached: {prediction.cycles:g} cycles" in found.text
    for part, cycles in prediction.bounds.items():
        assert f"{part}: {cycles} cycles a sample" in found.text
    energy = Read(str(energy_section(compiled).content))
    for name in ("this net", "dense, weights in DRAM"):
        assert name in energy.text


def test_saturation_and_error_by_layer():
    """Words too narrow for what comes after: the page says which stage clips how much."""
    model = ClosNet([ClosShape(8, 4, 2, 2, 2), ClosShape(4, 2, 2, 2, 2)])
    x = np.random.default_rng(0).random((20, 8), np.float32)
    compiled = compile(quantise(model, x), "2x2")
    part = Part(40 * x, np.zeros(20, np.int64), "<b>data", "data")
    names = ("<script>alert(1)</script>", "b & c")
    judged = judge(compiled, part, names, model)
    assert judged.saturated == judge(compiled, part, names).saturated
    assert judged.clipped > 0
    found = Read(str(precision_section(judged, "", "clostorus").content))
    assert not found.of("script") and not found.of("b")
    assert names[0] in found.text and "b & c" in found.text and "<b>data" in found.text
    assert "mean error" in found.text
    without = Read(str(precision_section(judge(compiled, part), "", "run <this>").content))
    assert "run <this>" in without.text and "mean error" not in without.text
    missing = Read(str(precision_section(None, "no data", "").content))
    assert missing.text == "Not measured: no data"


def test_a_page_is_whole_small_and_the_same_again(compiled):
    def made():
        precision = precision_section(None, "no data", "")
        sections = net_sections(compiled, precision, lambda *_: None)
        return page("a <title>", net_lead(compiled, 0.5), sections)

    text = made()
    assert text == made() and len(text.encode()) < MOST_BYTES
    found = Read(text)
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    links = [one["href"] for one in found.of("a")]
    assert links == [f"#{one}" for one in ids] and len(ids) == len(set(ids)) == 8
    policy, = found.of("meta", **{"http-equiv": "Content-Security-Policy"})
    assert policy["content"].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy["content"]
    assert not re.search(r"(?:src|href)=.?(?:https?:|//)", text)
    assert not [value for _, attributes in found.tags for key, value in attributes.items()
                if key.startswith("on") or key == "style"]
    for svg in found.of("svg"):
        assert svg.get("aria-label") or svg.get("aria-hidden") == "true"
