"""Registers and memories of every kind that the vector engine has: by Yosys, and by the engine."""

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
from sim.vector.memories import check_memory
from sim.vector.netlist import Cell, Netlist, read_module
from sim.vector.program import HEADERS

KINDS = ["$dff", "$dffe", "$sdff", "$sdffe", "$sdffce"]
# Width, value at a reset, first value, polarity of enable and of reset.
SHAPES = [(1, 0, 1, 1), (1, 1, 0, 1), (5, 0, 0, 0), (16, 0x8421, 0x1234, 0), (33, 5, 0, 1)]
READS = {"without a clock": "always @* q = m[a];",
         "enabled": "always @(posedge clk) if (r) q <= m[a];",
         "reset": "always @(posedge clk) if (~d[0]) q <= 0; else q <= m[a];"}
INPUTS = {"d": 33, "e": 1, "r": 1, "a": 2, "b": 2}
STEPS = 24

_ROW = re.compile(r"^ +(\d+|init) \\(q\d+) +\S+ +\S+ +([01]+)$", re.M)


@dataclasses.dataclass
class Registers:
    """A module of registers and memories, and which kind drives which output."""

    module: dict
    kind_of: dict[str, str]


def registers(folder: Path) -> Registers:
    """Registers of all kinds, widths, resets and polarities; memories of all reads."""
    ports = [f"input [{width - 1}:0] {name}" for name, width in INPUTS.items()]
    parts, kinds = [], {}
    for kind in KINDS:
        for width, reset, first, polarity in SHAPES:
            name = f"q{len(kinds)}"
            ports.append(f"(* init = {width}'d{first} *) output [{width - 1}:0] {name}")
            settings, wires = ".CLK_POLARITY(1)", f".CLK(clk), .D(d[{width - 1}:0]), .Q({name})"
            if kind.endswith("e"):
                settings += f", .EN_POLARITY({polarity})"
                wires += ", .EN(e)"
            if kind.startswith("$s"):
                settings += f", .SRST_POLARITY({polarity}), .SRST_VALUE({width}'d{reset})"
                wires += ", .SRST(r)"
            parts.append(f"\\{kind} #(.WIDTH({width}), {settings}) c{name} ({wires});")
            kinds[name] = kind
    for number, (name, body) in enumerate(READS.items(), len(kinds)):
        for first in (0, 1):
            made = number + len(READS) * first
            text = re.sub(r"\bm\b", f"m{made}", re.sub(r"\bq\b", f"q{made}", body))
            starts = " ".join(f"m{made}[{at}] = {37 * at + 9};" for at in range(4))
            parts.append(f"reg [7:0] m{made} [0:3]; {text}\n"
                         f"always @(posedge clk) if (e) m{made}[b] <= d[{made % 9 + 7}:{made % 9}];"
                         + (f"\ninitial begin {starts} end" if first else ""))
            kinds[f"q{made}"] = f"$mem_v2, read {name}"
            ports.append(f"output reg [7:0] q{made}")
    (folder / "bench.v").write_text(
        f"module bench(input clk, {', '.join(ports)});\n" + "\n".join(parts) + "\nendmodule\n")
    (folder / "bench.ys").write_text("read_verilog -icells bench.v\nproc\nopt\nmemory -nomap\n"
                                     "opt_clean -purge\nwrite_json bench.json\n")
    find_toolchain().run([YOSYS, "-q", "bench.ys"], folder)
    return Registers(json.loads((folder / "bench.json").read_text())["modules"]["bench"], kinds)


def random_steps(seed: int) -> list[dict[str, int]]:
    """Inputs of every step."""
    random = Random(seed)
    return [{name: random.getrandbits(width) for name, width in INPUTS.items()}
            for _ in range(STEPS)]


