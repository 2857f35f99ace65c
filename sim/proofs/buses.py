"""`AxiLiteSlave`: every request is answered once, in order, with what the register file says."""

from types import SimpleNamespace
from typing import Any

from amaranth import *

from .inside import Inside
from .rtl import Rtl
from .spec import Spec, any_value
from .streams import check_holds, drive, take

__all__ = ["axi_lite_spec"]

_OKAY, _SLVERR = 0, 2
_HELD_CYCLES = 1  # From a whole request to its response, beside those that wait for the master.


def axi_lite_spec(rtl: Rtl) -> Spec:
    """A slave between any master that keeps to the rules and any register file.

    Of each channel, the spec counts what was taken and not yet done, and keeps what came last: a
    slave that took a second request before the first was done would do one of them with the other's
    address. What the register file said at the moment of an access is what the response must say.
    """
    spec = Spec()
    m = spec.m
    slave = rtl.module("bus.axi_lite").AxiLiteSlave()
    m.submodules.slave = slave
    bus, registers = slave.bus, slave.registers
    for name in ("readable", "writable"):
        m.d.comb += getattr(registers, name).eq(any_value(m, name, 1))
    m.d.comb += registers.read_data.eq(any_value(m, "register", 32))

    address = _request(spec, "aw", bus.awaddr, bus.awvalid, bus.awready, registers.write)
    data = _request(spec, "w", Cat(bus.wdata, bus.wstrb), bus.wvalid, bus.wready, registers.write)
    query = _request(spec, "ar", bus.araddr, bus.arvalid, bus.arready, registers.read)
    answers = {
        "b": _response(spec, "b", Value.cast(bus.bresp), bus.bvalid, bus.bready, registers.write,
                       Mux(registers.writable, _OKAY, _SLVERR), address.waits & data.waits),
        "r": _response(spec, "r", Cat(bus.rdata, bus.rresp), bus.rvalid, bus.rready, registers.read,
                       Cat(registers.read_data, Mux(registers.readable, Const(_OKAY, 2), _SLVERR)),
                       query.waits),
    }

    spec.check("a write without its address", ~registers.write | address.waits)
    spec.check("a write without its data", ~registers.write | data.waits)
    spec.check("a write to another register",
               ~registers.write | (registers.write_place == address.last[2:]))
    spec.check("a write of other data", ~registers.write | (
        Cat(registers.write_data, registers.write_bytes) == data.last))
    spec.check("a read without its address", ~registers.read | query.waits)
    spec.check("a read of another register",
               ~registers.read | (registers.read_place == query.last[2:]))

    done = {name: Signal(2, name=f"{name}_done") for name in answers}
    for name, answer in answers.items():
        with m.If(answer.taken & ~done[name].all()):
            m.d.sync += done[name].eq(done[name] + 1)
    spec.goal = (done["b"] == 2) & (done["r"] == 2)

    spec.look_inside(lambda: _lemmas(spec, slave, address, data, query))
    return spec


def _request(spec: Spec, name: str, payload: Value, valid: Any, ready: Any, done: Value) -> Any:
    """A channel to the slave: whether a request of it waits to be done, and the latest one."""
    m = spec.m
    taken = drive(spec, name, SimpleNamespace(payload=payload, valid=valid, ready=ready))
    waits = Signal(name=f"{name}_is_owed")
    last = Signal(len(payload), name=f"{name}_latest")
    m.d.sync += waits.eq(taken | (waits & ~done))
    with m.If(taken):
        m.d.sync += last.eq(payload)
    spec.check(f"{name}: one is taken before the one before is done", ~(taken & waits & ~done))
    return SimpleNamespace(waits=waits, last=last)


def _response(spec: Spec, name: str, payload: Value, valid: Any, ready: Any, done: Value,
              says: Value, owed: Value) -> Any:
    """A channel from the slave: one response for each access that was done, and what it says."""
    m = spec.m
    port = SimpleNamespace(payload=payload, valid=valid, ready=ready)
    taken = take(spec, name, port)
    check_holds(spec, name, port)
    waits = Signal(name=f"{name}_is_due")
    said = Signal(len(payload), name=f"{name}_says")
    m.d.sync += waits.eq(done | (waits & ~taken))
    with m.If(done):
        m.d.sync += said.eq(says)
    spec.check(f"{name}: a response that nothing asked for, or none", valid == waits)
    spec.check(f"{name}: a second access before the first is answered", ~(done & waits & ~taken))
    spec.check(f"{name}: another response", ~valid | (payload == said))
    idle = spec.check_soon(f"{name}: a request is not done", owed & ~valid, _HELD_CYCLES)
    spec.lemma(f"{name}: a request is still not done", (idle.cycles == 0) | ~idle.owed)
    return SimpleNamespace(taken=taken)


def _lemmas(spec: Spec, slave: Any, address: Any, data: Any, query: Any) -> None:
    """What the slave's registers hold."""
    registers, ports = Inside(slave), slave.registers
    for name, request, held in (("address_held", address, ports.write_place),
                                ("data_held", data, Cat(ports.write_data, ports.write_bytes)),
                                ("asked", query, ports.read_place)):
        spec.lemma(f"{name} is another than what is owed", registers[name] == request.waits)
        kept = request.last if name == "data_held" else request.last[2:]
        spec.lemma(f"{name}: another is held", ~request.waits | (held == kept))
