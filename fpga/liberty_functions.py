"""What a cell of a liberty file computes."""

import re
from collections.abc import Mapping

__all__ = ["value_of"]

_TOKEN = re.compile(r"[A-Za-z_][\w\[\]]*|[01()'!~&*|+^]")
_NOT, _AND, _OR = "!~", "&*", "|+"


def value_of(function: str, pins: Mapping[str, bool]) -> bool | None:
    """The value of a function of liberty: postfix ' or prefix ! negates, and a space is an AND.

    Parameters
    ----------
    function
        As a liberty file writes it.
    pins
        The value of each pin, by name.

    Returns
    -------
    bool or None
        None if the function names what is no pin, such as a register's output, or is none.
    """
    tokens = _TOKEN.findall(function)
    try:
        value, rest = _either(tokens, pins)
    except (KeyError, IndexError):
        return None
    return None if rest else value


def _either(tokens: list[str], pins: Mapping[str, bool]) -> tuple[bool, list[str]]:
    value, tokens = _differs(tokens, pins)
    while tokens and tokens[0] in _OR:
        other, tokens = _differs(tokens[1:], pins)
        value = value or other
    return value, tokens


def _differs(tokens: list[str], pins: Mapping[str, bool]) -> tuple[bool, list[str]]:
    value, tokens = _both(tokens, pins)
    while tokens and tokens[0] == "^":
        other, tokens = _both(tokens[1:], pins)
        value = value != other
    return value, tokens


def _both(tokens: list[str], pins: Mapping[str, bool]) -> tuple[bool, list[str]]:
    value, tokens = _one(tokens, pins)
    while tokens and tokens[0] not in (*_OR, "^", ")"):
        other, tokens = _one(tokens[tokens[0] in _AND:], pins)
        value = value and other
    return value, tokens


def _one(tokens: list[str], pins: Mapping[str, bool]) -> tuple[bool, list[str]]:
    first, rest = tokens[0], tokens[1:]
    if first in _NOT:
        value, rest = _one(rest, pins)
        value = not value
    elif first == "(":
        value, rest = _either(rest, pins)
        if rest[0] != ")":
            raise IndexError
        rest = rest[1:]
    else:
        value = first == "1" if first in "01" else pins[first]
    while rest and rest[0] == "'":
        value, rest = not value, rest[1:]
    return value, rest
