"""One element for all PEs of a torus, whatever words their memories hold from the start.

The PEs of a torus whose weights are baked differ in nothing but the contents of memories. Here
their Verilog becomes one module, in which parameters stand where contents were.
"""

import re
from collections.abc import Callable, Iterable, Mapping

__all__ = ["CONTENTS", "FOLDER", "with_contents"]

CONTENTS = "CONTENTS"
"""Parameter of an element: the folder of its files, with a slash, and how their names begin."""
FOLDER = "MEMORY_FOLDER"
"""Parameter of the top module, and of all above an element: the folder, with a slash."""
_HERE = "./"

_MODULE = re.compile(r"^module (\S+) ?\((?:.|\n)*?\);\n(?:.*\n)*?endmodule\n", re.M)
_HEADER_END = re.compile(r"\);\n")
_BLOCK = re.compile(r"^  initial begin\n((?:    (\w+)\[\d+\] = \d+'[hd][0-9a-f]+;\n)+)  end\n",
                    re.M)
_WORD = re.compile(r"'([hd])([0-9a-f]+);")
_CELL = re.compile(r"^  \w+ #\(\n((?:    \..*\n)+)  \) \\?(\w+) +\($", re.M)
_ROW = re.compile(r"\.INITVAL_([0-9A-F]{2})\(320'h([0-9a-f]{80})\)")
_ROW_BITS = 320
_INSTANCE = rf" #\(\n    \.{CONTENTS}\(\"(\w+)\"\)\n  \) "

# $readmemh ends no simulation where a file is missing: Icarus and Verilator go on after a warning.
_READ = """\
`ifndef SYNTHESIS
  integer \\{memory}$file ;
  initial begin
    \\{memory}$file = $fopen({file}, "r");
    if (\\{memory}$file == 0) begin
      $display("ERROR: %m cannot read %0s: run where it is, or set {folder} of the top module",
               {file});
      $stop;
    end else $fclose(\\{memory}$file );
  end
`endif
  initial $readmemh({file}, {memory}, 0, {last});
"""


