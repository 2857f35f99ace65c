"""Which torus `clostorus build` builds: of a file, of a size, or the fastest for a net."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from sw_driver.cli.best_torus import Auto, find_best, say_proposal
from sw_driver.cli.configuration import Held, held_configuration

if TYPE_CHECKING:
    from fpga.boards import Board
    from fpga.proposal import Proposal
    from sw_driver.compiled import Compiled
    from sw_driver.files.artifact import Artifact
    from sw_driver.system.console import Output

__all__ = ["Again", "compiled_again", "held_on", "net_file"]


@dataclasses.dataclass(frozen=True, eq=False)
class Again:
    """A net that was compiled for another torus before, and how the torus was found."""

    compiled: "Compiled"
    former: "Artifact"
    proposal: "Proposal"

    def write(self, folder: Path) -> None:
        """Write the artifact into the folder of the build."""
        from fpga.board_build import NET_FILE
        from sw_driver.files.artifact import save_artifact

        save_artifact(folder / NET_FILE, self.compiled, data=self.former.data,
                      preparation=self.former.preparation)


def net_file(config_from: Path | None, *, train: bool, bake: Path | None) -> Path:
    """The artifact of the net for which a torus is to be found; refuse what does not go with it."""
    from sw_driver.errors import DriverError
    from sw_driver.files.archive import check_archive

    if train or bake is not None:
        raise DriverError("torus auto and lanes auto must not be given with --train or --bake: "
                          "they are for the net of --config-from")
    if config_from is None:
        raise DriverError("torus auto and lanes auto need --config-from, which names the net")
    check_archive(config_from)
    return config_from


def compiled_again(out: "Output", board: "Board", path: Path, auto: Auto) -> Again:
    """Compile the net of an artifact for the fastest torus of a board."""
    from sw_driver.compiler import compile
    from sw_driver.files.artifact import load_artifact

    former = load_artifact(path)
    net = former.net
    with out.progress() as tell:
        proposal = find_best(board, net.shapes, auto, tell, act_bits=net.act_bits,
                             weight_bits=net.weight_bits)
        compiled = compile(net, proposal.least, grow=True)
    say_proposal(out, board.name, proposal)
    return Again(compiled, former, proposal)


def held_on(board: "Board", torus: str | None, auto: Auto, *, train: bool, config_from: Path | None,
          bake: Path | None, fold: bool) -> Held:
    """The torus of a file, or the one that a board has where no file names one."""
    from hw.config import ConfigError
    from sw_driver.errors import DriverError

    held = held_configuration(
        torus=torus, train=train, config_from=config_from, bake=bake, fold=fold
    )
    lanes = auto.lanes or (1, 1)
    if held is not None:
        if (*lanes, auto.link_words) != (1, 1, 1):
            raise DriverError("lanes-in, lanes-out and link-words need --torus: a model has lanes "
                              "of its own")
        return held
    from fpga.board_design import board_config

    rows, cols = auto.torus or (1, 1)
    try:
        return Held(board_config(board, rows, cols, train=train, lanes=lanes,
                                 link_words=auto.link_words), None)
    except ConfigError as error:
        raise DriverError(str(error)) from error
