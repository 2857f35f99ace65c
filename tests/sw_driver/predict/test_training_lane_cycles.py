"""`python -m sw_driver.predict.training_lane_cycles`: cycles as the model has them; bad input."""

import pytest

from golden import ClosShape
from sw_driver.compiler import compile
from sw_driver.errors import DriverError
from sw_driver.predict import training_lane_cycles
from sw_driver.predict.training_cycles import predict_training_steady
from sw_driver.predict.training_layers import random_layer

SHAPE = (12, 8, 2, 4, 2)


def test_the_table_has_what_is_predicted(monkeypatch, capsys):
    """With two lanes there are half the steps, and fewer cycles in every way to train."""
    monkeypatch.setattr(training_lane_cycles, "LAYER", SHAPE)
    assert training_lane_cycles.main(["--torus", "1x1", "1", "2"]) == 0
    _, _, *rows = capsys.readouterr().out.splitlines()
    table = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    form = random_layer(ClosShape(*SHAPE), batches=True)[1]
    for lanes, row in zip((1, 2), table, strict=True):
        found = predict_training_steady(
            compile(form, "1x1", batches=True, host_bits=256, lanes_out=lanes))
        assert row[:2] == [str(lanes), str(found.steps)]
        assert row[4].startswith(f"{found.cycles:g} ({found.utilisation:.1%})")
    one, two = ([float(cell.split()[0]) for cell in row[1:]] for row in table)
    assert 2 * two[0] == one[0]
    assert all(fast < slow for slow, fast in zip(one, two, strict=True))


@pytest.mark.parametrize("arguments, message", [
    (["3"], "LANES_OUT must be one of 1, 2, 4, 8, not '3'"),
    (["--torus", "x"], "torus must be ROWSxCOLUMNS"),
])
def test_bad_input(arguments, message):
    with pytest.raises(DriverError, match=message):
        training_lane_cycles.main(arguments)
