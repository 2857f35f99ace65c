"""Fixtures of the tests of FPGA flows."""

import pytest

from tests.support.board_builds import build_flow


@pytest.fixture
def flow(monkeypatch):
    """A flow without tools: what it reaches, and what it is asked, is up to the test."""
    return build_flow(monkeypatch)
