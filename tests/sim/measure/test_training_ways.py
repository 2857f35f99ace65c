"""`python -m sim.measure.training_ways`: the table has what the devices train to; bad input."""

import re

import pytest

from golden import ClosShape
from golden.data.source import Source
from sim.measure import training_ways
from sw_driver.device.golden import GoldenDevice
from sw_driver.errors import DriverError
from sw_driver.train.loop import TrainingLoop
from sw_driver.train.prepared import prepare
from sw_driver.train.recipe import Recipe

SAMPLES = 120


def trained(**options):
    recipe = Recipe(epochs=1, **options)
    shapes = [ClosShape(*layer) for layer in training_ways.LAYERS["digits"]]
    prepared = prepare(Source("digits"), shapes, "1x1", recipe, samples=SAMPLES)
    with GoldenDevice() as device:
        device.load(prepared.compiled, prepared.state)
        return list(TrainingLoop(device, recipe, prepared.split).run())[-1].test_accuracy


def test_the_table_has_a_row_for_every_way(monkeypatch, capsys):
    monkeypatch.setattr(training_ways, "WAYS", (("squared-error", 0.0625),))
    monkeypatch.setitem(training_ways.LAYERS, "digits", ((64, 16, 8, 2, 4), (16, 10, 4, 2, 2)))
    training_ways.main(["--seeds", "1", "--epochs", "1", "--torus", "1x1", "--workers", "1",
                        "--samples", str(SAMPLES)])
    _, _, *rows = capsys.readouterr().out.splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [row[:3] for row in cells] == [
        ["squared-error", "0.0625", "no"], ["squared-error", "0.0625", "by one"]]
    found = trained(loss="squared-error", learning_rate=0.0625, stale=True)
    assert cells[1][3:] == [f"{100 * found:.1f}", f"{100 * found:.2f} %"]


@pytest.mark.parametrize("arguments, message", [
    (["--data", "cifar"], "data must be digits or mnist10k, not 'cifar'"),
    (["--seeds", "0"], "seeds must be at least 1, not 0"),
    (["--samples", "0"], "samples must be at least 1, not 0"),
    (["--epochs", "0", "--workers", "1"], "epochs must be at least 1, not 0"),
    (["--torus", "x", "--workers", "1"], "torus must be ROWSxCOLUMNS"),
])
def test_bad_input(arguments, message):
    with pytest.raises(DriverError, match=re.escape(message)):
        training_ways.main(arguments)