def with_contents(whole: str, elements: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Return a design in which all PEs are instances of one module, and its files of memories.

    Words of memories stand in files for `$readmemh`, those of a vendor's cells in parameters.

    Parameters
    ----------
    whole : str
        Verilog of the top module and all above the PEs. These are instances of a module whose
        parameter `CONTENTS` is a key of `elements`.
    elements : dict of str
        Verilog of each PE with its words, by its name.

    Returns
    -------
    str
        Verilog of the top and all above the PEs, and, after it, of the element.
    dict of str
        What stands in each file, by its name: a word a line, in hex, from address 0 up.

    Raises
    ------
    RuntimeError
        The elements differ in more than contents.
    """
    held = {name: _held(text) for name, text in elements.items()}
    used = list(dict.fromkeys(key for contents in held.values()
                              for key, words in contents.items()
                              if any(int(word, 16) for word in words)))
    texts = {_element(text, used, next(iter(elements))) for text in elements.values()}
    if len(texts) != 1:
        raise RuntimeError("elements with different words must be the same Verilog but for them")
    files = {f"{name}.{_file(key)}": "".join(f"{word}\n" for word in held[name][key])
             for name in elements for key in used if key[0] == "memory"}

    def parameters(found: re.Match[str]) -> str:
        cells = [f".{_parameter(key)}({_vector(held[found[1]][key])})"
                 for key in used if key[0] == "cell"]
        named = [f'.{CONTENTS}({{{FOLDER}, "{found[1]}."}})'] if files else []
        listed = ",\n".join(f"    {one}" for one in (*named, *cells))
        return f" #(\n{listed}\n  ) " if listed else " "

    above = {name for name, text in _modules(whole).items() if re.search(_INSTANCE, text)}
    whole = re.sub(_INSTANCE, parameters, whole)
    if files:
        whole = _handed_down(whole, {name: {FOLDER: f'"{_HERE}"'} for name in above})
    return f"{whole}\n{texts.pop()}", files


# A memory of an element, or a cell with one: its kind, its module from the element on, its name.
_Key = tuple[str, str, str]


def _held(element: str) -> dict[_Key, list[str]]:
    """The words of each memory in hex, from address 0 up, and the rows of each cell."""
    held: dict[_Key, list[str]] = {}
    for module, text in _modules(element).items():
        for words, memory in _BLOCK.findall(text):
            held["memory", _path(module), memory] = [
                digits if base == "h" else f"{int(digits):x}"
                for base, digits in _WORD.findall(words)]
        for values, cell in _CELL.findall(text):
            rows = dict(_ROW.findall(values))
            if rows:
                held["cell", _path(module), cell] = [rows[row] for row in sorted(rows)]
    return held


def _element(text: str, used: Iterable[_Key], first: str) -> str:
    """The Verilog of an element with parameters in the place of the contents that are used."""
    needs: dict[str, dict[str, str]] = {}

    def change(module: str, body: str) -> str:
        def memory(block: re.Match[str]) -> str:
            key = ("memory", _path(module), block[2])
            if key not in used:
                return block[0]
            needs.setdefault(module, {})[CONTENTS] = f'"{_HERE}{first}."'
            return _READ.format(memory=block[2], file=f'{{{CONTENTS}, "{_file(key)}"}}',
                                folder=FOLDER, last=block[1].count("\n") - 1)

        def cell(found: re.Match[str]) -> str:
            key = ("cell", _path(module), found[2])
            if key not in used:
                return found[0]
            rows = sorted(row for row, _ in _ROW.findall(found[1]))
            name = _parameter(key)
            needs.setdefault(module, {})[name] = f"{_ROW_BITS * len(rows)}'h0"

            def part(row: re.Match[str]) -> str:
                low = _ROW_BITS * rows.index(row[1])
                return f".INITVAL_{row[1]}({name}[{low + _ROW_BITS - 1}:{low}])"

            return _ROW.sub(part, found[0])

        return _CELL.sub(cell, _BLOCK.sub(memory, body))

    return _handed_down(_each_module(text, change), needs)


def _handed_down(text: str, needs: Mapping[str, Mapping[str, str]]) -> str:
    """Declare parameters in the modules that need them, and in all above, which pass them on.

    Parameters
    ----------
    needs : dict of dict of str
        The value by default of each parameter, by the name of the module and by its own.
    """
    declared: dict[str, dict[str, str]] = {}
    for module, values in needs.items():
        parts = module.split(".")
        for count in range(1, len(parts) + 1):
            declared.setdefault(".".join(parts[:count]), {}).update(values)

    def change(module: str, body: str) -> str:
        for name in declared.get(module, ()):
            body = _HEADER_END.sub(
                lambda end, name=name:
                    f"{end[0]}  parameter {name} = {declared[module][name]};\n", body, count=1)
        for below, values in declared.items():
            if below.rpartition(".")[0] == module:
                passed = ", ".join(f".{name}({name})" for name in values)
                body = re.sub(rf"^(  {re.escape(_written(below))} +)(?=\S+ \($)",
                              lambda found, passed=passed: f"{found[1]}#({passed}) ", body,
                              flags=re.M)
        return body

    return _each_module(text, change)


def _modules(text: str) -> dict[str, str]:
    return {found[1].removeprefix("\\"): found[0] for found in _MODULE.finditer(text)}


def _each_module(text: str, change: Callable[[str, str], str]) -> str:
    return _MODULE.sub(lambda found: change(found[1].removeprefix("\\"), found[0]), text)


def _written(module: str) -> str:
    return f"\\{module}" if "." in module else module


def _path(module: str) -> str:
    """A module inside an element: its name without that of the element."""
    return module.partition(".")[2]


def _file(key: _Key) -> str:
    return ".".join(filter(None, (*key[1:], "mem")))


def _parameter(key: _Key) -> str:
    return "_".join(filter(None, key[1:])).replace(".", "_")


def _vector(rows: list[str]) -> str:
    return f"{_ROW_BITS * len(rows)}'h{''.join(reversed(rows))}"
