"""Many runs at once are, word for word, the runs of `FixedTrainingNet`."""

import pytest
import torch

from golden import ClosNet, ClosShape, FixedTrainingNet, TrainingWidths, softmax_cross_entropy
from golden.fixed.format import CLEAR, KEEP
from golden.fixed.state import initial_state
from golden.studies.population import Population
from golden.training.ranges import profile_ranges
from golden.training.scales import Headroom, format_for

SHAPES = (ClosShape(9, 8, 3, 2, 2), ClosShape(8, 4, 2, 3, 2))


class Nearest(FixedTrainingNet):
    def rounding(self, random_words, shift):
        return torch.full_like(random_words, (1 << shift) >> 1)


@pytest.mark.parametrize("batch", [1, 3])
def test_runs_equal_single_nets(batch):
    generator = torch.Generator().manual_seed(batch)
    model = ClosNet(SHAPES, generator=generator)
    x = torch.rand(30, 9, generator=generator)
    labels = torch.randint(4, (30,), generator=generator)
    ranges = profile_ranges(model, x, labels, softmax_cross_entropy, 0.1, batch_size=batch)
    velocity = 0 if batch == 1 else 24
    forms = [
        format_for(
            model, ranges, widths=TrainingWidths(*widths, velocity_bits=velocity), headroom=headroom
        )
        for widths, headroom in (
            ((16, 16, 24, 16), Headroom()),
            ((8, 9, 16, 18), Headroom(activations=1, gradients=-2)),
            ((18, 12, 12, 10), Headroom(activations=0, weights=0)),
        )
    ]
    states = [initial_state(model, form, seed=5) for form in forms]
    runs = Population(forms, states, ["lfsr", "lfsr", "nearest"])
    nets = [
        kind(form, state.clone())
        for kind, form, state in zip(
            (FixedTrainingNet, FixedTrainingNet, Nearest), forms, states, strict=True
        )
    ]
    decay = CLEAR if batch == 1 else 2
    for start in range(0, 30, batch):
        words = [net.operands().quantise_input(x[start : start + batch]) for net in nets]
        for net, inputs in zip(nets, words, strict=True):
            results = net.forward(inputs)
            loss = softmax_cross_entropy(net.outputs(results), labels[start : start + batch])
            gradients = net.quantise_gradient(loss.gradient * 0.1)
            net.backward_batch(inputs, results, gradients, decay=decay)
        for sample in range(batch):
            runs.step(
                torch.stack([inputs[sample] for inputs in words]),
                int(labels[start + sample]),
                0.1 / batch,
                decay=decay if sample == 0 else KEEP,
                apply=sample == batch - 1,
            )
        for run, net in enumerate(nets):
            ours = runs.state(run)
            if velocity == 0:  # `Population` keeps what nothing reads.
                names = [name for name in ours.differences(net.state) if "velocity" not in name]
                assert names == []
            else:
                assert ours.differences(net.state) == []
    assert len({int(net.state.layers[0].masters[0].sum()) for net in nets}) == 3
