"""Random cells of every kind that the vector engine computes: by Yosys, and by the engine."""

import ctypes
import dataclasses
import json
import re
from pathlib import Path
from random import Random

from sim.model.modules import YOSYS
from sim.toolchain import find_toolchain
from sim.vector.cells import check_kind
from sim.vector.cuts import cut
from sim.vector.emit import Emitter
from sim.vector.netlist import Netlist, read_module
from sim.vector.program import HEADERS

# Widths of A, B and Y.
WIDTHS = [(1, 1, 1), (5, 3, 6), (3, 7, 5), (9, 16, 12), (33, 20, 40), (64, 64, 64)]
BINARY = ["$and", "$or", "$xor", "$xnor", "$add", "$sub", "$mul", "$eq", "$ne", "$lt", "$le",
          "$gt", "$ge", "$logic_and", "$logic_or"]
UNARY = ["$not", "$neg", "$reduce_or", "$reduce_bool", "$reduce_and", "$reduce_xor",
         "$reduce_xnor", "$logic_not"]
SHIFTS = ["$shl", "$sshl", "$shr", "$sshr"]
KINDS = [*BINARY, *UNARY, *SHIFTS, "$mux", "$pmux"]

_RESULT = re.compile(r"Eval result: \\(y\d+) = \d+'([01]+)\.")


@dataclasses.dataclass
class Bench:
    """Cells with inputs and outputs of their own."""

    module: dict = dataclasses.field(default_factory=lambda: {
        "attributes": {}, "ports": {}, "cells": {}, "netnames": {}})
    kind_of: dict[str, str] = dataclasses.field(default_factory=dict)
    one_hot: set[str] = dataclasses.field(default_factory=set)
    nets: int = 2

    def port(self, name: str, width: int, direction: str) -> list[int]:
        bits = list(range(self.nets, self.nets + width))
        self.nets += width
        self.module["ports"][name] = {"direction": direction, "bits": bits}
        return bits

    def add(self, kind: str, widths: dict[str, int], parameters: dict[str, int]) -> None:
        number = len(self.kind_of)
        connections = {}
        for port, width in widths.items():
            name = f"{port.lower()}{number}"
            connections[port] = self.port(name, width, "output" if port == "Y" else "input")
            if kind == "$pmux" and port == "S":
                self.one_hot.add(name)
        directions = {port: "output" if port == "Y" else "input" for port in widths}
        self.module["cells"][f"cell{number}"] = {
            "type": kind, "parameters": {key: f"{value:032b}" for key, value in parameters.items()},
            "attributes": {}, "port_directions": directions, "connections": connections}
        self.kind_of[f"y{number}"] = kind


def all_kinds() -> Bench:
    """Several cells of each kind."""
    bench = Bench()
    for signed in (0, 1):
        for a, b, y in WIDTHS:
            both = {"A_SIGNED": signed, "B_SIGNED": signed, "A_WIDTH": a, "B_WIDTH": b,
                    "Y_WIDTH": y}
            for kind in BINARY:
                bench.add(kind, {"A": a, "B": b, "Y": y}, both)
            for kind in UNARY:
                bench.add(kind, {"A": a, "Y": y},
                          {"A_SIGNED": signed, "A_WIDTH": a, "Y_WIDTH": y})
            for kind in SHIFTS:
                bench.add(kind, {"A": a, "B": min(b, 7), "Y": y},
                          {**both, "B_SIGNED": 0, "B_WIDTH": min(b, 7)})
    for _, b, y in WIDTHS:
        bench.add("$mux", {"A": y, "B": y, "S": 1, "Y": y}, {"WIDTH": y})
        cases = min(b, 5)
        bench.add("$pmux", {"A": y, "B": y * cases, "S": cases, "Y": y},
                  {"WIDTH": y, "S_WIDTH": cases})
    return bench


def random_inputs(bench: Bench, count: int, seed: int) -> list[dict[str, int]]:
    """Values of all inputs: random, or all bits the same, or equal to those of another input."""
    random = Random(seed)
    found = []
    for _ in range(count):
        values: dict[str, int] = {}
        for name, port in bench.module["ports"].items():
            width = len(port["bits"])
            if port["direction"] == "output":
                continue
            if name in bench.one_hot:
                values[name] = (1 << random.randrange(width)) * random.randint(0, 1)
                continue
            value = random.choice([random.getrandbits(width), random.getrandbits(width),
                                   (1 << width) - 1, 0, random.randrange(min(8, 1 << width))])
            if name[0] == "b" and random.random() < 0.2:
                value = values[f"a{name[1:]}"] & ((1 << width) - 1)
            values[name] = value
        found.append(values)
    return found


