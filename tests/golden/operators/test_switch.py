"""Layers use compiled forms where a user asks for it, and only there."""

import pytest
import torch

from golden import ClosLinear
from golden.errors import CompiledMissing, GoldenError
from golden.operators import library, switch
from golden.operators.switch import use_compiled, uses_compiled


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Each test begins as a process does."""
    monkeypatch.setattr(switch._State, "asked", False)
    monkeypatch.setattr(switch._State, "operators", None)
    monkeypatch.delenv("CLOSTORUS_COMPILED", raising=False)
    library.operators.cache_clear()
    yield
    library.operators.cache_clear()


def test_nothing_is_built_unless_a_user_asks(monkeypatch):
    monkeypatch.setattr(library, "built", lambda _: pytest.fail("it was built"))
    layer = ClosLinear(12, 20, (3, 4, 5))
    assert "golden" in type(layer(torch.randn(1, 12))).__module__ or not uses_compiled()
    assert not use_compiled(False)


def test_it_is_switched_on_and_off():
    assert use_compiled() and uses_compiled()
    assert not use_compiled(False) and not uses_compiled()


@pytest.mark.parametrize("value, used", [("1", True), ("0", False), ("", False)])
def test_the_environment_decides_before_anybody_asks(monkeypatch, value, used):
    monkeypatch.setenv("CLOSTORUS_COMPILED", value)
    assert uses_compiled() is used
    assert use_compiled() is (value != "0")


def test_an_environment_that_says_neither_is_refused(monkeypatch):
    monkeypatch.setenv("CLOSTORUS_COMPILED", "yes")
    with pytest.raises(GoldenError, match="^CLOSTORUS_COMPILED must be 1, 0 or not set, not yes$"):
        uses_compiled()


def test_without_a_compiler_layers_go_on_and_who_asks_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CLOSTORUS_COMPILED", "1")
    layer = ClosLinear(12, 20, (3, 4, 5))
    assert layer(torch.randn(2, 12)).shape == (2, 20) and not uses_compiled()
    with pytest.raises(CompiledMissing, match=r"^g\+\+ is not on PATH"):
        use_compiled()
    assert not uses_compiled()
