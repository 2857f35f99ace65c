"""Parts of a component that a proof leaves out, as they are proved apart: only their ports stay."""

from types import ModuleType
from typing import Any

from amaranth import *

from .inside import Inside

__all__ = ["look_inside_with_boxes"]


def look_inside_with_boxes(component: Any, module: ModuleType, boxed: str, box_name: str,
                           *submodules: str, peeks: int = 1) -> tuple[Inside, Any]:
    """Elaborate a component with an empty box in place of one part; return its inside, and the box.

    Parameters
    ----------
    component
        Not yet added to a design; the same component is then added, with the box.
    module
        The module of its class.
    boxed, box_name
        Name of the part's class in this module, and of the submodule that is one.
    submodules, peeks
        As `Inside` has them.
    """
    original: Any = getattr(module, boxed)

    class Box(original):
        """The ports of the part, and nothing behind them: the proof drives what it would."""

        def elaborate(self, platform: object) -> Module:
            return Module()

    setattr(module, boxed, Box)
    try:
        inside = Inside(component, box_name, *submodules, peeks=peeks)
    finally:
        setattr(module, boxed, original)
    box = inside.submodule(box_name).component
    return inside, box
