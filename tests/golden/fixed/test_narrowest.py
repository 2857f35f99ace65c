"""The narrowest words within a loss, against every width reckoned in NumPy."""

import numpy as np
import pytest
import torch
from torch import nn

from golden import ClosNet, ClosShape, ModelError, ShapeError, quantise
from golden.fixed.narrowest import narrowest_words
from tests.support.knobs import mostly_slow

WIDTHS = range(4, 19)


def make_net(seed, outputs=6):
    torch.manual_seed(seed)
    return ClosNet([ClosShape(9, 8, 2, 3, 2), ClosShape(8, outputs, 2, 2, min(outputs, 2))])


def outputs_of(model, x, **options):
    """The outputs in float, and those of words of every width."""
    real = model.double()(torch.as_tensor(x).double()).detach().numpy()
    words = {bits: quantise(model, x, act_bits=bits, weight_bits=bits, **options).infer(
        torch.as_tensor(x).double()).numpy() for bits in WIDTHS}  # fmt: skip
    return real, words


@pytest.mark.parametrize("seed", mostly_slow(range(4), (0,)))
@pytest.mark.parametrize("loss", [0.0, 0.01, 0.1, 0.6])
@pytest.mark.parametrize("labelled", [False, True])
def test_it_is_the_first_width_that_is_enough(seed, loss, labelled):
    model, x = make_net(seed), np.random.default_rng(seed).random((200, 9)) - 0.5
    real, words = outputs_of(model, x)
    labels = np.random.default_rng(seed).integers(0, 6, 200)
    labels[:150] = real.argmax(1)[:150]
    lost = {
        bits: (real.argmax(1) == labels).sum() - (found.argmax(1) == labels).sum()
        if labelled else (found.argmax(1) != real.argmax(1)).sum()
        for bits, found in words.items()
    }  # fmt: skip
    wanted = [bits for bits in WIDTHS if lost[bits] <= round(200 * loss)]
    if not wanted:
        with pytest.raises(ModelError, match="loss must be at least .* words of 18 bits lose on"):
            narrowest_words(model, x, loss=loss, labels=labels if labelled else None)
        return
    bits, tried = narrowest_words(model, x, loss=loss, labels=labels if labelled else None)
    assert bits == wanted[0]
    assert [one.bits for one in tried] == list(range(4, bits + 1))
    assert [one.enough for one in tried] == [False] * (bits - 4) + [True]
    for one in tried:
        assert one.loss == pytest.approx(lost[one.bits] / 200)
        assert (one.error.accuracy is None) == (not labelled)


def test_a_single_output_is_off_by_a_part_of_its_range():
    model, x = make_net(1, outputs=1), np.random.default_rng(1).random((100, 9)) - 0.5
    real, words = outputs_of(model, x)
    off = {bits: np.abs(found - real).mean() / np.ptp(real) for bits, found in words.items()}
    wanted = next(bits for bits in WIDTHS if off[bits] <= 0.005)
    bits, tried = narrowest_words(model, x, loss=0.005, labels=np.zeros(100))
    assert bits == wanted > 4
    assert [one.loss for one in tried] == pytest.approx([off[one.bits] for one in tried])


def test_an_output_that_never_changes_loses_nothing_or_all():
    model = nn.Linear(2, 1)
    with torch.no_grad():
        model.weight.zero_()
        model.bias.fill_(0.5)
    assert narrowest_words(model, [[1.0, 2.0], [0.5, 0.0]], loss=0)[0] == 4
    with torch.no_grad():
        model.bias.fill_(1 / 3)
    with pytest.raises(ModelError, match="loss must be at least 1,"):
        narrowest_words(model, [[1.0, 2.0], [0.5, 0.0]])


def test_sums_of_dense_layers_are_cut():
    torch.manual_seed(0)
    model, x = nn.Linear(40, 5), np.random.default_rng(0).random((300, 40)) - 0.5
    cuts = [[0, 10, 20, 30]]
    _, tried = narrowest_words(model, x, loss=0.02, dense_cuts=cuts)
    real, words = outputs_of(model, x, dense_cuts=cuts)
    for one in tried:
        same = (words[one.bits].argmax(1) == real.argmax(1)).mean()
        assert one.error.agreement == pytest.approx(same)


@pytest.mark.parametrize("loss", [-0.01, 1, 1.5, float("nan"), float("inf")])
def test_a_loss_that_is_none_is_refused(loss):
    with pytest.raises(ModelError, match="loss must be at least 0 and below 1, not"):
        narrowest_words(make_net(0), torch.rand(5, 9), loss=loss)


def test_what_is_no_number_is_refused():
    with pytest.raises(ModelError, match="loss must be a number, not 'little'"):
        narrowest_words(make_net(0), torch.rand(5, 9), loss="little")  # pyright: ignore


@pytest.mark.parametrize(
    "labels", [[0, 1, 2, 3], [0, 1, 2, 3, 6], [0, 1, 2, 3, -1], [0, 1, 2, 3, 0.5], [[0]] * 5]
)
def test_labels_that_do_not_fit_are_refused(labels):
    with pytest.raises(ShapeError, match=r"labels must be whole numbers from 0 to 5, .* \[5\]"):
        narrowest_words(make_net(0), torch.rand(5, 9), labels=labels)
