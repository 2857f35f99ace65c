"""`delayed` and `later`: values that go along from stage to stage of a pipeline without waits."""

from amaranth import *

__all__ = ["delayed", "later"]


def delayed(m, valid, payload, n, name):
    """Return `valid` and a payload in every stage of a pipeline: now, and 1 to n cycles later.

    An item may come in every cycle, and none ever waits. A reset clears the `valid` registers, so
    nothing that was under way comes out after it. It does not clear the payload registers, which
    mean nothing while their `valid` is low.

    Parameters
    ----------
    m : Module
        Where the registers are, in the domain `sync`.
    valid : Value
        Sampled on every cycle.
    payload : Value or data.View
        Sampled with `valid`.
    n : int
        Stages behind the input, at least 0.
    name : str
        The registers are `{name}_valid_{stage}` and `{name}_{stage}`, from stage 1 on.

    Returns
    -------
    list of (Value, Value or data.View)
        (valid, payload) of stages 0 to n, 0 being the input itself.
    """
    return list(zip(later(m, valid, n, f"{name}_valid", reset_less=False),
                    later(m, payload, n, name), strict=True))


def later(m, value, n, name, *, reset_less=True):
    """Return a value in every stage of a pipeline: now, and 1 to n cycles later.

    Parameters
    ----------
    m, value, n, name, reset_less
        As in `delayed`; the registers are `{name}_{stage}`, and a reset clears them unless they
        are `reset_less`.

    Returns
    -------
    list of Value or data.View
        The value in stages 0 to n, each with the shape of `value`.
    """
    stages = [value]
    for stage in range(1, n + 1):
        stages.append(Signal.like(value, name=f"{name}_{stage}", reset_less=reset_less))
        m.d.sync += stages[stage].eq(stages[stage - 1])
    return stages
