"""What a liberty file says of its cells: names, areas, and what a gate equivalent is."""

import dataclasses
import fnmatch
import itertools
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from .errors import BoardError
from .liberty_functions import value_of

__all__ = ["Cell", "Library", "LibraryError", "read_library"]

_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|\\\r?\n|\s+|"((?:[^"\\]|\\.)*)"'
                    r'|([^\s(){}:;,"]+)|([(){}:;,])', re.S)
_HEADER = re.compile(r"(?:/\*.*?\*/|//[^\n]*|\s+)*library\s*\(", re.S)


class LibraryError(BoardError):
    """A liberty file that nothing can be mapped to, or that is none."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """A cell of a library.

    Parameters
    ----------
    name
        Its name.
    area
        In the library's unit.
    inputs
        Names of its input pins.
    functions
        What each output pin is, as the file writes it.
    stores
        "ff", "latch" or nothing.
    dont_use
        The file says that nothing should be mapped to it.
    """

    name: str
    area: float
    inputs: tuple[str, ...]
    functions: Mapping[str, str]
    stores: str
    dont_use: bool

    def is_gate(self, table: tuple[bool, ...]) -> bool:
        """Whether its one output is this function of all its inputs, the first one slowest."""
        if self.stores or len(self.functions) != 1 or 1 << len(self.inputs) != len(table):
            return False
        [function] = self.functions.values()
        found = tuple(value_of(function, dict(zip(self.inputs, bits, strict=True))) for bits in
                      itertools.product((False, True), repeat=len(self.inputs)))
        return found == table


@dataclasses.dataclass(frozen=True)
class Library:
    """A library that a design can be mapped to.

    Parameters
    ----------
    name
        As the file has it.
    cells
        By name.
    nand2
        The smallest NAND of two inputs: a gate equivalent is its area.
    """

    name: str
    cells: Mapping[str, Cell]
    nand2: Cell

    def gates(self, area: float) -> float:
        """An area in gate equivalents."""
        return area / self.nand2.area

    def check_unused(self, patterns: Collection[str]) -> None:
        """Refuse patterns that name no cell, or that leave nothing to map a design to.

        In a pattern, `*` stands for any letters, and `?` for one.

        Raises
        ------
        LibraryError
            A pattern names no cell of the file; or no flip-flop or no inverter is left.
        """
        left = [cell for cell in self.cells.values() if not cell.dont_use]
        for pattern in patterns:
            if not any(fnmatch.fnmatchcase(name, pattern) for name in self.cells):
                raise LibraryError(f"dont-use must name a cell of {self.name}, but none of its "
                                   f"{_count(len(self.cells))} is {pattern!r}")
            left = [cell for cell in left if not fnmatch.fnmatchcase(cell.name, pattern)]
        for kind, there in (("flip-flop", any(cell.stores == "ff" for cell in left)),
                            ("inverter", any(cell.is_gate((True, False)) for cell in left))):
            if not there:
                raise LibraryError(f"dont-use must leave a cell of each kind that is needed, but "
                                   f"without {', '.join(patterns)} {self.name} has no {kind}")


def read_library(path: Path) -> Library:
    """Read a liberty file, and check that a design can be mapped to its cells.

    Raises
    ------
    LibraryError
        It is not there or cannot be read, is no liberty file, is not whole, or has no flip-flop, no
        inverter or no NAND of two inputs with an area above 0.
    """
    try:
        text = path.read_bytes().decode(errors="replace")
    except OSError as error:
        raise LibraryError(f"liberty must be a liberty file, but {path} cannot be read: "
                           f"{error.strerror or error}") from error
    if _HEADER.match(text) is None:
        raise LibraryError(f"liberty must be a liberty file, which begins with library (NAME) {{, "
                           f"but {path} does not")
    groups = _groups(text, path)
    name, cells = next(groups), {}
    for cell in groups:
        assert isinstance(cell, Cell)
        cells[cell.name] = cell
    assert isinstance(name, str)
    usable = [cell for cell in cells.values() if not cell.dont_use]
    if not any(cell.stores == "ff" for cell in usable):
        raise LibraryError(f"liberty must be a file with flip-flops (cells with a group ff), but "
                           f"{path} has {_count(len(cells))} and none of them is one")
    if not any(cell.is_gate((True, False)) for cell in usable):
        raise LibraryError(f"liberty must be a file with an inverter, but {path} has "
                           f"{_count(len(cells))} and none of them is one")
    nands = [cell for cell in usable if cell.is_gate((True, True, True, False)) and cell.area > 0]
    if not nands:
        raise LibraryError(f"liberty must be a file with a NAND of two inputs and its area, which "
                           f"is a gate equivalent, but {path} has {_count(len(cells))} and none "
                           "of them is one")
    return Library(name, cells, min(nands, key=lambda cell: (cell.area, cell.name)))


def _count(cells: int) -> str:
    return "1 cell" if cells == 1 else f"{cells} cells"


def _groups(text: str, path: Path) -> Iterator[str | Cell]:
    """The name of the library, and then its cells."""
    tokens = _Tokens(text, path)
    tokens.expect("library")
    [name, *_] = tokens.arguments() or [""]
    tokens.expect("{")
    yield name
    for kind, names in tokens.inside({}):
        if kind != "cell":
            tokens.skip()
            continue
        yield _cell(tokens, names)

def _cell(tokens: "_Tokens", names: list[str]) -> Cell:
    values: dict[str, str] = {}
    inputs: list[str] = []
    functions: dict[str, str] = {}
    stores = ""
    for kind, pins in tokens.inside(values):
        if kind in ("ff", "latch", "ff_bank", "latch_bank", "statetable"):
            stores = stores or kind.removesuffix("_bank")
            tokens.skip()
        elif kind == "pin":
            pin: dict[str, str] = {}
            for _ in tokens.inside(pin):
                tokens.skip()
            if pin.get("direction") == "input":
                inputs += pins
            elif "function" in pin and "three_state" not in pin:
                functions |= dict.fromkeys(pins, pin["function"])
        else:
            tokens.skip()
    return Cell(names[0] if names else "", tokens.number("area", values.get("area", "0")),
                tuple(inputs), functions, stores, values.get("dont_use", "").lower() == "true")


class _Tokens:
    """Words and signs of a liberty file, one after the other."""

    def __init__(self, text: str, path: Path) -> None:
        self._path = path
        self._tokens = self._split(text)
        self._next = next(self._tokens, None)

    def _split(self, text: str) -> Iterator[str]:
        at = 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise self._broken(f"has {text[at]!r} in line {text.count(chr(10), 0, at) + 1}")
            at = found.end()
            token = next((part for part in found.groups() if part is not None), None)
            if token is not None:
                yield token

    def _take(self) -> str:
        token = self._next
        if token is None:
            raise self._broken("ends within a group")
        self._next = next(self._tokens, None)
        return token

    def _broken(self, what: str) -> LibraryError:
        return LibraryError(f"liberty must be a whole liberty file, but {self._path} {what}")

    def expect(self, wanted: str) -> None:
        """Take a token, which must be this one."""
        token = self._take()
        if token != wanted:
            raise self._broken(f"has {token[:40]!r} where {wanted!r} must stand")

    def arguments(self) -> list[str]:
        """Take what stands in parentheses."""
        self.expect("(")
        found: list[str] = []
        while (token := self._take()) != ")":
            if token in "{}":
                raise self._broken(f"has {token!r} within parentheses")
            if token not in ",:;":
                found.append(token)
        return found

    def inside(self, values: dict[str, str]) -> Iterator[tuple[str, list[str]]]:
        """Each group in a group that has begun; whoever gets one takes it to its end.

        Simple attributes go into `values`.
        """
        if self._next == "{":
            self._take()
        while (name := self._take()) != "}":
            if name in ";,":
                continue
            if self._next == ":":
                self._take()
                words: list[str] = []
                # A semicolon may be missing at the end of a line; the next sign tells.
                while self._next not in (";", "}", None):
                    words.append(self._take())
                values[name] = " ".join(words)
            elif self._next == "(":
                names = self.arguments()
                if self._next == "{":
                    yield name, names
            elif self._next is None:
                self._take()  # Which says so.
            else:
                raise self._broken(f"has {name[:40]!r} where an attribute or a group must stand")

    def skip(self) -> None:
        """Take a group to its end."""
        self.expect("{")
        depth = 1
        while depth:
            token = self._take()
            depth += {"{": 1, "}": -1}.get(token, 0)

    def number(self, name: str, text: str) -> float:
        """A value that must be a number, at least 0."""
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value < float("inf"):
            raise self._broken(f"has {name} {text[:40]!r}, which must be a number")
        return value
