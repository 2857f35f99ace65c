"""The tops that can be handed over as Verilog, by name."""

from amaranth import *
from amaranth.lib import wiring

from .axi_top import AxiTop
from .board_top import BoardTop, check_board
from .cells.ecp5 import ECP5
from .contents import CONTENTS, with_contents
from .emit import emit_verilog
from .pe.pe import PE, pe_members
from .pe.training_pe import TrainingPE, training_pe_members
from .ring.router import InferenceRouter
from .ring.training_router import TrainingRouter
from .top import ClostorusTop
from .uart.weights_id import weights_id
from .wishbone_top import WishboneTop

__all__ = ["BOARD_MODULE", "CELLS", "PE_MODULE", "TOPS", "TRAINING_TOPS", "WHOLE_TOPS",
           "PEInstance", "baked_verilog", "board_verilog", "top_verilog"]

PE_MODULE = "clostorus_pe"
BOARD_MODULE = "clostorus_board"
TOPS = {
    "torus": "clostorus",
    "pe": PE_MODULE,
    "inference-router": "clostorus_inference_router",
    "training-router": "clostorus_training_router",
    "axi": "clostorus_axi",
    "wishbone": "clostorus_wishbone",
}
WHOLE_TOPS = ("torus", "axi", "wishbone")  # Those with a torus, whose memories may hold weights.
_WHOLE = {"torus": ClostorusTop, "axi": AxiTop, "wishbone": WishboneTop}
TRAINING_TOPS = ("training-router",)  # They need a configuration with training.
CELLS: dict[str, ECP5 | None] = {"generic": None, "ecp5": ECP5()}


class PEInstance(wiring.Component):
    """A PE by reference: however many PEs there are, their module stands once in the Verilog."""

    def __init__(self, config, **parameters):
        self.parameters = parameters
        self.checks = bool(config.checks)
        super().__init__(pe_members(config) if config.training is None
                         else training_pe_members(config))

    def elaborate(self, platform):
        ports = {"i_clk": ClockSignal(), "i_rst": ResetSignal(), "i_col": self.col}
        if self.checks:
            ports["o_faults"] = self.faults
        for name, member in self.signature.members.items():
            if not member.is_signature:
                continue
            link = getattr(self, name)
            into, out_of = ("i", "o") if member.flow == wiring.In else ("o", "i")
            ports |= {f"{into}_{name}_data": Value.cast(link.payload),
                      f"{into}_{name}_valid": link.valid,
                      f"{out_of}_{name}_ready": link.ready}
        return Instance(PE_MODULE, **self.parameters, **ports)


def top_verilog(top, config, *, weights=None, biases=None, folded=False, cells="generic"):
    """Return the Verilog of one of `TOPS`, complete in one text.

    Parameters
    ----------
    top : str
        A key of `TOPS`; its value is the name of the top module.
    config : TorusConfig
    weights, biases : array-like of int, [rows][cols][words]
        Contents of the PEs' memories after configuration, for `WHOLE_TOPS` alone: both, or neither.
        Without them all PEs are instances of one module.
    folded : bool
        These words are logic instead of memories, and cannot be loaded.
    cells : str
        A key of `CELLS`: what memories, multipliers, accumulators and the reset of a board are made
        of. "generic" is plain Verilog for any tool; a vendor's name puts its cells in.

    Raises
    ------
    ValueError
        There is no such top or kind of cells; there are weights without biases, or for another top;
        the top trains and the configuration does not; `folded` comes without weights, or with a
        configuration that trains.
    """
    if top not in TOPS:
        raise ValueError(f"top must be one of {', '.join(TOPS)}, not {top!r}")
    if weights is not None and top not in WHOLE_TOPS:
        raise ValueError(f"weights can be baked into one of {', '.join(WHOLE_TOPS)}, not {top}")
    platform = _platform(cells)
    if top in TRAINING_TOPS and config.training is None:
        raise ValueError(f"{top} needs a configuration with training, not None")
    name = TOPS[top]
    if top == "pe":
        return _pe_verilog(config, platform)
    if top == "inference-router":
        return emit_verilog(InferenceRouter(config), name, platform)
    if top == "training-router":
        return emit_verilog(TrainingRouter(config), name, platform)
    make_pe = _pe_maker(config, weights, biases, folded)
    whole = emit_verilog(_WHOLE[top](config, make_pe=make_pe), name, platform)
    return whole if weights is not None else f"{whole}\n{_pe_verilog(config, platform)}"


