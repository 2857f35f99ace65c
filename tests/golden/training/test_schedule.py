"""Orders of samples and learning rates, which a training that goes on must find again."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from golden.training.schedule import epoch_order, falling_rate


def test_the_rate_falls_to_a_step_above_zero():
    assert [falling_rate(0.5, epoch, 5) for epoch in range(5)] == [0.5, 0.4, 0.3, 0.2, 0.1]


@given(st.integers(1, 60), st.integers(1, 70), st.integers(0, 2**63), st.integers(0, 900))
def test_an_order_is_whole_batches_of_different_samples(samples, batch_size, seed, epoch):
    order = epoch_order(samples, batch_size, seed, epoch)
    assert len(order) == samples // batch_size * batch_size
    assert len(set(order.tolist())) == len(order)
    assert order.dtype == torch.int64
    assert set(order.tolist()) <= set(range(samples))
    assert torch.equal(order, epoch_order(samples, batch_size, seed, epoch))


def test_epochs_and_seeds_have_orders_of_their_own():
    orders = {tuple(epoch_order(20, 3, seed, epoch).tolist())
              for seed in range(5) for epoch in range(5)}
    assert len(orders) == 25