def steps_by_yosys(steps: list[dict[str, int]], folder: Path) -> list[dict[str, int]]:
    """All outputs in every step: the solution, which is the only one, that `sat` finds."""
    sets = " ".join(f"-set-at {step} {name} {INPUTS[name]}'b{value:0{INPUTS[name]}b}"
                    for step, values in enumerate(steps, 1) for name, value in values.items())
    (folder / "sat.ys").write_text("read_json bench.json\nmemory_map\nopt_clean\n"
                                   f"sat -seq {STEPS} -set-init-zero {sets} -show-outputs bench\n")
    found: list[dict[str, int]] = [{} for _ in steps]
    for step, name, bits in _ROW.findall(find_toolchain().run([YOSYS, "sat.ys"], folder)):
        if step != "init":
            found[int(step) - 1][name] = int(bits, 2)
    return found


def netlist_of(bench: Registers, mutant: dict[str, str] | None = None) -> Netlist:
    """What the engine reads, with cells of other kinds in the place of some."""
    netlist = cut(read_module("bench", bench.module))
    for cell in netlist.cells:
        check_kind(cell, "bench")
        if cell.is_memory:
            check_memory(cell, "bench")
    return dataclasses.replace(netlist, cells=[
        _mutated(cell, (mutant or {}).get(cell.kind, cell.kind)) for cell in netlist.cells])


def _mutated(cell: Cell, kind: str) -> Cell:
    """The cell as one of another kind, without what that kind does not have."""
    ports = {name: bits for name, bits in cell.ports.items()
             if cell.kind == kind or (name != "EN" or "e" in kind.partition("dff")[2])
             and (name != "SRST" or kind.startswith("$s"))}
    return dataclasses.replace(cell, kind=kind, ports=ports)


def steps_by_engine(netlist: Netlist, runs: list[list[dict[str, int]]], folder: Path,
                    copies: int = 64) -> list[list[dict[str, int]]]:
    """All outputs in every step of every run, each in lanes of its own."""
    emitter = Emitter(netlist, "unit", copies)
    text = emitter.text({port.name: 0 for port in netlist.outputs})
    ins, outs = netlist.inputs, netlist.outputs
    puts = "\n".join(f"i.i{number}[0].v[l] = " + (
        "*in ? 255 : 0; ++in;" if len(port.bits) == 1 else "*in++;")
        for number, port in enumerate(ins))
    gets = "\n".join(f"*out++ = o.o{number}[0].v[l]{' & 1' if len(port.bits) == 1 else ''};"
                     for number, port in enumerate(outs))
    (folder / "steps.cpp").write_text(f"""
#include "words.h"
namespace lanes_{emitter.lanes} {{
constexpr int LANES = {emitter.lanes};
#include "lanes.h"
}}
{text}
static unit::In i;
static unit::Out o;
static unit::State s[2];
static unit::Memories m;
static unit::Wires w;
extern "C" void run(const uint64_t* in, uint64_t* out) {{
unit::start(s[0], m);
for (int t = 0; t < {STEPS}; ++t) {{
for (int l = 0; l < {emitter.lanes}; ++l) {{ {puts} }}
unit::outputs_0(s[t & 1], s[~t & 1], m, i, o, w, 0);
for (int l = 0; l < {emitter.lanes}; ++l) {{ {gets} }}
unit::update(s[t & 1], s[~t & 1], m, i, o, w, 0);
}}
}}
""")
    for header in HEADERS:
        (folder / header.name).write_text(header.read_text())
    name = f"steps{len(list(folder.glob('*.so')))}.so"
    find_toolchain().run(["g++", "-std=c++17", "-O0", "-fPIC", "-shared", "-I.", "steps.cpp", "-o",
                          name], folder)
    lanes = [runs[lane % len(runs)] for lane in range(emitter.lanes)]
    flat = [lane[step][port.name] for step in range(STEPS) for lane in lanes for port in ins]
    taken = (ctypes.c_uint64 * (STEPS * emitter.lanes * len(outs)))()
    ctypes.CDLL(str(folder / name)).run((ctypes.c_uint64 * len(flat))(*flat), taken)
    values = iter(taken)
    found = [[{} for _ in range(STEPS)] for _ in lanes]
    for step in range(STEPS):
        for lane in found:
            lane[step] = {port.name: next(values) for port in outs}
    return found
