"""What runs when: `make test` takes some values of a knob, `make test-slow` the others."""

import pytest

__all__ = ["mostly_slow"]


def mostly_slow(values, quick):
    """Values of `parametrize`: those whose index `quick` holds run in `make test`."""
    params = [value if hasattr(value, "marks") else pytest.param(value) for value in values]
    return [param if index in quick else
            pytest.param(*param.values, id=param.id, marks=[*param.marks, pytest.mark.slow])
            for index, param in enumerate(params)]
