"""The value of each kind of cell, as Yosys' manual defines it, as C++ on the types of `lanes.h`."""

from collections.abc import Callable

from ..errors import VectorRefused
from .cuts import extended
from .netlist import MAX_WORD_BITS, Bits, Cell
from .operands import Body, constant, mask_of, word_size

__all__ = ["changes", "check_kind", "register_value", "value"]

_BITWISE = {"$and": "&", "$or": "|", "$xor": "^", "$xnor": "^"}
_ARITHMETIC = {"$add": "+", "$sub": "-", "$mul": "*"}
_ONE_BIT = {"$add": "^", "$sub": "^", "$mul": "&"}
_LESS_SHIFT = 16  # A shift is computed in words of at least so many bits.
_REGISTERS = ("$dff", "$dffe", "$sdff", "$sdffe", "$sdffce")


def check_kind(cell: Cell, module: str) -> None:
    """Refuse a cell that the engine does not simulate.

    Raises
    ------
    VectorRefused
        Names the kind and the cell.
    """
    if cell.kind not in _VALUES and cell.kind not in _REGISTERS and not cell.is_memory:
        raise VectorRefused(f"the vector engine does not simulate the cell kind {cell.kind}, which "
                            f"is {cell.name} of module {module}: take --engine verilator")
    if max((len(bits) for name, bits in cell.ports.items() if name != "B" or cell.kind != "$pmux"),
           default=0) > MAX_WORD_BITS and cell.kind in _WORDS_ONLY:
        raise VectorRefused(f"the vector engine computes with words of at most {MAX_WORD_BITS} "
                            f"bits: {cell.kind} {cell.name} of module {module} is wider")


def value(cell: Cell, body: Body) -> str:
    """The output of a cell that keeps nothing."""
    return _VALUES[cell.kind](cell, body)


def register_value(cell: Cell, body: Body, kept: str) -> str:
    """What a register takes over at the clock edge, where `kept` is what it holds."""
    ports, width = cell.ports, len(cell.output)
    taken = body.word(ports["D"])
    reset = enable = None
    if "EN" in ports:
        enable = _polar(cell, "EN", body)
    if "SRST" in ports:
        reset = _polar(cell, "SRST", body)
    if enable is not None and cell.kind != "$sdffce":
        taken = f"sel({enable}, {taken}, {kept})"
    if reset is not None:
        number = int(cell.parameters["SRST_VALUE"], 2)
        if width == 1:
            taken = f"({taken}) | {reset}" if number else f"({taken}) & ~{reset}"
        elif number:
            taken = f"sel({reset}, K<{word_size(width)}>({constant(number)}), {taken})"
        else:
            taken = f"clear({reset}, {taken})"
    if enable is not None and cell.kind == "$sdffce":
        taken = f"sel({enable}, {taken}, {kept})"
    return taken


def changes(register: Cell, body: Body) -> str:
    """Where a register with an enable may take over another value."""
    names = [name for name in ("EN", "SRST") if name in register.ports]
    return " | ".join(_polar(register, name, body) for name in names)


def _polar(cell: Cell, name: str, body: Body) -> str:
    bit = body.bit(cell.ports[name][0])
    return bit if cell.number(f"{name}_POLARITY") else f"~{bit}"


def _signed(cell: Cell) -> bool:
    return bool(cell.number("A_SIGNED") and ("B" not in cell.ports or cell.number("B_SIGNED")))


def _masked(expression: str, width: int) -> str:
    if width in (8, 16, 32, 64):
        return expression
    return f"({expression}) & K<{word_size(width)}>({constant(mask_of(width))})"


def _truth(bit: str, width: int) -> str:
    """A truth value as a word of `width` bits."""
    return bit if width == 1 else f"fill<{word_size(width)}>({bit}, 1)"


def _bitwise(cell: Cell, body: Body) -> str:
    width = len(cell.output)
    a, b = (body.word(cell.ports[name]) for name in "AB")
    made = f"{a} {_BITWISE[cell.kind]} {b}"
    return _inverted(f"({made})", width) if cell.kind == "$xnor" else made


def _not(cell: Cell, body: Body) -> str:
    return _inverted(body.word(cell.ports["A"]), len(cell.output))


def _inverted(word: str, width: int) -> str:
    return f"~{word}" if width == 1 else (
        f"{word} ^ K<{word_size(width)}>({constant(mask_of(width))})")


def _arithmetic(cell: Cell, body: Body) -> str:
    width, signed = len(cell.output), _signed(cell)
    a, b = (body.word(extended(cell.ports[name], width, signed)) for name in "AB")
    if width == 1:
        return f"{a} {_ONE_BIT[cell.kind]} {b}"
    return _masked(f"{a} {_ARITHMETIC[cell.kind]} {b}", width)


