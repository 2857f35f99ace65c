"""The cycle model against the RTL, and what the best order of ops gains there."""

import pytest

from golden import ClosShape
from golden.vectors import random_net
from hw.config import TorusConfig
from sim.device import SimDevice
from sw_driver.compiler import compile

DIGITS = ("64,64,8,8,8", "64,10,8,8,5")
CONFIG = TorusConfig(rows=4, cols=4)

# The model is within this part of what is measured. It is farthest off where fetching ops is what
# takes longest, since it does not follow the fetch unit cycle by cycle.
TOLERANCE = 0.1


def measured_and_predicted(texts, order):
    net = random_net([ClosShape.parse(text) for text in texts], seed=1)
    compiled = compile(net, CONFIG, order=order)
    with SimDevice() as device:
        device.load(compiled)
        return device.steady_cycles(), compiled.prediction


@pytest.mark.usefixtures("toolchain")
@pytest.mark.parametrize("order", ["program", "best"])
@pytest.mark.parametrize("texts", [
    DIGITS,
    ("64,64,8,8,8",),
    ("40,40,8,4,8", "40,40,5,4,5"),  # With a move.
    ("4,4,2,2,2",),                  # Bound by the fetching of ops.
    ("90,60,9,10,6",),               # Padding in every stage.
], ids=str)
def test_cycles_a_sample(texts, order):
    measured, prediction = measured_and_predicted(texts, order)
    assert measured == pytest.approx(prediction.cycles, rel=TOLERANCE)
    # The two runs that are compared fill and drain alike only to within some cycles.
    assert measured > 0.99 * prediction.bounds["MAC"]


@pytest.mark.usefixtures("toolchain")
def test_the_best_order_keeps_the_macs_of_the_digits_net_busy():
    measured, prediction = measured_and_predicted(DIGITS, "best")
    assert prediction.bounds["MAC"] / measured > 0.97
    plain, _ = measured_and_predicted(DIGITS, "program")
    assert measured < 0.75 * plain
