"""The tops that can be handed over as Verilog, by name."""

from amaranth import *
from amaranth.lib import wiring

from .board_top import BoardTop
from .ecp5 import ECP5
from .emit import emit_verilog
from .pe import PE, pe_members
from .router import InferenceRouter
from .top import ClostorusTop
from .training_pe import TrainingPE, training_pe_members
from .training_router import TrainingRouter

__all__ = ["BOARD_MODULE", "CELLS", "TOPS", "TRAINING_TOPS", "board_verilog", "top_verilog"]

PE_MODULE = "clostorus_pe"
BOARD_MODULE = "clostorus_board"
TOPS = {
    "torus": "clostorus",
    "pe": PE_MODULE,
    "inference-router": "clostorus_inference_router",
    "training-router": "clostorus_training_router",
}
TRAINING_TOPS = ("training-router",)  # They need a configuration with training.
CELLS: dict[str, ECP5 | None] = {"generic": None, "ecp5": ECP5()}


class _PEInstance(wiring.Component):
    """A PE by reference: its module stands once in the Verilog, however many there are."""

    def __init__(self, config):
        super().__init__(pe_members(config) if config.training is None
                         else training_pe_members(config))

    def elaborate(self, platform):
        ports = {"i_clk": ClockSignal(), "i_rst": ResetSignal(), "i_col": self.col}
        for name, member in self.signature.members.items():
            if not member.is_signature:
                continue
            link = getattr(self, name)
            into, out_of = ("i", "o") if member.flow == wiring.In else ("o", "i")
            ports |= {f"{into}_{name}_data": Value.cast(link.payload),
                      f"{into}_{name}_valid": link.valid,
                      f"{out_of}_{name}_ready": link.ready}
        return Instance(PE_MODULE, **ports)


def top_verilog(top, config, *, weights=None, biases=None, cells="generic"):
    """Return the Verilog of one of `TOPS`, complete in one text.

    Parameters
    ----------
    top : str
        A key of `TOPS`; its value is the name of the top module.
    config : TorusConfig
    weights, biases : array-like of int, [rows][cols][words]
        Contents of the PEs' memories after configuration, for the torus alone: both, or neither.
        Without them all PEs are instances of one module.
    cells : str
        A key of `CELLS`: what memories, multipliers and accumulators are made of. "generic" is
        plain Verilog for any tool; a vendor's name puts its cells in.

    Raises
    ------
    ValueError
        There is no such top or kind of cells, there are weights without biases or for another top,
        or the top trains and the configuration does not.
    """
    if top not in TOPS:
        raise ValueError(f"top must be one of {', '.join(TOPS)}, not {top!r}")
    if (weights is None) != (biases is None):
        raise ValueError("weights and biases must be given together")
    if weights is not None and top != "torus":
        raise ValueError(f"weights can be baked into the top torus alone, not into {top}")
    if cells not in CELLS:
        raise ValueError(f"cells must be one of {', '.join(CELLS)}, not {cells!r}")
    if top in TRAINING_TOPS and config.training is None:
        raise ValueError(f"{top} needs a configuration with training, not None")
    name, platform = TOPS[top], CELLS[cells]
    pe = PE if config.training is None else TrainingPE
    if top == "pe":
        return emit_verilog(pe(config), name, platform)
    if top == "inference-router":
        return emit_verilog(InferenceRouter(config), name, platform)
    if top == "training-router":
        return emit_verilog(TrainingRouter(config), name, platform)
    if weights is None:
        torus = ClostorusTop(config, make_pe=lambda row, col: _PEInstance(config))
        return "\n".join((emit_verilog(torus, name, platform),
                          emit_verilog(pe(config), PE_MODULE, platform)))

    def baked(row, col):
        return pe(config, weights=[int(word) for word in weights[row][col]],
                  biases=[int(word) for word in biases[row][col]])

    return emit_verilog(ClostorusTop(config, make_pe=baked), name, platform)


def board_verilog(config, link, *, cells="generic"):
    """Return the Verilog of a `BoardTop`, its top module called `clostorus_board`.

    Parameters
    ----------
    config : TorusConfig
    link : LinkConfig
    cells : str
        As of `top_verilog`.
    """
    if cells not in CELLS:
        raise ValueError(f"cells must be one of {', '.join(CELLS)}, not {cells!r}")
    pe, platform = PE if config.training is None else TrainingPE, CELLS[cells]
    board = BoardTop(config, link, make_pe=lambda row, col: _PEInstance(config))
    return "\n".join((emit_verilog(board, BOARD_MODULE, platform),
                      emit_verilog(pe(config), PE_MODULE, platform)))
