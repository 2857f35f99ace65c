"""Players on a stream and the rule that they check; see the stream rules of Amaranth."""

from dataclasses import dataclass
from typing import Any

from amaranth import *

from .spec import Spec, Wait, any_value

__all__ = ["Restful", "check_holds", "drive", "drive_soon", "take", "take_soon"]


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


@dataclass(frozen=True)
class Restful:
    """A player on a stream that rests for some cycles at most.

    Attributes
    ----------
    transfer
        A payload is transferred.
    shows
        One is offered that was not offered before.
    wait
        The rest.
    """

    transfer: Signal
    shows: Value
    wait: Wait


def drive_soon(spec: Spec, name: str, port: Any, rest_cycles: int) -> Restful:
    """Offer any payloads on `port`, each until it is taken, after some cycles at most."""
    m = spec.m
    waits = Signal(name=f"{name}_waits")
    held = Signal.like(Value.cast(port.payload), name=f"{name}_held")
    transfer = Signal(name=f"{name}_transfer")
    rest = spec.soon(f"{name}: offers", ~waits, rest_cycles)
    assert rest.wait is not None
    m.d.comb += [
        port.valid.eq(waits | rest.over),
        port.payload.eq(Mux(waits, held, any_value(m, f"{name}_any", held.shape()))),
        transfer.eq(port.valid & port.ready),
    ]
    m.d.sync += [waits.eq(port.valid & ~port.ready), held.eq(Value.cast(port.payload))]
    return Restful(transfer, port.valid & ~waits, rest.wait)


def take_soon(spec: Spec, name: str, port: Any, rest_cycles: int) -> Restful:
    """Take each payload of `port` after some cycles at most."""
    m = spec.m
    waits, transfer = Signal(name=f"{name}_waits"), Signal(name=f"{name}_transfer")
    rest = spec.soon(f"{name}: takes", port.valid, rest_cycles)
    assert rest.wait is not None
    m.d.comb += [port.ready.eq(rest.over), transfer.eq(port.valid & port.ready)]
    m.d.sync += waits.eq(port.valid & ~port.ready)
    return Restful(transfer, port.valid & ~waits, rest.wait)
