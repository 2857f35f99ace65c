"""A torus that is proposed for a net on a board, and how it is named."""

import dataclasses

from hw.config import TorusConfig

from .boards import Board
from .capacity import Usage, fits

__all__ = ["Proposal", "Tried", "excess_of", "named"]

_KINDS = {"LUT": "LUTs", "FF": "flip-flops", "DSP": "multipliers", "BRAM": "block RAMs"}


@dataclasses.dataclass(frozen=True, eq=False)
class Tried:
    """A torus that the exact cycle model was asked about.

    Parameters
    ----------
    config
        Its memories and counters are as large as the net needs.
    cycles
        A sample takes so many, exactly.
    bound_by
        The part that needs the most cycles by itself, as `Prediction.bound_by`.
    utilisation
        Part of the multipliers' time that goes into products of the net.
    usage
        The cells that it takes with its host link, by the resource model.
    """

    config: TorusConfig
    cycles: float
    bound_by: str
    utilisation: float
    usage: tuple[Usage, ...]

    @property
    def luts(self) -> int:
        """LUTs, by the resource model."""
        return next(used.used for used in self.usage if used.name == "LUT")


@dataclasses.dataclass(frozen=True, eq=False)
class Proposal:
    """The fastest torus for a net on a board, and what it was chosen from.

    Parameters
    ----------
    best
        The torus.
    least
        Of this size, with these lanes and this host stream, and the smallest memories and counters:
        what a net is compiled for with `grow`.
    tried
        All tori that the exact model was asked about, the fastest first.
    reason
        Why it is the best: one sentence.
    """

    best: Tried
    least: TorusConfig
    tried: tuple[Tried, ...]
    reason: str


def named(config: TorusConfig) -> str:
    """The size, the lanes and the links of a torus, in words."""
    links = "" if config.link_words == 1 else f" and link-words {config.link_words}"
    return (f"{config.rows}x{config.cols} with lanes-in {config.lanes_in} and lanes-out "
            f"{config.lanes_out}{links}")


def excess_of(board: Board, used: tuple[Usage, ...]) -> str:
    """What a torus needs of the cells of which a board has too few."""
    return ", ".join(f"{one.used} of {one.available} {_KINDS[one.name]}" for one in used
                     if not fits(board, (one,)))
