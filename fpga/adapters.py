"""Adapters between USB and the UART of a board: which bit rates they have."""

import dataclasses

__all__ = ["FT231X", "FT232R", "FT2232H", "TANG_BL616", "TANG_BL702", "Adapter"]

_EIGHTHS = 8
# Most error of an adapter's rate; the board's own may be as large (`hw.link_config`).
_MOST_ERROR = 0.02


@dataclasses.dataclass(frozen=True)
class Adapter:
    """A chip that is a USB device on one side and a UART on the other.

    Its rates are its fastest one, two thirds of it, and it divided by n/8 for whole numbers n of at
    least 16 (FTDI AN_120, "Aliasing VCP baud rates").

    Parameters
    ----------
    name
        Of the chip.
    most_baud
        Its fastest rate.
    """

    name: str
    most_baud: int

    def nearest(self, baud: int) -> int:
        """The nearest of its rates, in bits a second."""
        eighths = max(2 * _EIGHTHS, round(_EIGHTHS * self.most_baud / baud))
        rates = (self.most_baud, self.most_baud * 2 // 3, self.most_baud * _EIGHTHS // eighths)
        return min(rates, key=lambda rate: abs(rate - baud))

    def has(self, baud: int) -> bool:
        """Whether it has a rate within 2 % of `baud`."""
        return abs(self.nearest(baud) / baud - 1) <= _MOST_ERROR


# FT231X data sheet (FT_000565) and FT232R (FT_000053), "300 baud to 3 Mbaud"; FT2232H: up to 12
# Mbaud without the divider by 2.5 (Linux, ftdi_sio, commit 094c2e6db4be). The BL702 of a Tang Nano
# 9K plays an FT2232, and is known to work up to 3 Mbaud (sipeed/TangNano-9K-example, issue 7). The
# BL616 of later boards plays one, too; 2 Mbaud is what a project on a Tang Primer 25K uses.
FT231X = Adapter("FT231X", 3_000_000)
FT232R = Adapter("FT232R", 3_000_000)
FT2232H = Adapter("FT2232H", 12_000_000)
TANG_BL616 = Adapter("BL616", 2_000_000)
TANG_BL702 = Adapter("BL702", 3_000_000)
