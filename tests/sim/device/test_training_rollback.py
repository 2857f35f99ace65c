"""Bits flip while `train_fixed` trains on the RTL: the training goes back, and ends bit-equal.

Flips are in the memories and generators of PEs, at random moments, and one is in a word that is
used in every step, so that no flip passes unseen by chance.
"""

import re
from random import Random

import pytest

from golden import ClosShape
from golden.data.source import Source
from sim.device import SimDevice
from sim.device.memories import ACCESSIBLE, TrainingMemories
from sw_driver.errors import FaultError
from sw_driver.train.fixed_file import train_fixed
from tests.support.command_line import fail
from tests.support.own_data import numbers, write_csv

pytestmark = pytest.mark.usefixtures("toolchain")

SHAPES = [ClosShape(3, 4, 1, 2, 2), ClosShape(4, 2, 2, 2, 1)]
OPTIONS = {"epochs": 2, "batch_size": 2, "momentum": 2, "learning_rate": 0.05}
PLACES = [("mac.weight_memory", "words", "the weight memory"),
          ("mac.velocity_memory", "words", "a memory of accumulated gradients"),
          ("mac", "bias_memory", "the bias memory"),
          ("mac.weight_update", "lfsr", "the random generator")]


class Flipping(SimDevice):
    """Flips a bit of word 0 of a place of a PE, before or within the runs of these numbers."""

    def __init__(self, runs):
        super().__init__(accessible=ACCESSIBLE)
        self.runs, self.count, self.flipped, self.random = runs, 0, [], Random(1)

    def train_words(self, x, gradient_of):
        place = self.runs.get(self.count)
        self.count += 1
        within = self.count % 2

        def flip():
            block, name, said = PLACES[place]
            memories = TrainingMemories(self.compiled.config, self.model)
            variable = memories.variable((0, self.random.randrange(2)), block, name)
            variable.flip(0, self.random.randrange(variable.word_bits))
            self.flipped.append(said)

        def gradients(sample, outputs):
            if place is not None and within and sample == 0:
                flip()
            return gradient_of(sample, outputs)

        if place is not None and not within:
            flip()
        return super().train_words(x, gradients)


def trained(folder, device, **options):
    x, labels = numbers(32)
    data = Source(str(write_csv(folder / "own.csv", x, labels)), label="kind",
                  test_fraction=0.25, standardise=True)
    said = []
    with device:
        found = train_fixed(folder / "model.pt", data, SHAPES, device, torus="1x2",
                            options=OPTIONS, save_every=3, note=said.append, **options)
    return found, said


@pytest.mark.slow
def test_a_training_with_faults_ends_as_one_without(tmp_path):
    right, said = trained(tmp_path, SimDevice())
    assert not said
    device = Flipping({1: 0, 6: 1, 9: 2, 13: 3, 20: 0})
    found, said = trained(tmp_path, device, checks=1)
    assert len(device.flipped) == 5 == len(said)
    for line, place in zip(said, device.flipped, strict=True):
        assert re.fullmatch(rf"parity of {place} of PE \(0, [01]\) failed.*: the training goes on "
                            r"from sample \d+ of epoch [12]", line), line
    assert found.state == right.state
    assert found.samples == right.samples
    assert found.prepared.position == right.prepared.position


@pytest.mark.slow
def test_a_torus_that_fails_again_and_again_ends_it(tmp_path):
    device = Flipping(dict.fromkeys(range(3, 100), 3))
    with pytest.raises(FaultError, match=r"the random generator of PE \(0, [01]\) failed, fault 3 "
                       "in a row since sample 6 of epoch 1: this is no single flipped bit") as end:
        trained(tmp_path, device, checks=1)
    assert end.value.exit_status == 1 and len(device.flipped) == 3


@pytest.mark.parametrize("device", ["torch", "golden", "serial"])
def test_checks_are_for_a_simulated_torus(device, tmp_path):
    fail(2, f"checks needs --device sim, not {device}, which goes back to no state",
         "train", "--device", device, "--checks", 1, "-o", tmp_path / "model.pt")
