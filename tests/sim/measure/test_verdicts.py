"""Verdicts follow their aims, and are counted."""

import pytest

from sim.measure.verdicts import Verdicts


@pytest.mark.parametrize("value, aim, least, most", [
    (0.9, 1.0, "**missed**", "met"), (1.0, 1.0, "met", "met"), (1.1, 1.0, "met", "**missed**"),
    (5.0, None, "-", "-")])
def test_a_verdict_is_of_a_value_and_its_aim(value, aim, least, most):
    assert Verdicts().at_least(value, aim) == least
    assert Verdicts().at_most(value, aim) == most


def test_verdicts_are_counted():
    verdicts = Verdicts()
    assert str(verdicts) == ""
    for value in (0.5, 1.0, 2.0):
        verdicts.at_least(value, 1.0)
        verdicts.at_least(value, None)
    verdicts.at_most(3.0, 2.0)
    assert str(verdicts) == "Of 4 aims, 2 are met and 2 missed."
