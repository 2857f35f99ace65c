"""Operands as C++ expressions in the types of `lanes.h`."""

import dataclasses
import itertools
from collections.abc import Iterator

from .netlist import Bits

__all__ = ["Body", "Line", "Words", "constant", "mask_of", "type_name", "word_size"]

_SIZES = (8, 16, 32, 64)


def word_size(width: int) -> int:
    """Bits of the `W` that holds a signal; 1 stands for a `B`."""
    return 1 if width == 1 else next(size for size in _SIZES if width <= size)


def type_name(width: int) -> str:
    """Type of a signal of so many bits."""
    size = word_size(width)
    return "B" if size == 1 else f"W<{size}>"


def constant(value: int) -> str:
    """A C++ constant."""
    return f"0x{value:x}ull"


def mask_of(width: int) -> int:
    """The value in which the lowest so many bits are set."""
    return (1 << width) - 1


@dataclasses.dataclass(frozen=True)
class Line:
    """A statement; `name` and `type` are set if it defines a value."""

    text: str
    name: str = ""
    type: str = ""


class Words:
    """The signals of a module: which bit of which C++ value a net is."""

    def __init__(self) -> None:
        self._source: dict[int, tuple[str, int]] = {}
        self._widths: dict[str, int] = {}

    def add(self, name: str, bits: Bits) -> None:
        """Name the value that holds these bits."""
        self._widths[name] = len(bits)
        self._source.update(
            (bit, (name, index)) for index, bit in enumerate(bits) if isinstance(bit, int))

    def of(self, bit: int | str) -> tuple[str, int] | None:
        """Value and index of a bit; None if nothing drives it."""
        return self._source.get(bit) if isinstance(bit, int) else None

    def width(self, name: str) -> int:
        """Bits of a value."""
        return self._widths[name]

    def names(self, bits: Bits) -> set[str]:
        """All values that an operand is put together from."""
        return {found[0] for found in map(self.of, bits) if found is not None}


@dataclasses.dataclass(frozen=True)
class _Run:
    """Bits of an operand that come from one place: `count` of them from position `at` on.

    Of the value `name` from bit `low` on; or, without a name, of the constant `low`. A `fill`
    repeats one bit.
    """

    at: int
    count: int
    name: str
    low: int
    fill: bool = False


