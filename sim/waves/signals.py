"""The signals of a torus, as its Verilog declares them."""

import re
from collections.abc import Iterator, Mapping

__all__ = ["Widths", "declared"]

Widths = Mapping[str, int]
"""Bits of every signal, by its place in the design: `clostorus.torus.pe_0_0.row_word`."""

_NAME = r"(\\\S+ |\w+)"
_MODULE = re.compile(rf"^module {_NAME} *[(;].*?^endmodule$", re.M | re.S)
_INSTANCE = re.compile(rf"^  {_NAME} +(?:#\(.*?\n  \) )?{_NAME} ?\($", re.M | re.S)
_DECLARED = re.compile(
    rf"^  (?:input |output |wire |reg |signed )+(?:\[(\d+):0\] )?{_NAME}(?: = [^;]+)?;$", re.M
)


def declared(verilog: str, top: str) -> Widths:
    """Read the signals of a design, through all instances of its modules.

    Signals whose own names have dots are left out: viewers take these for places.

    Parameters
    ----------
    verilog, top
        A design as `hw.tops` writes it, and its top module.
    """
    modules = {_plain(found[1]): found[0] for found in _MODULE.finditer(verilog)}
    signals = {name: _signals(text) for name, text in modules.items()}
    inside = {
        name: [(_plain(kind), _plain(one)) for kind, one in _INSTANCE.findall(text)
               if _plain(kind) in modules]
        for name, text in modules.items()
    }  # fmt: skip

    def walk(module: str, place: str) -> Iterator[tuple[str, int]]:
        for name, bits in signals[module].items():
            yield f"{place}.{name}", bits
        for kind, name in inside[module]:
            yield from walk(kind, f"{place}.{name}")

    return dict(walk(top, top))


def _signals(module: str) -> dict[str, int]:
    """The names and widths of a module's own signals."""
    found = ((_plain(name), int(high or 0) + 1) for high, name in _DECLARED.findall(module))
    return {name: bits for name, bits in found if "." not in name}


def _plain(name: str) -> str:
    return name.strip().removeprefix("\\")