def board_verilog(config, link, *, weights=None, biases=None, folded=False, cells="generic"):
    """Return the Verilog of a `BoardTop`, its top module called `clostorus_board`.

    Parameters
    ----------
    config : TorusConfig
    link : LinkConfig
    weights, biases, folded, cells
        As in `top_verilog`; a board tells its host which weights it has (`hw.uart.weights_id`).

    Raises
    ------
    ValueError
        For the same reasons as in `top_verilog`, and as `check_board` (a `ConfigError`).
    """
    check_board(config)
    platform = _platform(cells)
    make_pe = _pe_maker(config, weights, biases, folded)
    if weights is None:
        board = emit_verilog(BoardTop(config, link, make_pe=make_pe), BOARD_MODULE, platform)
        return f"{board}\n{_pe_verilog(config, platform)}"
    board = BoardTop(config, link, make_pe=make_pe, weights_id=weights_id(weights, biases))
    return emit_verilog(board, BOARD_MODULE, platform)


def baked_verilog(top, config, link=None, *, weights, biases, folded=False, cells="generic"):
    """Return the Verilog of a torus with weights, its PEs instances of one module, and its files.

    It is the design of `top_verilog` or `board_verilog`, where each PE is a module of its own: here
    the words of a PE stand in files, which a parameter names (`hw.contents`).

    Parameters
    ----------
    top : str
        A key of `TOPS` that is in `WHOLE_TOPS`, or "board".
    config : TorusConfig
    link : LinkConfig
        Of a board.
    weights, biases, folded, cells
        As in `top_verilog`.

    Returns
    -------
    str, dict of str
        The text, and what stands in each file, by its name.

    Raises
    ------
    ValueError
        For the same reasons as in `top_verilog`; of a board also as `check_board` (a
        `ConfigError`).
    """
    if top not in (*WHOLE_TOPS, "board"):
        raise ValueError(f"weights can be baked into one of {', '.join(WHOLE_TOPS)} or board, "
                         f"not {top}")
    if top == "board":
        check_board(config)
    platform = _platform(cells)
    make_pe = _pe_maker(config, weights, biases, folded)
    elements = {f"pe_{row}_{col}": emit_verilog(make_pe(row, col), PE_MODULE, platform)
                for row in range(config.rows) for col in range(config.cols)}

    def instance(row, col):
        return PEInstance(config, **{f"p_{CONTENTS}": f"pe_{row}_{col}"})

    if top == "board":
        whole = BoardTop(config, link, make_pe=instance, weights_id=weights_id(weights, biases))
    else:
        whole = _WHOLE[top](config, make_pe=instance)
    return with_contents(emit_verilog(whole, {**TOPS, "board": BOARD_MODULE}[top], platform),
                         elements)


def _pe_maker(config, weights, biases, folded):
    """Return the `make_pe` of a torus: PEs that hold the words, or instances of one module."""
    if (weights is None) != (biases is None):
        raise ValueError("weights and biases must be given together")
    if folded and weights is None:
        raise ValueError("folded needs weights and biases that are to be logic, not None")
    if folded and config.training is not None:
        raise ValueError("folded needs a torus that does not train: its weights cannot change")
    if weights is None:
        return lambda row, col: PEInstance(config)
    if config.training is None:
        pe, options = PE, {"folded": folded}
    else:
        pe, options = TrainingPE, {}
    return lambda row, col: pe(config, weights=[int(word) for word in weights[row][col]],
                               biases=[int(word) for word in biases[row][col]], **options)


def _pe_verilog(config, platform):
    pe = PE if config.training is None else TrainingPE
    return emit_verilog(pe(config), PE_MODULE, platform)


def _platform(cells):
    if cells not in CELLS:
        raise ValueError(f"cells must be one of {', '.join(CELLS)}, not {cells!r}")
    return CELLS[cells]
