"""The whole C++ of a design: every module, the wires, and a clock cycle."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from ..errors import VectorRefused
from .emit import Emitter
from .frame import FRAME, Design
from .netlist import Port
from .operands import word_size
from .schedule import Schedule, schedule
from .variables import table
from .wiring import Wiring

__all__ = ["HEADERS", "program"]

HEADERS = tuple(Path(__file__).with_name(name) for name in ("words.h", "lanes.h"))
_HOST_PORTS = {"rst": True, "host_in_data": True, "host_in_valid": True, "host_out_ready": True,
               "host_in_ready": False, "host_out_data": False, "host_out_valid": False}


def program(design: Design, top: str = "top", accessible: Collection[str] = ()) -> str:
    """Write it; the host's functions of `harness.cpp` come after it.

    Parameters
    ----------
    design
        What is simulated; its watched ports can be read.
    top
        Name of the top module, with which names of scopes begin.
    accessible
        Names of the variables that can be changed, too.

    Raises
    ------
    VectorRefused
        A port of the host is missing, or the modules cannot be computed one after the other.
    """
    emitters = {name: Emitter(netlist, f"unit_{number}", len(design.copies[name]))
                for number, (name, netlist) in enumerate(design.modules.items())}
    _check_host(design.modules[FRAME].inputs, design.modules[FRAME].outputs)
    order = schedule(design, emitters)
    lanes = sorted({emitter.lanes for emitter in emitters.values()})
    return "\n".join([
        '#include "words.h"',
        *(f'namespace lanes_{count} {{\nconstexpr int LANES = {count};\n#include "lanes.h"\n}}'
          for count in lanes),
        *(emitters[name].text(order.outputs[name]) for name in design.modules),
        *_struct(emitters), *_cycle(design, emitters, order), *_host(design, emitters[FRAME]),
        *table(design, emitters, top, accessible)])


def _struct(emitters: Mapping[str, Emitter]) -> Iterator[str]:
    """What a model holds, and its start."""
    yield "struct Simulation {\nint now = 0;  // Of the two states, which is read."
    for emitter in emitters.values():
        unit = emitter.space
        yield (f"{unit}::State s_{unit}[2][{unit}::BLOCKS];\n"
               f"{unit}::Memories m_{unit}[{unit}::BLOCKS];\n"
               f"{unit}::In in_{unit};\n{unit}::Out out_{unit};\n{unit}::Wires w_{unit};")
    yield "};"


def _call(unit: str, function: str, state: str, following: str) -> str:
    return (f"for (int b = 0; b < {unit}::BLOCKS; ++b)\n"
            f"{unit}::{function}(d.s_{unit}[{state}][b], d.s_{unit}[{following}][b], "
            f"d.m_{unit}[b], d.in_{unit}, d.out_{unit}, d.w_{unit}, b);")


def _cycle(design: Design, emitters: Mapping[str, Emitter], order: Schedule) -> Iterator[str]:
    def place(module: str, port: str, is_input: bool) -> str:
        netlist, unit = design.modules[module], emitters[module].space
        ports = netlist.inputs if is_input else netlist.outputs
        number = next(index for index, found in enumerate(ports) if found.name == port)
        return f"d.{'in' if is_input else 'out'}_{unit}.{'i' if is_input else 'o'}{number}[0].v"

    wiring = Wiring(design, place)
    yield "static void start(Simulation& d) {"
    for emitter in emitters.values():
        unit = emitter.space
        yield (f"for (int b = 0; b < {unit}::BLOCKS; ++b) "
               f"{unit}::start(d.s_{unit}[0][b], d.m_{unit}[b]);")
        yield _call(unit, "outputs_0", "0", "1")
    yield from wiring.fixed()
    yield "}\nstatic void show(Simulation& d) {"
    for emitter in emitters.values():
        yield _call(emitter.space, "outputs_0", "d.now", "!d.now")
    yield "}\nstatic void settle(Simulation& d) {"
    for level in range(order.levels):
        for name, emitter in emitters.items():
            if level and level in order.outputs[name].values():
                yield _call(emitter.space, f"outputs_{level}", "d.now", "!d.now")
        for name in design.modules:
            for port, after in order.inputs[name].items():
                if after == level:
                    yield from wiring.carry(name, port)
    yield "}\nstatic void rise(Simulation& d) {"
    for emitter in emitters.values():
        unit = emitter.space
        arguments = (f"d.m_{unit}[b], d.in_{unit}, d.out_{unit}, d.w_{unit}, b);")
        now, following = f"d.s_{unit}[d.now][b]", f"d.s_{unit}[!d.now][b]"
        yield (f"for (int b = 0; b < {unit}::BLOCKS; ++b) {{\n"
               f"{unit}::update({now}, {following}, {arguments}\n"
               f"{unit}::outputs_0({following}, {now}, {arguments}\n}}")
    yield "d.now = !d.now;\n}"


def _check_host(inputs: list[Port], outputs: list[Port]) -> None:
    for name, is_input in _HOST_PORTS.items():
        if not any(port.name.partition("[")[0] == name
                   for port in (inputs if is_input else outputs)):
            raise VectorRefused(f"the vector engine simulates a top with the host's ports: {name} "
                                "is missing")


def _host(design: Design, frame: Emitter) -> Iterator[str]:
    """Access to the ports of the host."""
    netlist, unit = design.modules[FRAME], frame.space
    ports = [(f"d.in_{unit}.i{number}[0].v[0]", port) for number, port in enumerate(netlist.inputs)]
    ports += [(f"d.out_{unit}.o{number}[0].v[0]", port)
              for number, port in enumerate(netlist.outputs)]
    words: dict[str, list[tuple[str, int]]] = {name: [] for name in _HOST_PORTS}
    for place, port in ports:
        name = port.name.partition("[")[0]
        if name in words:
            words[name].append((place, word_size(len(port.bits)) // 8))
    for name, is_input in _HOST_PORTS.items():
        if name.endswith("_data"):
            at, moves = 0, ""
            for place, size in words[name]:
                moves += (f"std::memcpy(&{place}, beat + {at}, {size});" if is_input else
                          f"std::memcpy(beat + {at}, &{place}, {size});")
                at += size
            yield (f"static void put_{name}(Simulation& d, const uint8_t* beat) {{ {moves} }}"
                   if is_input else
                   f"static void get_{name}(const Simulation& d, uint8_t* beat) {{ {moves} }}")
            yield f"constexpr int {name}_bytes = {at};"
        elif is_input:
            yield (f"static void put_{name}(Simulation& d, bool bit) "
                   f"{{ {words[name][0][0]} = bit ? 255 : 0; }}")
        else:
            yield f"static bool get_{name}(const Simulation& d) {{ return {words[name][0][0]}; }}"
