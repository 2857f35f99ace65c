"""Samples a second over the links of a board: one of them measured, and what it is bound by."""

import pytest

from sim.measure.link_rates import LINKS, NETS, measure

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("toolchain")]


def test_names():
    assert [link.name for link in LINKS][:2] == ["UART, 1 Mbaud", "UART, 1 Mbaud, packed"]
    assert {link.config.input_bits for link in LINKS} == {0, 8} and len(LINKS) == 10
    assert set(NETS) == {"digits", "784-16-10"}


def test_digits_over_a_fifo():
    rate = measure(LINKS[-1], "digits")
    assert rate.cycles < 1.3 * rate.torus_cycles and 64 < rate.sent_bytes < 80
