"""The pins of a board that go to an FT2232H in synchronous FIFO mode, as its user names them.

No board of `BOARDS` has such a chip wired to its FPGA: it is a module on a header. Two sources that
agree on a header's pins are not there for each board, and any pins do; so a file names them.
"""

import re
from pathlib import Path

from .boards import Board, Pin
from .errors import BoardError
from .families import ECP5

__all__ = ["CLKOUT_MHZ", "FIFO_PORTS", "read_fifo_pins"]

CLKOUT_MHZ = 60.0
# Ports of the top around `hw.bus.ft245`, by the chip's names without #.
FIFO_PORTS = ("clkout", "rxf", "txe", "rd", "wr", "oe", "siwu",
              *(f"data[{bit}]" for bit in range(8)))
_ATTRIBUTES = (("IO_TYPE", "LVCMOS33"),)
_MOST_BYTES = 10_000
_SITE = re.compile(r"[A-Z]{1,2}[0-9]{1,2}")


def read_fifo_pins(path: Path, board: Board) -> dict[str, Pin]:
    """Read a file of lines "port pin", such as "data[0] B11"; `#` begins a comment.

    Returns
    -------
    dict
        The pin of each of `FIFO_PORTS`, in that order.

    Raises
    ------
    BoardError
        It cannot be read; a port is missing, named twice or unknown; a pin is none, is used twice,
        or is one of the board's own clock and light; or the board has no ECP5.
    """
    if board.family is not ECP5:
        raise BoardError(f"fifo-pins needs a board with an ECP5, not {board.name}")
    try:
        text = path.read_bytes()[:_MOST_BYTES].decode()
    except (OSError, UnicodeDecodeError) as error:
        raise BoardError(f"fifo-pins must be a text file of ports and pins, not {path}: "
                         f"{getattr(error, 'strerror', None) or 'it is no text'}") from error
    own = {pin.name: port for port, pin in board.pins().items() if port in ("clk", "led")}
    found: dict[str, Pin] = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        where = f"line {number} of fifo-pins {path}"
        port, *sites = words
        if port not in FIFO_PORTS or port in found:
            raise BoardError(f"{where} must name one of {', '.join(FIFO_PORTS)} that is not named "
                             f"yet, not {port!r}")
        if len(sites) != 1 or not _SITE.fullmatch(sites[0]):
            raise BoardError(f"{where} must have one pin for {port}, such as B11, not "
                             f"{' '.join(sites)!r}")
        site, = sites
        used = own | {pin.name: other for other, pin in found.items()}
        if site in used:
            raise BoardError(f"{where} must have a free pin for {port}, not {site}, which is that "
                             f"of {used[site]}")
        found[port] = Pin(site, False, _ATTRIBUTES)
    missing = [port for port in FIFO_PORTS if port not in found]
    if missing:
        raise BoardError(f"fifo-pins {path} must name a pin for each of {', '.join(FIFO_PORTS)}: "
                         f"{', '.join(missing)} is missing")
    return {port: found[port] for port in FIFO_PORTS}
