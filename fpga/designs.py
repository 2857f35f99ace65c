"""What the FPGA flow measures: blocks of the accelerator, with their default configuration."""

import dataclasses
import functools

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hw.config import TorusConfig
from hw.emit import emit_verilog
from hw.presets import FITTED, FITTED_BATCHES, FITTED_TRAINING
from hw.ring.hop import Hop
from hw.tops import CELLS, TOPS, top_verilog

__all__ = ["DESIGNS", "Design"]

_LINK_SIDE = "clostorus_link_side"


class _LinkSide(wiring.Component):
    """What a word passes on its way through a node: the hops of both rings."""

    def __init__(self, config: TorusConfig) -> None:
        self.hops = {ring: Hop(config.link_bits) for ring in ("row", "col")}
        super().__init__({ring: In(hop.signature.flip()) for ring, hop in self.hops.items()})

    def elaborate(self, platform: object) -> Module:
        """Two hops that share nothing."""
        m = Module()
        for ring, hop in self.hops.items():
            m.submodules[ring] = hop
            wiring.connect(m, wiring.flipped(getattr(self, ring)), hop)
        return m


@dataclasses.dataclass(frozen=True)
class Design:
    """A block to synthesise.

    Parameters
    ----------
    name
        Among `DESIGNS`.
    top
        Name of its top module.
    config
        Its configuration.
    """

    name: str
    top: str
    config: TorusConfig

    @property
    def kind(self) -> str:
        """What it is, whatever its configuration: "link-side", "router", "pe" or "torus"."""
        if self.top == _LINK_SIDE:
            return "link-side"
        name = next(name for name, top in TOPS.items() if top == self.top)
        return name.removeprefix("inference-").removeprefix("training-")

    def verilog(self, cells: str = "generic") -> str:
        """Its Verilog, with cells as `hw.tops.top_verilog` takes them."""
        return _verilog(self, cells)


@functools.lru_cache(maxsize=4)
def _verilog(design: Design, cells: str) -> str:
    if design.top == _LINK_SIDE:
        return emit_verilog(_LinkSide(design.config), design.top, CELLS[cells])
    kind = next(kind for kind, top in TOPS.items() if top == design.top)
    return top_verilog(kind, design.config, cells=cells)


def _torus(size: int, config: TorusConfig = FITTED, name: str = "torus") -> Design:
    return Design(f"{name}-{size}x{size}", TOPS["torus"],
                  dataclasses.replace(config, rows=size, cols=size))


DESIGNS = {design.name: design for design in (
    Design("link-side", _LINK_SIDE, FITTED),
    Design("inference-router", TOPS["inference-router"], FITTED),
    Design("pe", TOPS["pe"], FITTED),
    Design("pe-general", TOPS["pe"], TorusConfig()),
    Design("pe-word-steps", TOPS["pe"], dataclasses.replace(FITTED, word_steps=1)),
    _torus(2),
    _torus(4),
    Design("training-router", TOPS["training-router"], FITTED_TRAINING),
    Design("training-pe", TOPS["pe"], FITTED_TRAINING),
    Design("training-pe-batches", TOPS["pe"], FITTED_BATCHES),
    _torus(2, FITTED_TRAINING, "training-torus"),
    _torus(4, FITTED_TRAINING, "training-torus"),
)}
