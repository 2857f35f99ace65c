"""Compiled forms of layers in tests: built once, and used or not whatever the environment says."""

import contextlib

from golden.operators import library, switch

__all__ = ["compiled_layers", "counted"]


@contextlib.contextmanager
def compiled_layers(operators=None, *, used=True):
    """Let layers use compiled forms (those for this processor), or let them use none."""
    if used and operators is None:
        operators = library.operators()
    with switch.chosen(operators if used else None):
        yield


@contextlib.contextmanager
def counted():
    """Let layers use compiled forms, and yield a list of the names of what they call."""
    calls = []

    def counting(name, function):
        def call(*given):
            calls.append(name)
            return function(*given)

        return call

    with compiled_layers():
        found = switch.current()
        counting_all = type(found)(
            *(counting(name, one) for name, one in zip(found._fields, found, strict=True))
        )
        with compiled_layers(counting_all):
            yield calls
