"""Players on a stream and the rule that they check; see the stream rules of Amaranth."""

from typing import Any

from amaranth import *

from .spec import Spec, any_value

__all__ = ["check_holds", "drive", "take"]


def drive(spec: Spec, name: str, port: Any) -> Signal:
    """Offer any payloads at any time on `port`, each until it is taken.

    Returns
    -------
    Signal
        High on the cycles on which a payload is transferred.
    """
    m = spec.m
    waits = Signal(name=f"{name}_waits")
    held = Signal.like(Value.cast(port.payload), name=f"{name}_held")
    transfer = Signal(name=f"{name}_transfer")
    m.d.comb += [
        port.valid.eq(waits | any_value(m, f"{name}_offers", 1)),
        port.payload.eq(Mux(waits, held, any_value(m, f"{name}_any", held.shape()))),
        transfer.eq(port.valid & port.ready),
    ]
    m.d.sync += [
        waits.eq(port.valid & ~port.ready),
        held.eq(Value.cast(port.payload)),
    ]
    return transfer


def take(spec: Spec, name: str, port: Any) -> Signal:
    """Take payloads from `port` at any time; return a signal that is high on transfers."""
    m = spec.m
    transfer = Signal(name=f"{name}_transfer")
    m.d.comb += [
        port.ready.eq(any_value(m, f"{name}_takes", 1)),
        transfer.eq(port.valid & port.ready),
    ]
    return transfer


def check_holds(spec: Spec, name: str, port: Any) -> None:
    """Check that `port` holds `valid` and `payload` until the transfer."""
    m = spec.m
    waits = Signal(name=f"{name}_waited")
    before = Signal.like(Value.cast(port.payload), name=f"{name}_before")
    m.d.sync += [
        waits.eq(port.valid & ~port.ready),
        before.eq(Value.cast(port.payload)),
    ]
    spec.check(f"{name}: valid falls before the transfer", ~waits | port.valid)
    spec.check(f"{name}: payload changes before the transfer",
               ~waits | (Value.cast(port.payload) == before))