class Body:
    """The lines of a function, and what they have computed."""

    def __init__(self, words: Words, before: "Body | None" = None) -> None:
        """Begin a body, or what comes after another one and may use what that has computed."""
        self.words = words
        self.lines: list[Line] = []
        self._temporaries: dict[tuple[str, str], str] = (
            {} if before is None else dict(before._temporaries))
        self._numbers: Iterator[int] = itertools.count() if before is None else before._numbers

    def define(self, name: str, width: int, expression: str) -> None:
        """Define the value of a cell."""
        kind = type_name(width)
        self.lines.append(Line(f"const {kind} {name} = {expression};", name, kind))

    def do(self, statement: str) -> None:
        """Add a statement."""
        self.lines.append(Line(statement))

    def temporary(self, kind: str, expression: str) -> str:
        """Name of a value, which is computed once."""
        name = self._temporaries.get((kind, expression))
        if name is None:
            name = f"t{next(self._numbers)}"
            self._temporaries[kind, expression] = name
            self.lines.append(Line(f"const {kind} {name} = {expression};", name, kind))
        return name

    def bit(self, bit: int | str) -> str:
        """One bit, as a `B`."""
        if bit == "1":
            return "ones()"
        found = self.words.of(bit)
        if found is None:
            return "zeros()"
        name, index = found
        return name if self.words.width(name) == 1 else self.temporary("B", f"bit<{index}>({name})")

    def word(self, bits: Bits, size: int | None = None) -> str:
        """An operand as a `W<size>`, zero above its bits; a `B` if it is one bit and may be so."""
        size = word_size(len(bits)) if size is None else size
        if size == 1:
            return self.bit(bits[0])
        repeated = _repeated_sign(bits)
        if repeated:
            kept = len(bits) - repeated
            inner = self.word(bits[:kept], size)
            return self.temporary(f"W<{size}>", f"sext<{kept}, {len(bits)}>({inner})")
        terms = [term for run in self._runs(bits) if (term := self._term(run, bits, size))]
        if not terms:
            return f"K<{size}>(0)"
        if len(terms) == 1 and terms[0].isidentifier():
            return terms[0]
        return self.temporary(f"W<{size}>", " | ".join(terms))

    def _term(self, run: _Run, bits: Bits, size: int) -> str:
        if not run.name:
            return f"K<{size}>({constant(run.low << run.at)})" if run.low else ""
        width = self.words.width(run.name)
        if run.fill or run.count == 1:
            mask = constant(mask_of(run.count) << run.at)
            return f"fill<{size}>({self.bit(bits[run.at])}, {mask})"
        term = run.name
        if run.low:
            term = f"shr<{run.low}>({term})"
        if run.low + run.count < width:
            term = f"({term} & K<{word_size(width)}>({constant(mask_of(run.count))}))"
        if word_size(width) != size:
            term = f"conv<{size}>({term})"
        return f"shl<{run.at}>({term})" if run.at else term

    def any_bit(self, bits: Bits) -> str:
        """Whether any bit is set, as a `B`."""
        terms: list[str] = []
        for run in self._runs(bits):
            if not run.name:
                if run.low:
                    return "ones()"
            elif run.fill or run.count == 1:
                terms.append(self.bit(bits[run.at]))
            else:
                mask = constant(mask_of(run.count) << run.low)
                terms.append(self.temporary("B", f"any({run.name}, {mask})"))
        return f"({' | '.join(dict.fromkeys(terms)) or 'zeros()'})"

    def equal(self, a: Bits, b: Bits) -> str:
        """Whether two operands of as many bits are the same, as a `B`."""
        seams = {run.at for bits in (a, b) for run in self._runs(bits)}
        edges = sorted({*seams, len(a)})
        terms: list[str] = []
        for low, high in zip(edges, edges[1:], strict=False):
            if high - low == 1:
                terms.append(self._same(a[low], b[low]))
            else:
                size = word_size(high - low)
                terms.append(f"eq({self.word(a[low:high], size)}, {self.word(b[low:high], size)})")
        return f"({' & '.join(terms)})"

    def _same(self, a: int | str, b: int | str) -> str:
        if isinstance(a, str):
            a, b = b, a
        if isinstance(b, str):
            return self.bit(a) if b == "1" else f"~{self.bit(a)}"
        return f"~({self.bit(a)} ^ {self.bit(b)})"

    def _runs(self, bits: Bits) -> Iterator[_Run]:
        found = [("", bit) if place is None else place
                 for bit, place in ((bit, self.words.of(bit)) for bit in bits)]
        at = 0
        while at < len(bits):
            name, low = found[at]
            end = at + 1
            if not name:
                while end < len(bits) and not found[end][0]:
                    end += 1
                value = sum((bits[index] == "1") << (index - at) for index in range(at, end))
                yield _Run(at, end - at, "", value)
            elif end < len(bits) and found[end] == found[at]:
                while end < len(bits) and found[end] == found[at]:
                    end += 1
                yield _Run(at, end - at, name, int(low), fill=True)
            else:
                while (end < len(bits) and found[end] == (name, int(low) + end - at)
                       and not (end + 1 < len(bits) and found[end + 1] == found[end])):
                    end += 1
                yield _Run(at, end - at, name, int(low))
            at = end


def _repeated_sign(bits: Bits) -> int:
    """How often the highest bit is repeated, if what is below is a word."""
    if isinstance(bits[-1], str):
        return 0
    count = 1
    while count < len(bits) and bits[-1 - count] == bits[-1]:
        count += 1
    return count - 1 if 1 < count and len(bits) - count + 1 > 1 else 0
