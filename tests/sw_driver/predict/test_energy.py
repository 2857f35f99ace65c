"""Energies: the published values, what joins them, and what a net takes counted by hand."""

import pytest

from golden import ClosShape
from golden.vectors.nets import random_net
from hw.config import TorusConfig
from sw_driver.compiler import compile
from sw_driver.predict.energy import (
    add_pj,
    dense_energy,
    dense_fits,
    least_energy,
    multiply_pj,
    sample_energy,
    sram_word_pj,
    torus_energy,
)
from tests.support.project import ROOT

CONFIG = TorusConfig(rows=2, cols=2, weight_words=1024, buffer_words=512)


@pytest.mark.parametrize(("found", "published"), [
    (add_pj(8), 0.03), (add_pj(32), 0.1), (multiply_pj(8), 0.2), (multiply_pj(32), 3.1),
    (sram_word_pj(1024, 64), 10), (sram_word_pj(4096, 64), 20), (sram_word_pj(1 << 17, 64), 100),
])  # fmt: skip
def test_published_values_are_met(found, published):
    assert found == pytest.approx(published)


def test_between_and_beyond_they_grow_with_the_width_and_the_size():
    products, adds = ([of(bits) for bits in range(1, 65)] for of in (multiply_pj, add_pj))
    memories = [sram_word_pj(1 << power, 16) for power in range(24)]
    for values in (products, adds, memories):
        assert values == sorted(values) and values[0] > 0
    assert multiply_pj(16) == pytest.approx((0.2 * 3.1) ** 0.5)
    assert sram_word_pj(1024, 16) == pytest.approx(2.5 / 2)  # 2 KB: half of 8 KB's, a quarter wide.
    assert sram_word_pj(0, 16) > 0


def test_a_net_by_hand():
    """Products and moves of the cycle model: a net that never waits does one product a cycle."""
    shapes = [ClosShape(64, 64, 8, 8, 8), ClosShape(64, 10, 8, 8, 5)]
    compiled = compile(random_net(shapes, seed=1), "2x2")
    energy, config = sample_energy(compiled), compiled.config
    pes = config.rows * config.cols
    assert energy.counts["products"] == pytest.approx(
        compiled.prediction.bounds["MAC"] * pes)
    assert energy.counts["weights, on chip"] == energy.counts["products"]
    assert energy.counts["activations"] == pytest.approx(
        energy.counts["products"] + energy.counts["links"])
    layers = compiled.net.layers
    words = layers[0].shape.in_features + layers[-1].shape.out_features
    assert energy.counts["host words"] == words
    assert energy.parts_nj["host words"] == pytest.approx(words * config.act_bits * 0.03)
    assert energy.parts_nj["links"] == pytest.approx(
        energy.counts["links"] * config.act_bits * 310 / 2560 / 1000)
    product_pj = multiply_pj(16) + add_pj(config.acc_bits)
    assert energy.parts_nj["products"] == pytest.approx(
        energy.counts["products"] * product_pj / 1000)
    assert energy.total_nj == pytest.approx(sum(energy.parts_nj.values()))
    assert energy.spread_nj == 0


def test_the_dense_net_by_hand():
    shapes = [ClosShape(784, 256, 28, 25, 16), ClosShape(256, 10, 16, 4, 5)]
    products = 784 * 256 + 256 * 10
    assert not dense_fits(CONFIG, shapes)
    energy = dense_energy(CONFIG, shapes, dram=True)
    assert energy.counts["products"] == products == energy.counts["weights, DRAM"]
    assert energy.parts_nj["weights, DRAM"] == pytest.approx(products * 1.3 / 4)
    assert energy.spread_nj == pytest.approx(products * 1.3 / 4)
    assert max(energy.parts_nj, key=energy.parts_nj.get) == "weights, DRAM"
    kept = dense_energy(CONFIG, shapes, dram=False)
    assert kept.spread_nj == 0 and "weights, DRAM" not in kept.parts_nj
    assert kept.parts_nj["weights, on chip"] == pytest.approx(products * 1.25 / 1000)
    same = {"products", "activations", "host words"}
    assert {name: kept.parts_nj[name] for name in same} == {
        name: energy.parts_nj[name] for name in same}


def test_what_fits_is_what_the_memories_hold():
    config = TorusConfig(rows=2, cols=2, weight_words=1024)
    assert dense_fits(config, [ClosShape(64, 64, 8, 8, 8)])
    assert not dense_fits(config, [ClosShape(64, 64, 8, 8, 8), ClosShape(64, 2, 8, 2, 2)])


def test_lanes_multiply_more_in_a_step_and_read_a_word_for_several_products():
    """On 2x2 PEs of four multipliers: weights as before, and a fourth of the MACs' cycles."""
    net = random_net([ClosShape(64, 64, 8, 8, 8)], seed=1)
    one, four = compile(net, "2x2"), compile(net, "2x2", lanes_in=2, lanes_out=2)
    energies = sample_energy(one), sample_energy(four)
    weights = 8 * (64 + 64 + 64)
    assert [energy.counts["products"] for energy in energies] == pytest.approx([weights, weights])
    # Two sums share the word that they read; what rings move is the same but for padding.
    moved = [energy.counts["links"] for energy in energies]
    assert energies[0].counts["activations"] == pytest.approx(weights + moved[0])
    assert energies[1].counts["activations"] == pytest.approx(weights / 2 + moved[1])


@pytest.mark.parametrize("torus", ["2x2", "4x1", "2x4"])
def test_the_least_energy_is_no_more_than_that_of_the_cycle_model(torus):
    compiled = compile(random_net([ClosShape(64, 64, 8, 8, 8), ClosShape(64, 10, 8, 8, 5)], seed=1),
                       torus, lanes_in=2)
    least = least_energy(compiled.config, compiled.net.shapes, compiled.plan)
    found = sample_energy(compiled)
    assert least.counts["products"] == pytest.approx(found.counts["products"])
    assert 0.8 * found.total_nj < least.total_nj <= found.total_nj * (1 + 1e-9)


def test_the_figure_by_hand_is_that_of_its_page():
    """docs/explore.md, "Energy": a layer on 4x4 PEs of one lane, beside the dense one."""
    shape = ClosShape(784, 256, 28, 8, 16)
    config = TorusConfig(bias_words=16, max_fan_in=32)
    clos = torus_energy(config, [shape], steps=11_904, moved=5_324)
    dense = dense_energy(config, [shape], dram=True)
    page = (ROOT / "docs" / "explore.md").read_text()
    figures = {
        "products": ("10.8", "181"), "weights, on chip": ("14.9", ""),
        "weights, DRAM": ("", "65,229"), "activations": ("15.2", "177"), "links": ("10.3", ""),
        "host words": ("499", "499"),
    }
    for energy, column in ((clos, 0), (dense, 1)):
        for part, nj in energy.parts_nj.items():
            said = figures[part][column]
            assert f"{nj:,.{len(said.partition('.')[2])}f}" == said and f" {said} |" in page
    assert f"| sum | | {clos.total_nj:.0f} | | {dense.total_nj:,.0f} |" in page
    more = dense.total_nj + dense.spread_nj
    least, most = (f"{nj / clos.total_nj:.0f} times" for nj in (dense.total_nj, more))
    assert f"takes {least} as much, and {most} at the" in page
