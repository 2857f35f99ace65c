"""The C++ of one module: what its copies keep, and the functions of a clock cycle."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from .cells import changes, register_value, value
from .groups import Group, groups_of
from .memories import memory_type, memory_words, next_read, read, write
from .netlist import Bits, Cell, Netlist
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
        self.groups = groups_of(netlist, self.order) if self.lanes > 1 else []
        # Which registers are kept in place.
        self.in_place = {number for group in self.groups for number in group.registers}
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
                    f"const {type_name(len(cell.output))}& x{number} = {self.kept(number)};")
        self._shared: dict[str, str] = {}

    def kept(self, number: int) -> str:
        """Where a function finds what a register, or a memory that is read, holds."""
        return f"{'m' if number in self.in_place else 's'}.x{number}"

    def text(self, levels: Mapping[str, int]) -> str:
        """All of the module in its namespace; `levels` says when each output is computed."""
        functions = [self._function(f"outputs_{level}", _parts(self._outputs(level, levels)))
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
        held = {number: f"{type_name(len(cell.output))} x{number};  // {_plain(cell.name)}"
                for number, cell in cells if cell.holds}
        state = [text for number, text in held.items() if number not in self.in_place]
        memories = [held[number] for group in self.groups for number in group.registers]
        memories += [f"{memory_type(cell)} m{number};  // {_plain(cell.name)}"
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

    def _update(self) -> list[list[Line]]:
        """Depth first from each register and memory, so that values live shortly.

        Returns the lines of its parts, of which each group is one.
        """
        body = Body(self._words)
        done: set[int] = set()
        need = self._needing(body, done)
        memories = [(number, cell) for number, cell in enumerate(self.netlist.cells)
                    if cell.is_memory]
        # All reads of a memory come before it is written.
        for _, cell in memories:
            if not cell.holds:
                need([cell.output])
        for number, cell in memories:
            if cell.holds:
                need(cell.ports[name] for name in ("RD_EN", "RD_ADDR", "RD_SRST"))
                body.do(next_read(cell, body, number))
            need(cell.ports[name] for name in ("WR_EN", "WR_ADDR", "WR_DATA"))
            body.do(write(cell, body, number))
        for number, cell in enumerate(self.netlist.cells):
            if cell.is_register and number not in self.in_place:
                need(_next(cell))
                body.do(f"n.x{number} = {register_value(cell, body, f'x{number}')};")
        for group in self.groups:
            need(self.netlist.cells[group.first].ports[name] for name in group.enables)
        # What several groups need is computed in any case.
        count = Counter(number for group in self.groups
                        for number, _ in self.order.needed(self._operands(group), set(done)))
        need(cell.output for number, cell in enumerate(self.netlist.cells) if count[number] > 1)
        return [*_parts(body.lines), *(self._group(group, body, done) for group in self.groups)]

    def _operands(self, group: Group) -> list[Bits]:
        return [bits for number in group.registers for bits in _next(self.netlist.cells[number])]

    def _group(self, group: Group, before: Body, done: set[int]) -> list[Line]:
        """What a group takes over, unless it changes in no copy."""
        body = Body(self._words, before)
        first = self.netlist.cells[group.first]
        body.do(f"if (!some({changes(first, body)})) return;")
        self._needing(body, set(done))(self._operands(group))
        for number in group.registers:
            cell = self.netlist.cells[number]
            body.define(f"n{number}", len(cell.output), register_value(cell, body, f"x{number}"))
        for number in group.registers:
            body.do(f"m.x{number} = n{number};")
        return body.lines

    def _needing(self, body: Body, done: set[int] | None = None
                 ) -> Callable[[Iterable[Bits]], None]:
        done = set() if done is None else done

        def need(operands: Iterable[Bits]) -> None:
            for number, cell in self.order.needed(operands, done):
                made = read(cell, body, number) if cell.is_memory else value(cell, body)
                body.define(f"x{number}", len(cell.output), made)

        return need

    def _function(self, name: str, parts: list[list[Line]]) -> str:
        """A function, in parts: what one part takes over from another is in `Wires`."""
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
                    kept = self.kept(number)
                    lines.append(f"{kept} = " + ("ones();" if len(cell.output) == 1 else
                                 f"K<sizeof {kept}.v[0] * 8>({constant(first)});"))
            elif cell.is_memory and (words := memory_words(cell)):
                table = ", ".join(map(constant, words))
                lines.append(f"static const uint64_t first_{number}[] = {{{table}}};\n"
                             f"for (int l = 0; l < LANES; ++l) for (int a = 0; a < {len(words)}; "
                             f"++a) m.m{number}.words[a].v[l] = first_{number}[a];")
        return "\n".join([*lines, "}"])


def _next(register: Cell) -> list[Bits]:
    """What decides the next value of a register."""
    return [register.ports[name] for name in ("D", "EN", "SRST") if name in register.ports]


def _parts(lines: list[Line]) -> list[list[Line]]:
    return [lines[start:start + _PART_LINES] for start in range(0, len(lines), _PART_LINES)]


def _structure(name: str, members: Iterable[str]) -> str:
    return "\n".join([f"struct {name} {{", *members, "};"])


def _plain(name: str) -> str:
    """A name that ends no line of C++ in a backslash."""
    return name.replace("\\", "/").replace("\n", " ")
