"""`--torus auto` and `--lanes auto`: the torus of a board on which a net is fastest."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from torch import nn

    from fpga.boards import Board
    from fpga.proposal import Proposal, Tried
    from golden.layers.dense import LayerShape
    from golden.system.progress import Progress
    from hw.config import TorusConfig
    from sw_driver.cli.word_bits import Widths
    from sw_driver.compiled import Compiled
    from sw_driver.system.console import Output

__all__ = [
    "AUTO",
    "Auto",
    "ForBoard",
    "Lanes",
    "OnBoard",
    "TorusOrAuto",
    "describe_proposal",
    "find_best",
    "read_auto",
    "read_on_board",
    "say_proposal",
]

AUTO = "auto"

ForBoard = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The torus of this size that build --board makes, memories and widths too; with auto "
        "the fastest one that fits, with the memories that the net needs.",
    ),
]
TorusOrAuto = Annotated[
    str,
    typer.Option(
        metavar="RxC|auto",
        help="Rows and columns of the torus: 4x4; or auto, with --board the fastest ones.",
    ),
]
Lanes = Annotated[
    str | None,
    typer.Option(
        metavar="auto",
        help="auto: the lanes, of those that fit the board, with which the net is fastest.",
    ),
]


@dataclasses.dataclass(frozen=True)
class Auto:
    """What the command line leaves open.

    Parameters
    ----------
    torus
        Rows and columns; None if they are to be found.
    lanes
        `lanes_in` and `lanes_out`; None if they are to be found.
    link_words
        Words that a link moves at once.
    """

    torus: tuple[int, int] | None
    lanes: tuple[int, int] | None
    link_words: int = 1

    @property
    def asked(self) -> bool:
        """Whether anything is to be found."""
        return self.torus is None or self.lanes is None


def read_auto(torus: str | None, lanes: str | None, numbers: dict[str, int]) -> Auto:
    """Read --torus, where None stands for auto, --lanes, and the numbers of lanes and links.

    Raises
    ------
    DriverError
        If one of them is wrong, or they contradict each other.
    """
    from hw.config import ConfigError, TorusConfig
    from sw_driver.errors import DriverError
    from sw_driver.torus import parse_torus

    if lanes not in (None, AUTO):
        raise DriverError(
            f"lanes must be auto, not {lanes!r}: lanes-in and lanes-out are for numbers"
        )
    if lanes is not None and numbers.keys() - {"link_words"}:
        raise DriverError(
            "lanes auto and lanes-in or lanes-out must not be given together: auto finds both"
        )
    size = None if torus in (None, AUTO) else parse_torus(torus)
    try:
        one = TorusConfig(
            # Of lanes that are to be found, those with which links may move two words at once.
            lanes_in=numbers.get("lanes_in", 2 if lanes else 1),
            lanes_out=numbers.get("lanes_out", 1),
            link_words=numbers.get("link_words", 1),
        )
    except ConfigError as error:
        raise DriverError(str(error)) from error
    return Auto(size, None if lanes else (one.lanes_in, one.lanes_out), one.link_words)


@dataclasses.dataclass(frozen=True)
class OnBoard:
    """What a board says of the torus of a net.

    Parameters
    ----------
    board
        None if none is named.
    config
        The torus; None if it is to be found, or no board is named.
    widths
        The word widths of the torus that is to be found.
    """

    board: "Board | None" = None
    config: "TorusConfig | None" = None
    widths: dict[str, int] = dataclasses.field(default_factory=dict[str, int])

    def find(self, net: "nn.Module", auto: Auto, tell: "Progress") -> "Proposal | None":
        """Find the torus for a model, if it is to be found."""
        if self.board is None or self.config is not None:
            return None
        from golden.models.read import read_chain

        shapes = [item.shape for item in read_chain(net)]
        return find_best(self.board, shapes, auto, tell, **self.widths)

    def check(self, compiled: "Compiled") -> None:
        """Refuse a net for which a torus was found that is too large with this net's memories."""
        if self.board is not None and self.config is None:
            from fpga.capacity import check_estimate

            check_estimate(self.board, compiled.config)


def read_on_board(name: str | None, auto: Auto, widths: "Widths", *, exports: bool) -> OnBoard:
    """Read --board, and what goes with it.

    Raises
    ------
    DriverError
        If a width is given that the board decides, if something is to be found without a board, or
        the torus does not fit it.
    """
    from sw_driver.errors import DriverError

    if name is None:
        if auto.asked:
            raise DriverError("torus auto and lanes auto need --board, whose cells bound a torus")
        return OnBoard()
    from fpga.boards import find_board

    board = find_board(name)
    given = {name: bits for name, bits in widths.given.items()
             if not name.startswith("lanes") and name != "link_words"}  # fmt: skip
    checks = given.pop("checks", 0)
    if auto.torus is not None and auto.lanes is not None:
        if given or widths.loss is not None:
            raise DriverError(
                "word-bits, weight-bits and host-bits must not be given with --board, whose torus "
                "has its own"
            )
        from fpga.board_design import board_config
        from fpga.capacity import check_estimate

        config = board_config(board, *auto.torus, lanes=auto.lanes, link_words=auto.link_words)
        config = dataclasses.replace(config, checks=checks)
        check_estimate(board, config)
        return OnBoard(board, config)
    if checks:
        raise DriverError("checks must be left out where the torus is found, since their cells are "
                          "not estimated: name it, as by --torus 2x2 and --lanes 1")
    if widths.loss is not None or "host_bits" in given:
        raise DriverError(
            "word-bits auto and host-bits must not be given where the torus is found: it has the "
            "host stream that the net needs"
        )
    if exports:
        raise DriverError("export needs a torus by its size, RxC, not auto")
    return OnBoard(board, None, given)


def find_best(
    board: "Board",
    shapes: "Sequence[LayerShape]",
    auto: Auto,
    tell: "Progress",
    **widths: int,
) -> "Proposal":
    """Find the torus; see `fpga.lane_search.propose`."""
    from fpga.lane_search import propose

    return propose(
        board, shapes, torus=auto.torus, lanes=auto.lanes, link_words=auto.link_words, tell=tell,
        **widths,
    )  # fmt: skip


def say_proposal(out: "Output", board: str, proposal: "Proposal") -> None:
    """Print the tori that were tried exactly, the fastest first, and why one is the best."""
    columns = ["torus", "lanes in x out", "host bits", "cycles a sample", "bound by",
               *(used.name for used in proposal.best.usage)]  # fmt: skip
    rows = [
        [
            f"{one.config.rows}x{one.config.cols}{' (best)' if one is proposal.best else ''}",
            f"{one.config.lanes_in} x {one.config.lanes_out}",
            str(one.config.host_bits),
            f"{one.cycles:g}",
            one.bound_by,
            *(str(used.used) for used in one.usage),
        ]
        for one in proposal.tried
    ]
    out.table(f"{board}: exact cycles, estimated cells", columns, rows)
    out.facts(board, [("best", proposal.reason)])


def describe_proposal(proposal: "Proposal") -> dict[str, Any]:
    """Return what `say_proposal` prints, for --json."""
    return {
        "reason": proposal.reason,
        "best": _described(proposal.best),
        "tried": [_described(one) for one in proposal.tried],
    }


def _described(one: "Tried") -> dict[str, Any]:
    return {
        "torus": dataclasses.asdict(one.config),
        "cycles": one.cycles,
        "bound_by": one.bound_by,
        "utilisation": one.utilisation,
        "cells": {used.name: dataclasses.asdict(used) for used in one.usage},
    }
