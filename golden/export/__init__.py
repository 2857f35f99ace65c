"""Models for other programs: layers as products of plain matrices, and ONNX files that are checked.

Names are looked up on first use.
"""

from typing import TYPE_CHECKING

from golden.system.names import lazy_names

if TYPE_CHECKING:
    from golden.export.onnx_file import to_onnx
    from golden.export.two_d import to_2d

__all__ = ["to_2d", "to_onnx"]

_HOMES = {"to_2d": "two_d", "to_onnx": "onnx_file"}

__getattr__ = lazy_names(__name__, _HOMES)
