"""Refusals in the words of the command line: `--lr`, where a library says `learning_rate`.

A message begins with the field that it is about, or with the file. The fields of a command are
those of its declared parameters, so a new option needs nothing here unless a library calls it by
another name.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import typer
from typer.core import TyperCommand

from golden.system.ending import one_line_errors
from sw_driver.errors import DriverError

__all__ = ["Command", "spelled"]

# What libraries call what an option sets, by the name of the command's parameter.
_ALIASES: Mapping[str, tuple[str, ...]] = {
    "batch": ("batch_size",),
    "clock_mhz": ("clock_hz",),
    "freeze": ("frozen", "a frozen layer"),
    "layer": ("a layer", "layers", "shapes"),
    "rate": ("learning_rate", "learning rate"),
    "word_bits": ("act_bits",),
}
# Messages about what an option holds, which begin with a part of it.
_LAYER = re.compile(r"the (first|last) layer \(|layer \d+ \(")
_PARTS = {"start": _LAYER, "layer": _LAYER}
_LISTED = re.compile(r"(?<= must be )(?:one of )?([^:;]+?), not '([^']*)'")


class Command(TyperCommand):
    """A command that refuses in its own words, in one line."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse a text that is empty, which would mean the working directory or the default."""
        words = list(args)  # Parsing empties the list.
        if "" in args or any(re.fullmatch("--[^=]+=", one) for one in args):
            for parameter, text in self._given(ctx, words):
                if text == "":
                    raise DriverError(f"{_spelling(parameter)} must not be empty")
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            given = self._given(ctx, words)
            texts = [text for parameter, text in given if parameter is error.param]
            if texts:
                error.message = f"{error.message.rstrip('.')}, not {', '.join(texts)}"
            raise

    def _given(self, ctx: Any, words: list[str]) -> Iterator[tuple[Any, str]]:
        """Each parameter that has a text on the command line, and the text."""
        values, _, _ = self.make_parser(ctx).parse_args(list(words))
        for parameter in self.params:
            value: object = values.get(parameter.name or "")
            several = cast(Iterable[object], value if isinstance(value, list | tuple) else [value])
            for text in several:
                if isinstance(text, str):
                    yield parameter, text

    def invoke(self, ctx: Any) -> Any:
        """Run the command; say what users can cause in its words."""
        with one_line_errors("clostorus", lambda text: spelled(text, self.params, ctx.params)):
            return super().invoke(ctx)


def spelled(message: str, parameters: Sequence[Any], values: Mapping[str, Any]) -> str:
    """Spell the fields at the beginning of a message as options, and suggest a name that is near.

    Parameters
    ----------
    message
        Of an error.
    parameters
        Of the command, as typer declares them: `name`, `opts`.
    values
        What each has, by name.

    Returns
    -------
    str
        The message, unless it begins with a field or a value of the command.
    """
    named = {
        field: _spelling(parameter) for parameter in parameters for field in _fields(parameter)
    }
    message = _suggested(message)
    for parameter in parameters:
        part = _PARTS.get(parameter.name or "")
        # Layers are those of the command line, or of the file that takes their place.
        holds = parameter.name == "layer" if not values.get("start") else parameter.name == "start"
        if part is not None and holds and part.match(message):
            return f"{_spelling(parameter)}: {message}"
        for value in _texts(values.get(parameter.name or "")):
            if re.match(rf"{re.escape(value)}(?=[ :,])", message):
                return f"{_spelling(parameter)} {message}"
    one = "|".join(re.escape(field) for field in sorted(named, key=len, reverse=True))
    begins = re.match(rf"(?:{one})(?:(?:, | and )(?:{one}))*(?![\w-])(?! \d+[ :])", message)
    if begins is None:
        return message
    fields = re.sub(rf"\b(?:{one})\b", lambda found: named[found[0]], begins[0])
    return fields + message[begins.end() :]


def _fields(parameter: Any) -> Iterator[str]:
    """What messages may call a parameter."""
    name: str = parameter.name
    written = _spelling(parameter).lstrip("-").lower()
    for field in (name, written, *_ALIASES.get(name, ())):
        yield from {field, field.replace("_", "-"), field.replace("-", "_")}


def _spelling(parameter: Any) -> str:
    """An option as users write it; an argument as the usage line has it."""
    options: Iterable[str] = parameter.opts
    return next((one for one in options if one.startswith("--")), parameter.name.upper())


def _texts(value: object) -> Iterator[str]:
    """The paths that a parameter names, as messages write them."""
    if isinstance(value, Path):
        yield str(value)
    elif isinstance(value, str) and ("." in value or "/" in value):
        yield value
        yield from value.split(",") if "," in value else ()  # Of a pair of files.


def _suggested(message: str) -> str:
    """A message that lists what there is, with what is nearest to what was asked for."""
    listed = _LISTED.search(message)
    if listed is None:
        return message
    there = {name.lower(): name for name in re.split(", | or ", listed[1])}
    near = difflib.get_close_matches(listed[2].lower(), list(there), 1)
    if not near:
        return message
    return f"{message[: listed.end()]} (did you mean {there[near[0]]}?){message[listed.end() :]}"