def by_yosys(bench: Bench, inputs: list[dict[str, int]], folder: Path) -> list[dict[str, int]]:
    """All outputs, by the command `eval`."""
    (folder / "bench.json").write_text(json.dumps({"modules": {"bench": bench.module}}))
    widths = {name: len(port["bits"]) for name, port in bench.module["ports"].items()}
    shows = " ".join(f"-show {name}" for name in bench.kind_of)
    lines = ["read_json bench.json"]
    for values in inputs:
        sets = " ".join(f"-set {name} {widths[name]}'b{value:0{widths[name]}b}"
                        for name, value in values.items())
        lines.append(f"eval {sets} {shows} bench")
    (folder / "eval.ys").write_text("\n".join(lines) + "\n")
    printed = find_toolchain().run([YOSYS, "eval.ys"], folder)
    results = [(name, int(bits, 2)) for name, bits in _RESULT.findall(printed)]
    size = len(bench.kind_of)
    assert len(results) == size * len(inputs), "eval has not computed all outputs"
    return [dict(results[start:start + size]) for start in range(0, len(results), size)]


def by_engine(bench: Bench, inputs: list[dict[str, int]], folder: Path, copies: int = 64,
              kinds: dict[str, str] | None = None) -> list[dict[str, int]]:
    """All outputs, by the engine; `kinds` are computed as others."""
    netlist = cut(read_module("bench", bench.module))
    for cell in netlist.cells:
        check_kind(cell, "bench")
    if kinds:
        netlist = dataclasses.replace(netlist, cells=[
            dataclasses.replace(cell, kind=kinds.get(cell.kind, cell.kind))
            for cell in netlist.cells])
    library = _library(netlist, folder, copies)
    found: list[dict[str, int]] = []
    for start in range(0, len(inputs), copies):
        some = inputs[start:start + copies]
        rows = [[_part(values, port.name) for port in netlist.inputs] for values in some]
        rows += [[0] * len(netlist.inputs)] * (copies - len(some))
        flat = [value for row in rows for value in row]
        given = (ctypes.c_uint64 * len(flat))(*flat)
        taken = (ctypes.c_uint64 * (copies * len(netlist.outputs)))()
        library.evaluate(given, taken)
        for lane in range(len(some)):
            made = taken[lane * len(netlist.outputs):(lane + 1) * len(netlist.outputs)]
            found.append(dict(zip((port.name for port in netlist.outputs), made, strict=True)))
    return found


def _part(values: dict[str, int], name: str) -> int:
    port, _, low = name.partition("[")
    return (values[port] >> (int(low[:-1]) if low else 0)) & ((1 << 64) - 1)


def _library(netlist: Netlist, folder: Path, copies: int) -> ctypes.CDLL:
    emitter = Emitter(netlist, "unit", copies)
    text = emitter.text({port.name: 0 for port in netlist.outputs})
    puts = "\n".join(_put(number, len(port.bits), len(netlist.inputs))
                     for number, port in enumerate(netlist.inputs))
    gets = "\n".join(
        f"out[l * {len(netlist.outputs)} + {number}] = "
        f"o.o{number}[0].v[l]{' & 1' if len(port.bits) == 1 else ''};"
        for number, port in enumerate(netlist.outputs))
    (folder / "bench.cpp").write_text(f"""
#include "words.h"
namespace lanes_{emitter.lanes} {{
constexpr int LANES = {emitter.lanes};
#include "lanes.h"
}}
{text}
static unit::In i;
static unit::Out o;
static unit::State s, n;
static unit::Memories m;
static unit::Wires w;
extern "C" void evaluate(const uint64_t* in, uint64_t* out) {{
for (int l = 0; l < {emitter.lanes}; ++l) {{ {puts} }}
unit::outputs_0(s, n, m, i, o, w, 0);
for (int l = 0; l < {emitter.lanes}; ++l) {{ {gets} }}
}}
""")
    for header in HEADERS:
        (folder / header.name).write_text(header.read_text())
    name = f"bench{len(list(folder.glob('*.so')))}.so"
    find_toolchain().run(["g++", "-std=c++17", "-O0", "-fPIC", "-shared", "-I.", "bench.cpp", "-o",
                          name], folder)
    return ctypes.CDLL(str(folder / name))


def _put(number: int, width: int, inputs: int) -> str:
    value = f"in[l * {inputs} + {number}]"
    return f"i.i{number}[0].v[l] = {f'{value} ? 255 : 0' if width == 1 else value};"
