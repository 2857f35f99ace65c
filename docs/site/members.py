"""Lets griffe read the sections "Members", which are those of the ports of a component."""

import re
from typing import Any

import griffe

__all__ = ["Members"]

_HEADING = re.compile(r"^([ ]*)Members\n\1-------$", re.M)


class Members(griffe.Extension):
    """Reads each of these sections as one of attributes, so that its lines become a table."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called by griffe, for every object that it finds."""
        if obj.docstring is not None:
            obj.docstring.value = _HEADING.sub(r"\1Attributes\n\1----------", obj.docstring.value)
