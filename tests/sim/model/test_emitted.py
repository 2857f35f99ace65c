"""Verilog from the cache is what Amaranth writes, and is made again when anything in it changes."""

import dataclasses

import numpy as np
import pytest

import hw.tops
import sim.model.emitted
from hw.config import TorusConfig
from sim.model.board import SIM_LINK
from sim.model.emitted import emitted_board, emitted_torus

CONFIG = TorusConfig(rows=1, cols=1, buffer_words=16, weight_words=16, bias_words=4,
                     program_words=64, max_fan_in=4)
IMAGES = {"weights": np.arange(16).reshape(1, 1, 16), "biases": np.arange(4).reshape(1, 1, 4)}


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("CLOSTORUS_CACHE", str(tmp_path))


@pytest.fixture
def asked(monkeypatch):
    """What Amaranth was asked for; each answer is another one."""
    asked = []

    def emit(*args, **kwargs):
        asked.append((args, kwargs))
        return f"text {len(asked)}\n"

    monkeypatch.setattr(hw.tops, "top_verilog", emit)
    monkeypatch.setattr(hw.tops, "board_verilog", emit)
    return asked


def test_it_is_what_amaranth_writes():
    written = hw.tops.top_verilog("torus", CONFIG)
    assert emitted_torus(CONFIG) == written
    assert emitted_torus(CONFIG) == written


def test_a_torus_is_written_once(asked):
    assert emitted_torus(CONFIG) == emitted_torus(CONFIG) == "text 1\n"
    assert asked == [(("torus", CONFIG), {"weights": None, "biases": None, "cells": "generic"})]


def test_a_board_is_written_once(asked):
    assert emitted_board(CONFIG, SIM_LINK) == emitted_board(CONFIG, SIM_LINK) == "text 1\n"
    assert asked == [((CONFIG, SIM_LINK), {})]
    assert emitted_board(CONFIG, dataclasses.replace(SIM_LINK, clock_hz=8_000_000)) == "text 2\n"


@pytest.mark.parametrize("config, arguments", [
    (dataclasses.replace(CONFIG, link_stages=1), IMAGES),
    (CONFIG, {}),
    (CONFIG, IMAGES | {"cells": "ecp5"}),
    (CONFIG, IMAGES | {"weights": IMAGES["weights"] + 1}),
    (CONFIG, IMAGES | {"biases": IMAGES["biases"] + 1}),
], ids=["configuration", "images", "cells", "weights", "biases"])
def test_every_argument_counts(config, arguments, asked):
    emitted_torus(CONFIG, **IMAGES)
    assert emitted_torus(config, **arguments) == "text 2\n"


def test_the_sources_count(asked, monkeypatch):
    emitted_torus(CONFIG)
    monkeypatch.setattr(sim.model.emitted, "_emitter", lambda: ("another state of hw",))
    assert emitted_torus(CONFIG) == "text 2\n"
