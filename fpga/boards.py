"""Boards that a torus can be built for: their part, their clock, and their pins.

Pins and clocks are those of the `amaranth-boards` package.
"""

import dataclasses
from typing import Any

from golden.system.extras import needs

from .adapters import FT231X, FT2232H, TANG_BL702, Adapter
from .errors import BoardError
from .synthesis import ECP5, GOWIN, ICE40, Area, Family

__all__ = ["BOARDS", "Board", "Pin", "find_board"]


@dataclasses.dataclass(frozen=True)
class Pin:
    """A pin of a part.

    Parameters
    ----------
    name
        As the part's documents call it.
    inverted
        A low level means 1.
    attributes
        Of its buffer, such as the I/O standard, by the vendor's names.
    """

    name: str
    inverted: bool
    attributes: tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True)
class Board:
    """A board.

    Parameters
    ----------
    name
        Among `BOARDS`.
    family
        Of its part.
    part
        nextpnr's options that name it.
    capacity
        Cells of the part. `carries` are counted with the LUTs.
    platform
        Name of the module and of the class in `amaranth_boards`.
    adapter
        Between its UART and USB.
    led
        Which of the board's lights to use: name, number, and colour of a light that has several.
    """

    name: str
    family: Family
    part: tuple[str, ...]
    capacity: Area
    platform: tuple[str, str]
    adapter: Adapter
    led: tuple[str, int, str | None] = ("led", 0, None)

    @property
    def link_bytes(self) -> int:
        """Bytes of each buffer of the host link: one block RAM."""
        return 512 if self.family is ICE40 else 2048

    @property
    def clock_hz(self) -> int:
        """Frequency of its oscillator."""
        platform = self._platform()
        return round(_resource(platform, platform.default_clk, 0).clock.frequency)

    def pins(self) -> dict[str, Pin]:
        """The pins of `clk`, `rx`, `tx` and `led`."""
        platform = self._platform()
        clock = _resource(platform, platform.default_clk, 0)
        uart = _resource(platform, "uart", 0)
        light, number, colour = self.led
        led = _resource(platform, light, number)
        return {"clk": _pin(clock, None), "rx": _pin(uart, "rx"), "tx": _pin(uart, "tx"),
                "led": _pin(led, colour)}

    def _platform(self) -> Any:
        import importlib

        module, name = self.platform
        with needs("fpga"):
            return getattr(importlib.import_module(f"amaranth_boards.{module}"), name)


def _resource(platform: Any, name: str, number: int) -> Any:
    return next(one for one in platform.resources if (one.name, one.number) == (name, number))


def _pin(resource: Any, part: str | None) -> Pin:
    attributes = dict(resource.attrs)
    if part is not None:
        subsignal = next(one for one in resource.ios if one.name == part)
        attributes |= subsignal.attrs
        ios = subsignal.ios
    else:
        ios = resource.ios
    pins = ios[0]
    return Pin(pins.names[0], pins.invert,
               tuple(sorted((key, str(value)) for key, value in attributes.items())))


def _ecp5(name: str, size: str, speed: int, package: str, luts: int, multipliers: int,
          block_rams: int, platform: tuple[str, str], adapter: Adapter, **fields: Any) -> Board:
    part = (f"--{size}", "--speed", str(speed), "--package", package)
    # A quarter of the LUTs can be memories.
    capacity = Area(luts, luts // 2, luts, multipliers, block_rams, luts // 8)
    return Board(name, ECP5, part, capacity, platform, adapter, **fields)


BOARDS = {board.name: board for board in (
    _ecp5("ulx3s-85f", "85k", 6, "CABGA381", 83640, 156, 208, ("ulx3s", "ULX3S_85F_Platform"),
          FT231X),
    _ecp5("ulx3s-25f", "25k", 6, "CABGA381", 24288, 28, 56, ("ulx3s", "ULX3S_25F_Platform"),
          FT231X),
    _ecp5("ecpix5-85f", "um5g-85k", 8, "CABGA554", 83640, 156, 208,
          ("ecpix5", "ECPIX585Platform"), FT2232H, led=("rgb_led", 0, "g")),
    Board("icebreaker", ICE40, ("--up5k", "--package", "sg48"),
          Area(5280, 5280, 5280, 8, 30, 0), ("icebreaker", "ICEBreakerPlatform"), FT2232H),
    Board("tangnano9k", GOWIN, ("--device", "GW1NR-LV9QN88PC6/I5", "--vopt", "family=GW1N-9C"),
          Area(8640, 8640, 6480, 20, 26, 270), ("tang_nano_9k", "TangNano9kPlatform"),
          TANG_BL702),
)}


def find_board(name: str) -> Board:
    """A board by its name.

    Raises
    ------
    BoardError
        There is no such board.
    """
    if name not in BOARDS:
        raise BoardError(f"board must be one of {', '.join(BOARDS)}, not {name!r}")
    return BOARDS[name]
