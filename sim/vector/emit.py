"""The C++ of one module: what its copies keep, and the functions of a clock cycle."""

import re
from collections.abc import Callable, Iterable, Mapping

from .cells import register_value, value
from .memories import memory_type, memory_words, next_read, read, write
from .netlist import Bits, Netlist
from .operands import Body, Line, Words, constant, type_name
from .order import Order

__all__ = ["LANES", "Emitter"]

LANES = 64
"""Copies that are computed at once; a module of which there is one copy has one lane."""

# GCC keeps the words of a function that is much longer in memory, one by one.
_PART_LINES = 200
_ARGUMENTS = ("const State& __restrict s, State& __restrict n, Memories& __restrict m, "
              "const In& __restrict in, Out& __restrict out, Wires& __restrict w, int b")
_PASSED = "s, n, m, in, out, w, b"
_NAMES = re.compile(r"(?<![.\w])[xit]\d+\b")


class Emitter:
    """Writes one module.

    Parameters
    ----------
    netlist
        The module, its words cut.
    space
        C++ namespace of what is written.
    copies
        Instances of the module.
    """

    def __init__(self, netlist: Netlist, space: str, copies: int) -> None:
        self.netlist, self.space, self.copies = netlist, space, copies
        self.lanes = LANES if copies > 1 else 1
        self.blocks = -(-copies // self.lanes)
        self.order = Order(netlist)
        self._words = Words()
        self._held: dict[str, str] = {}  # Where what is kept, or comes in, is found.
        for number, port in enumerate(netlist.inputs):
            self._words.add(f"i{number}", port.bits)
            self._held[f"i{number}"] = (
                f"const {type_name(len(port.bits))}& i{number} = in.i{number}[b];")
        for number, cell in enumerate(netlist.cells):
            self._words.add(f"x{number}", cell.output)
            if cell.holds:
                self._held[f"x{number}"] = (
                    f"const {type_name(len(cell.output))}& x{number} = s.x{number};")
        self._shared: dict[str, str] = {}

    def text(self, levels: Mapping[str, int]) -> str:
        """All of the module in its namespace; `levels` says when each output is computed."""
        functions = [self._function(f"outputs_{level}", self._outputs(level, levels))
                     for level in sorted({0, *levels.values()})]
        functions.append(self._function("update", self._update()))
        return "\n".join([
            f"// {self.netlist.name}: {self.copies} copies",
            f"namespace {self.space} {{",
            f"using namespace lanes_{self.lanes};",
            f"constexpr int BLOCKS = {self.blocks};",
            self._structures(),
            _structure("Wires", (f"{kind} {name};" for name, kind in self._shared.items())),
            *functions, self._start(),
            f"}}  // namespace {self.space}"])

    def _structures(self) -> str:
        cells, ports = list(enumerate(self.netlist.cells)), self.netlist
        state = [f"{type_name(len(cell.output))} x{number};  // {_plain(cell.name)}"
                 for number, cell in cells if cell.holds]
        memories = [f"{memory_type(cell)} m{number};  // {_plain(cell.name)}"
                    for number, cell in cells if cell.is_memory]
        inputs = [f"{type_name(len(port.bits))} i{number}[BLOCKS];  // {_plain(port.name)}"
                  for number, port in enumerate(ports.inputs)]
        outputs = [f"{type_name(len(port.bits))} o{number}[BLOCKS];  // {_plain(port.name)}"
                   for number, port in enumerate(ports.outputs)]
        return "\n".join([_structure("State", state), _structure("Memories", memories),
                          _structure("In", inputs), _structure("Out", outputs)])

    def _outputs(self, level: int, levels: Mapping[str, int]) -> list[Line]:
        body = Body(self._words)
        need = self._needing(body)
        for number, port in enumerate(self.netlist.outputs):
            if levels[port.name] == level:
                need([port.bits])
                body.do(f"out.o{number}[b] = {body.word(port.bits)};")
        return body.lines

    def _update(self) -> list[Line]:
        """Depth first from each register and memory, so that values live shortly."""
        body = Body(self._words)
        need = self._needing(body)
        memories = [(number, cell) for number, cell in enumerate(self.netlist.cells)
                    if cell.is_memory]
        # All reads of a memory come before it is written.
        for _, cell in memories:
            if not cell.holds:
                need([cell.output])
        for number, cell in memories:
            if cell.holds:
                need(cell.ports[name] for name in ("RD_EN", "RD_ADDR", "RD_SRST"))
                body.do(f"n.x{number} = {next_read(cell, body, number)};")
            need(cell.ports[name] for name in ("WR_EN", "WR_ADDR", "WR_DATA"))
            body.do(write(cell, body, number))
        for number, cell in enumerate(self.netlist.cells):
            if cell.is_register:
                need(cell.ports[name] for name in ("D", "EN", "SRST") if name in cell.ports)
                body.do(f"n.x{number} = {register_value(cell, body, f'x{number}')};")
        return body.lines

    def _needing(self, body: Body) -> Callable[[Iterable[Bits]], None]:
        done: set[int] = set()

        def need(operands: Iterable[Bits]) -> None:
            for number, cell in self.order.needed(operands, done):
                made = read(cell, body, number) if cell.is_memory else value(cell, body)
                body.define(f"x{number}", len(cell.output), made)

        return need

    def _function(self, name: str, lines: list[Line]) -> str:
        """A function, in parts: what one part takes over from another is in `Wires`."""
        parts = [lines[start:start + _PART_LINES] for start in range(0, len(lines), _PART_LINES)]
        made = {line.name: (number, line.type) for number, part in enumerate(parts)
                for line in part if line.name}
        used = [{found for line in part for found in _NAMES.findall(line.text)} for part in parts]
        shared = {found for number, names in enumerate(used) for found in names
                  if made.get(found, (number,))[0] != number}
        own = {found: f"{name}_{found}" for found in shared}
        self._shared.update((own[found], made[found][1]) for found in shared)
        texts = []
        for number, part in enumerate(parts):
            text = [f"static __attribute__((noinline)) void {name}_{number}({_ARGUMENTS}) {{"]
            for found in sorted(used[number]):
                if found in shared and made[found][0] != number:
                    text.append(f"const {made[found][1]}& {found} = w.{own[found]};")
                elif found in self._held:
                    text.append(self._held[found])
            for line in part:
                text.append(line.text)
                if line.name in shared:
                    text.append(f"w.{own[line.name]} = {line.name};")
            texts.append("\n".join([*text, "}"]))
        calls = "\n".join(f"{name}_{number}({_PASSED});" for number in range(len(parts)))
        return "\n".join([*texts, f"static void {name}({_ARGUMENTS}) {{", calls, "}"])

    def _start(self) -> str:
        """Sets what registers and memories start with, where it is not 0."""
        lines = ["static void start(State& s, Memories& m) {"]
        for number, cell in enumerate(self.netlist.cells):
            if cell.is_register:
                first = sum((self.netlist.initial.get(bit) == "1") << index
                            for index, bit in enumerate(cell.output) if isinstance(bit, int))
                if first:
                    lines.append(f"s.x{number} = " + ("ones();" if len(cell.output) == 1 else
                                 f"K<sizeof s.x{number}.v[0] * 8>({constant(first)});"))
            elif cell.is_memory and (words := memory_words(cell)):
                table = ", ".join(map(constant, words))
                lines.append(f"static const uint64_t first_{number}[] = {{{table}}};\n"
                             f"for (int l = 0; l < LANES; ++l) for (int a = 0; a < {len(words)}; "
                             f"++a) m.m{number}.words[l][a] = first_{number}[a];")
        return "\n".join([*lines, "}"])


def _structure(name: str, members: Iterable[str]) -> str:
    return "\n".join([f"struct {name} {{", *members, "};"])


def _plain(name: str) -> str:
    """A name that ends no line of C++ in a backslash."""
    return name.replace("\\", "/").replace("\n", " ")
