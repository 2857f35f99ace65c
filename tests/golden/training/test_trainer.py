"""Training: the accuracy of record, repeatability and going on after a stop."""

import copy

import pytest
import torch
from torch import nn

from golden import (
    DIGITS_SHAPES,
    ChainNet,
    CheckpointError,
    ClosLinear,
    ClosNet,
    ClosShape,
    ModelError,
    Trainer,
    accuracy,
    load_checkpoint,
    save_model,
)
from golden.data.datasets import load_digits_split
from golden.models.activation import NONE, Activation
from golden.training.trainer import DEFAULT_EPOCHS
from tests.support.golden_models import trained_digits_model


@pytest.fixture(scope="module")
def split():
    return load_digits_split()


def make_net(seed=0):
    return ClosNet(DIGITS_SHAPES, generator=torch.Generator().manual_seed(seed))


def test_default_net_learns_the_digits(split):
    _, stats = trained_digits_model()
    assert [entry.epoch for entry in stats] == list(range(1, DEFAULT_EPOCHS + 1))
    assert stats[-1].loss < 0.05 < stats[0].loss
    assert stats[-1].train_accuracy > 0.99
    assert stats[-1].test_accuracy >= 0.95


def test_training_repeats_exactly(split):
    runs = []
    for _ in range(2):
        net = make_net()
        stats = list(Trainer(net, split, seed=1).run(2))
        runs.append((stats, net.state_dict()))
    assert runs[0][0] == runs[1][0]
    assert all(runs[0][1][name].equal(runs[1][1][name]) for name in runs[0][1])


def test_order_of_samples_follows_the_seed(split):
    losses = {next(Trainer(make_net(), split, seed=seed).run(1)).loss for seed in (1, 2)}
    assert len(losses) == 2


def test_going_on_from_a_file_equals_not_stopping(split, tmp_path):
    whole = make_net()
    whole_stats = list(Trainer(whole, split, seed=3).run(3))

    first = make_net()
    trainer = Trainer(first, split, seed=3)
    list(trainer.run(1))
    save_model(tmp_path / "model.pt", first, trainer.state_dict())
    checkpoint = load_checkpoint(tmp_path / "model.pt")
    second = Trainer(checkpoint.model, split, seed=99)
    second.load_state_dict(checkpoint.training)
    assert list(second.run(3)) == whole_stats[1:]
    for name, tensor in checkpoint.model.state_dict().items():
        assert tensor.equal(whole.state_dict()[name])
    assert list(second.run(3)) == []


def test_chains_with_dense_layers_learn_and_go_on(split, tmp_path):
    def chain():
        torch.manual_seed(4)
        return ChainNet([ClosLinear(64, 32, (8, 4, 4)), nn.Linear(32, 10, bias=False)],
                        [Activation(leak_shift=3, high=2.0), NONE])

    whole, parts = chain(), chain()
    stats = list(Trainer(whole, split).run(4))
    assert stats[-1].test_accuracy > 0.85 > stats[0].test_accuracy
    trainer = Trainer(parts, split)
    list(trainer.run(2))
    save_model(tmp_path / "model.pt", parts, trainer.state_dict())
    saved = load_checkpoint(tmp_path / "model.pt")
    second = Trainer(saved.model, split)
    second.load_state_dict(saved.training)
    assert list(second.run(4)) == stats[2:]
    for wrong, message in ((nn.Linear(32, 10), "the first layer .32, 10. must have 64 inputs"),
                           (nn.Linear(64, 9), "the last layer .64, 9. must have at least 10 out")):
        with pytest.raises(ModelError, match=message):
            Trainer(ChainNet([wrong], [NONE]), split)


@pytest.mark.parametrize(
    "damage",
    [
        lambda state: state.pop("order"),
        lambda state: state.update(epoch=None),
        lambda state: state.update(epoch=True),
        lambda state: state.update(epoch=-1),
        lambda state: state.update(optimiser=3),
        lambda state: state.update(optimiser={"state": {}, "param_groups": []}),
        lambda state: state["optimiser"]["param_groups"][0].pop("betas"),
        lambda state: state["optimiser"]["param_groups"][0].update(lr=float("nan")),
        lambda state: state["optimiser"]["param_groups"][0].update(lr="fast"),
        lambda state: state["optimiser"]["param_groups"][0].update(amsgrad=torch.empty(0)),
        lambda state: state["optimiser"].update(state=[]),
        lambda state: state["optimiser"]["state"].pop(1),
        lambda state: state["optimiser"]["state"].update({1: {}}),
        lambda state: state["optimiser"]["state"].update({1: torch.zeros(3)}),
        lambda state: state["optimiser"]["state"][1].update(exp_avg=1),
        lambda state: state["optimiser"]["state"][1].update(exp_avg=torch.zeros(3)),
        lambda state: state["optimiser"]["state"][1]["exp_avg_sq"].fill_(float("nan")),
        lambda state: state["optimiser"]["state"][1].update(step=torch.zeros((), dtype=torch.int8)),
    ],
)
def test_foreign_training_state_is_refused(split, damage):
    """All of it before the next step, which would stumble over it."""
    trainer = Trainer(make_net(), split)
    list(trainer.run(1))
    state = copy.deepcopy(trainer.state_dict())
    damage(state)
    with pytest.raises(CheckpointError, match="must be one of a trainer of this model"):
        trainer.load_state_dict(state)


def test_nets_that_do_not_fit_the_data_are_refused(split):
    with pytest.raises(ModelError, match="must have 64 inputs, the features of digits, not 32"):
        Trainer(ClosNet([ClosShape(32, 10, 4, 4, 5)]), split)
    with pytest.raises(ModelError, match="at least 10 outputs, the classes of digits, not 9"):
        Trainer(ClosNet([ClosShape(64, 9, 4, 4, 3)]), split)


def test_accuracy_counts_the_largest_score():
    scores = torch.tensor([[1.0, 2.0], [3.0, 0.0], [0.0, 1.0], [5.0, 4.0]])
    assert accuracy(scores, torch.tensor([1, 0, 0, 0])) == 0.75
