"""Boards that a torus can be built for: their part, their clock, and their pins.

Pins and clocks are those of the `amaranth-boards` package; of a board that it lacks, those of two
other sources that agree.
"""

import dataclasses
from typing import Any

from golden.system.extras import needs

from .adapters import FT231X, FT232R, FT2232H, TANG_BL616, TANG_BL702, Adapter
from .errors import BoardError
from .families import ECP5, GW1N, GW2A, GW5A, ICE40, NEXUS, Family
from .synthesis import Area

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
class Pinout:
    """The clock and the pins of a board that `amaranth_boards` lacks.

    Parameters
    ----------
    clock_hz
        Frequency of its oscillator.
    clk, rx, tx, led
        Its pins, by the names of the part's documents.
    attributes, pull_up
        Of all buffers, as those of `Pin`; and one more of `rx`, which is high without a cable.
    led_inverted
        A low level lights it.
    """

    clock_hz: int
    clk: str
    rx: str
    tx: str
    led: str
    attributes: tuple[tuple[str, str], ...]
    pull_up: tuple[str, str]
    led_inverted: bool = False

    def pins(self) -> dict[str, Pin]:
        """As `Board.pins`."""
        more = {"rx": (self.pull_up,)}
        return {port: Pin(getattr(self, port), self.led_inverted and port == "led",
                          self.attributes + more.get(port, ()))
                for port in ("clk", "rx", "tx", "led")}


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
        Name of the module and of the class in `amaranth_boards`; or its clock and its pins.
    adapter
        Between its UART and USB.
    led
        Which of the lights of `amaranth_boards` to use: name, number, and colour of a light that
        has several.
    packing
        The packer's options that name its part.
    """

    name: str
    family: Family
    part: tuple[str, ...]
    capacity: Area
    platform: tuple[str, str] | Pinout
    adapter: Adapter
    led: tuple[str, int, str | None] = ("led", 0, None)
    packing: tuple[str, ...] = ()

    @property
    def link_bytes(self) -> int:
        """Bytes of each buffer of the host link: one block RAM."""
        return self.family.ram_bytes

    @property
    def clock_hz(self) -> int:
        """Frequency of its oscillator."""
        if isinstance(self.platform, Pinout):
            return self.platform.clock_hz
        platform = self._platform()
        return round(_resource(platform, platform.default_clk, 0).clock.frequency)

    def pins(self) -> dict[str, Pin]:
        """The pins of `clk`, `rx`, `tx` and `led`."""
        if isinstance(self.platform, Pinout):
            return self.platform.pins()
        platform = self._platform()
        clock = _resource(platform, platform.default_clk, 0)
        uart = _resource(platform, "uart", 0)
        light, number, colour = self.led
        led = _resource(platform, light, number)
        return {"clk": _pin(clock, None), "rx": _pin(uart, "rx"), "tx": _pin(uart, "tx"),
                "led": _pin(led, colour)}

    def _platform(self) -> Any:
        import importlib

        if isinstance(self.platform, Pinout):
            raise TypeError(f"{self.name} is not in amaranth_boards")
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


def _gowin(name: str, family: Family, device: str, chip: str, capacity: Area, gpio: str,
           platform: tuple[str, str] | Pinout, adapter: Adapter, *, options: str = "") -> Board:
    """`gpio` names sets of pins that are not to configure the part any more once it runs.

    `options` are nextpnr's of the chip.
    """
    part = ["--device", device]
    for option in (f"family={chip}", *options.split()):
        part += ["--vopt", option]
    packing = ("-d", chip, *(f"--{one}_as_gpio" for one in gpio.split()))
    return Board(name, family, tuple(part), capacity, platform, adapter, packing=packing)


_33, _GOWIN_PULL_UP = (("IO_TYPE", "LVCMOS33"),), ("PULL_MODE", "UP")

# The Tang Nano 20K: sipeed/TangNano-20K-example (uart/src/top.cst, led/blink_led/src/blink_led.cst)
# and litex-hub/litex-boards (sipeed_tang_nano_20k.py), which has the lights as active low.
_TANG_NANO_20K = Pinout(27_000_000, "4", "70", "69", "15", _33, _GOWIN_PULL_UP,
                         led_inverted=True)
# The dock of the Tang Primer 25K: sipeed/TangPrimer-25K-example (UART/src/top.cst of commit
# b0baf72, where an earlier one had the UART's pins swapped, and nestang-25k/src/nestang.cst) and
# litex-hub/litex-boards (sipeed_tang_primer_25k.py). The light is on the pin READY.
_TANG_PRIMER_25K = Pinout(50_000_000, "E2", "B3", "C3", "E8", _33, _GOWIN_PULL_UP)
# The evaluation board of the CrossLink-NX: litex-hub/litex-boards (lattice_crosslink_nx_evn.py) and
# sylefeb/Silice (crosslink_nx_evn.pdc). These do not agree which of F16 and F18 goes to the chip on
# the board, so the UART is that of an adapter on PMOD0, of whose pins both say the same: 2 carries
# data out of the part and 3 into it (Digilent's Pmod Interface Specification, type 3).
_LIFCL_40_EVN = Pinout(12_000_000, "L13", "D7", "D9", "E17", _33, ("PULLMODE", "UP"))

_GW2A_18 = Area(20736, 20736, 15552, 48, 46, 648)
BOARDS = {board.name: board for board in (
    _ecp5("ulx3s-85f", "85k", 6, "CABGA381", 83640, 156, 208, ("ulx3s", "ULX3S_85F_Platform"),
          FT231X),
    _ecp5("ulx3s-25f", "25k", 6, "CABGA381", 24288, 28, 56, ("ulx3s", "ULX3S_25F_Platform"),
          FT231X),
    _ecp5("ecpix5-85f", "um5g-85k", 8, "CABGA554", 83640, 156, 208,
          ("ecpix5", "ECPIX585Platform"), FT2232H, led=("rgb_led", 0, "g")),
    Board("icebreaker", ICE40, ("--up5k", "--package", "sg48"),
          Area(5280, 5280, 5280, 8, 30, 0), ("icebreaker", "ICEBreakerPlatform"), FT2232H),
    _gowin("tangnano9k", GW1N, "GW1NR-LV9QN88PC6/I5", "GW1N-9C",
           Area(8640, 8640, 6480, 20, 26, 270), "sspi mspi",
           ("tang_nano_9k", "TangNano9kPlatform"), TANG_BL702),
    _gowin("tangnano20k", GW2A, "GW2AR-LV18QN88C8/I7", "GW2A-18C", _GW2A_18,
           "mspi sspi ready done", _TANG_NANO_20K, TANG_BL616),
    _gowin("tangprimer20k", GW2A, "GW2A-LV18PG256C8/I7", "GW2A-18C", _GW2A_18,
           "mspi sspi ready done", ("tang_primer_20k", "TangPrimer20kDockPlatform"),
           TANG_BL702),
    # Yosys maps none of its 28 multipliers.
    _gowin("tangprimer25k", GW5A, "GW5A-LV25MG121NC1/I0", "GW5A-25A",
           Area(23040, 23040, 23040, 0, 56, 0), "sspi cpu ready", _TANG_PRIMER_25K,
           TANG_BL616, options="sspi_as_gpio"),
    Board("lifcl-40-evn", NEXUS, ("--device", "LIFCL-40-9BG400C"),
          Area(32256, 32256, 32256, 56, 84, 4032), _LIFCL_40_EVN, FT232R),
)}


# Parts for which people look here, and why there is no board with one.
_WITHOUT = {
    "gatemate": "products take logic cells on a GateMate",
    "machxo": "a MachXO has no multipliers",
}


def find_board(name: str) -> Board:
    """A board by its name.

    Raises
    ------
    BoardError
        There is no such board.
    """
    if name not in BOARDS:
        why = next((f": {reason}" for part, reason in _WITHOUT.items() if part in name.lower()), "")
        raise BoardError(f"board must be one of {', '.join(BOARDS)}, not {name!r}{why}")
    return BOARDS[name]
