"""The blocks whose levels of logic are counted, each alone, as a board of an ECP5 has it."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from amaranth.lib import wiring

from hw.config import TorusConfig
from hw.emit import emit_verilog
from hw.host.bridge import Bridge
from hw.host.gateway import Gateway
from hw.pe.pe import PE
from hw.pe.training_pe import TrainingPE
from hw.tops import CELLS, TOPS, top_verilog
from hw.uart.host_link import HostLink

from .board_design import board_config, board_link
from .boards import BOARDS
from .boundary import BOUNDARY, with_boundary
from .families import ECP5
from .synthesis import synthesise
from .tools import read_json

__all__ = ["BLOCKS", "Block", "block_netlist"]

BOARD = "ulx3s-85f"
_BAUD = 1_000_000
_MODULE = "block"


def _host_link(config: TorusConfig) -> HostLink:
    return HostLink(board_link(BOARDS[BOARD], _BAUD), config.host_bits, config.hardware_id)


def _lane_pe(config: TorusConfig) -> PE:
    """A processing element that takes two words a cycle, for two sums at once."""
    return PE(dataclasses.replace(config, lanes_in=2, lanes_out=2))


def _two_words(config: TorusConfig) -> TorusConfig:
    """The same torus, whose links move two words at once."""
    return dataclasses.replace(config, lanes_in=2, lanes_out=2, link_words=2)


@dataclasses.dataclass(frozen=True)
class Block:
    """A block of a board.

    Parameters
    ----------
    make
        Makes it, of the configuration of a torus; None for the torus itself.
    trains
        It belongs to a torus that trains.
    most_levels
        The most levels of logic between its registers, which a test holds; None where a block is
        too large for a test.
    """

    make: Callable[[TorusConfig], wiring.Component] | None
    trains: bool
    most_levels: int | None


BLOCKS = {
    "pe": Block(PE, False, 5),
    "lane-pe": Block(_lane_pe, False, 5),
    "two-word-pe": Block(lambda config: PE(_two_words(config)), False, 5),
    "two-word-gateway": Block(lambda config: Gateway(_two_words(config)), False, 4),
    "training-pe": Block(TrainingPE, True, 6),
    "gateway": Block(Gateway, False, 4),
    "training-gateway": Block(Gateway, True, 4),
    "bridge": Block(Bridge, False, 4),
    "host-link": Block(_host_link, False, 5),
    "torus": Block(None, False, None),
    "training-torus": Block(None, True, None),
}


def block_netlist(name: str, rows: int, cols: int, folder: Path) -> dict[str, Any]:
    """Synthesise one of `BLOCKS` between registers, in a folder; return Yosys's netlist.

    Parameters
    ----------
    name
        Among `BLOCKS`.
    rows, cols
        Size of the torus that it belongs to, with the memories that a ULX3S-85F gets.
    folder
        Where the tools run.

    Raises
    ------
    FpgaToolMissing, FlowFailed
        As `synthesise`.
    """
    block = BLOCKS[name]
    config = board_config(BOARDS[BOARD], rows, cols, train=block.trains)
    cells = "ecp5"
    if block.make is None:
        verilog, top = top_verilog("torus", config, cells=cells), TOPS["torus"]
    else:
        verilog, top = emit_verilog(block.make(config), _MODULE, CELLS[cells]), _MODULE
    synthesise(folder, with_boundary(verilog, top), BOUNDARY, ECP5)
    return read_json(folder / "netlist.json")