def _negated(cell: Cell, body: Body) -> str:
    width = len(cell.output)
    a = body.word(extended(cell.ports["A"], width, bool(cell.number("A_SIGNED"))))
    return a if width == 1 else _masked(f"K<{word_size(width)}>(0) - {a}", width)


def _mux(cell: Cell, body: Body) -> str:
    ports = cell.ports
    return f"sel({body.bit(ports['S'][0])}, {body.word(ports['B'])}, {body.word(ports['A'])})"


def _pmux(cell: Cell, body: Body) -> str:
    width, made = len(cell.output), body.word(cell.ports["A"])
    for number, select in enumerate(cell.ports["S"]):
        case = body.word(cell.ports["B"][number * width:(number + 1) * width])
        made = f"sel({body.bit(select)}, {case}, {made})"
    return made


def _operands(cell: Cell) -> tuple[Bits, Bits]:
    """Both operands with as many bits."""
    a, b, signed = cell.ports["A"], cell.ports["B"], _signed(cell)
    width = max(len(a), len(b))
    return extended(a, width, signed), extended(b, width, signed)


def _equal(cell: Cell, body: Body) -> str:
    made = body.equal(*_operands(cell))
    return _truth(made if cell.kind == "$eq" else f"~{made}", len(cell.output))


def _ordered(cell: Cell, body: Body) -> str:
    a, b = _operands(cell)
    signed, size = _signed(cell), max(8, word_size(len(a)))
    if signed:
        a, b = extended(a, size, True), extended(b, size, True)
    first, second = body.word(a, size), body.word(b, size)
    if cell.kind in ("$gt", "$le"):
        first, second = second, first
    made = f"{'slt' if signed else 'ult'}({first}, {second})"
    return _truth(f"~{made}" if cell.kind in ("$le", "$ge") else made, len(cell.output))


def _any(cell: Cell, body: Body) -> str:
    return _truth(body.any_bit(cell.ports["A"]), len(cell.output))


def _none(cell: Cell, body: Body) -> str:
    return _truth(f"~{body.any_bit(cell.ports['A'])}", len(cell.output))


def _both(cell: Cell, body: Body) -> str:
    operator = "&" if cell.kind == "$logic_and" else "|"
    made = f"({body.any_bit(cell.ports['A'])} {operator} {body.any_bit(cell.ports['B'])})"
    return _truth(made, len(cell.output))


def _all(cell: Cell, body: Body) -> str:
    a = cell.ports["A"]
    return _truth(body.equal(a, ["1"] * len(a)), len(cell.output))


def _parity(cell: Cell, body: Body) -> str:
    made = f"({' ^ '.join(body.bit(bit) for bit in cell.ports['A'])})"
    return _truth(made if cell.kind == "$reduce_xor" else f"~{made}", len(cell.output))


def _shift(cell: Cell, body: Body) -> str:
    width, a = len(cell.output), cell.ports["A"]
    signed = bool(cell.number("A_SIGNED"))
    arithmetic = cell.kind == "$sshr" and signed
    size = max(_LESS_SHIFT, word_size(max(len(a), width)), word_size(len(cell.ports["B"])))
    bits = size if arithmetic else max(len(a), width)
    function = {"$shl": "shlv", "$sshl": "shlv"}.get(cell.kind, "sarv" if arithmetic else "shrv")
    by = body.word(cell.ports["B"], size)
    made = body.temporary(
        f"W<{size}>", f"{function}({body.word(extended(a, bits, signed), size)}, {by})")
    if width == 1:
        return f"bit<0>({made})"
    narrow = made if word_size(width) == size else f"conv<{word_size(width)}>({made})"
    return _masked(narrow, width)


_VALUES: dict[str, Callable[[Cell, Body], str]] = {
    **dict.fromkeys(_BITWISE, _bitwise), **dict.fromkeys(_ARITHMETIC, _arithmetic),
    "$not": _not, "$neg": _negated, "$mux": _mux, "$pmux": _pmux,
    "$eq": _equal, "$ne": _equal,
    **dict.fromkeys(("$lt", "$le", "$gt", "$ge"), _ordered),
    "$reduce_or": _any, "$reduce_bool": _any, "$logic_not": _none, "$reduce_and": _all,
    "$logic_and": _both, "$logic_or": _both, "$reduce_xor": _parity, "$reduce_xnor": _parity,
    **dict.fromkeys(("$shl", "$sshl", "$shr", "$sshr"), _shift)}

# Those whose operands are words at once; others take wide ones bit by bit, or are cut before.
_WORDS_ONLY = {*_ARITHMETIC, "$neg", "$lt", "$le", "$gt", "$ge", "$shl", "$sshl", "$shr", "$sshr"}
