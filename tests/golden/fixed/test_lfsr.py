"""The LFSR: many states at once against single steps, its period, its seeds."""

import hashlib

import pytest
import torch

from golden import ModelError, ShapeError
from golden.fixed.lfsr import advance, seed_state, seed_states, states_after, step


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 63, 64, 65, 1000])
@pytest.mark.parametrize("pes", [1, 3, 64])
def test_many_states_equal_single_steps(steps, pes):
    states = seed_states(steps, 1, pes)
    found = states_after(states, steps)
    assert found.shape == (steps + 1, pes) and found.dtype == torch.int64
    expected = states.tolist()
    for row in found.tolist():
        assert row == expected
        expected = [step(state) for state in expected]
    assert advance(states, steps).equal(found[-1])


def test_first_steps_by_hand():
    assert states_after(torch.tensor([1]), 4)[:, 0].tolist() == [
        1, 0x80200003, 0xC0300002, 0x60180001, 0xB02C0003,
    ]  # fmt: skip


def test_period_is_the_longest():
    """After 2**32 - 1 steps, but after no divisor of it, a state returns."""
    start = torch.tensor([1, 0xDEADBEEF])
    period = 2**32 - 1
    assert advance(start, period).equal(start)
    for prime in (3, 5, 17, 257, 65537):
        assert not advance(start, period // prime).eq(start).any()


def test_seeds_are_of_the_hash():
    def word(text):
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")

    expected = [word(f"7,{row},{col}") for row in range(2) for col in range(3)]
    assert seed_states(7, 2, 3).tolist() == expected
    assert len(set(expected)) == 6 and 0 not in expected


def test_a_seed_is_never_zero(monkeypatch):
    """No seed with a hash of 0 is known, so the hash is replaced."""
    asked = []

    def first_word(text):
        asked.append(text)
        return 5 if text == "1,2,3,2" else 0

    monkeypatch.setattr("golden.fixed.lfsr._first_word", first_word)
    assert seed_state(1, 2, 3) == 5
    assert asked == ["1,2,3", "1,2,3,1", "1,2,3,2"]


def test_bad_states_are_refused():
    with pytest.raises(ShapeError, match=r"must be int64 \[PEs\], not torch.float32 \[2\]"):
        states_after(torch.zeros(2), 1)
    with pytest.raises(ShapeError, match=r"not torch.int64 \[1, 2\]"):
        advance(torch.zeros(1, 2, dtype=torch.int64), 1)
    with pytest.raises(ModelError, match="steps must be a whole number of at least 0, not -1"):
        states_after(torch.tensor([1]), -1)
