"""Builds of whole boards for one net each: their torus has the lanes and the memories for it.

The tori are those that `clostorus plan --board BOARD --torus auto --lanes auto` proposes for these
nets, written down, so that a build asks no search. Of the icebreaker there are also tori of fewer
lanes, with which they are compared.
"""

import dataclasses
import functools

from fpga.board_design import board_config
from fpga.boards import BOARDS
from fpga.lane_search import least_config
from golden import ClosShape
from golden.training.trainer import DIGITS_SHAPES
from golden.vectors.nets import random_net
from hw.config import TorusConfig
from sw_driver.compiler import compile, compile_net
from sw_driver.predict.training_cycles import predict_training_steady
from sw_driver.predict.training_layers import random_layer

from .board_rows import Row

__all__ = ["NET_ROWS", "NetRow"]

_ERROR_SHIFT = 7  # Any that a torus has: neither cycles nor cells depend on it.


@dataclasses.dataclass(frozen=True)
class NetRow(Row):
    """A build for one net.

    Parameters
    ----------
    net
        Its layers.
    lanes
        `lanes_in` and `lanes_out`.
    host_bits
        Of a beat: as many as hold nothing up.
    word_bits
        Of activations and weights; those of the board's torus if None.
    before
        Samples a second, or training steps, on this board before there were lanes: of the best
        torus of commit 770ef5b at its placed clock. 0 if that held no such net.
    """

    net: tuple[ClosShape, ...] = ()
    lanes: tuple[int, int] = (1, 1)
    host_bits: int = 32
    word_bits: int | None = None
    before: float = 0.0

    @property
    def name(self) -> str:
        """Name of its folder, and on the command line."""
        words, sums = self.lanes
        return f"{super().name}-{words}x{sums}-{'+'.join(map(_dashed, self.net))}"

    @property
    def title(self) -> str:
        """Name in the tables."""
        words, sums = self.lanes
        bits = "" if self.word_bits is None else f" in words of {self.word_bits} bits"
        return (f"{self.board_name} {self.rows}x{self.cols} of {words} x {sums}, {self.kind}, "
                f"{' and '.join(map(str, self.net))}{bits}")

    @property
    def config(self) -> TorusConfig:
        """The torus, with the memories and the counters that the net needs."""
        return _fitted(self)[0]

    @property
    def cycles(self) -> float:
        """Of a sample, or of a training step of one sample with its target; by the cycle model."""
        return _fitted(self)[1]


@functools.cache
def _fitted(row: NetRow) -> tuple[TorusConfig, float]:
    if row.kind == "trains":
        return _fitted_training(row)
    widths = {} if row.word_bits is None else dict.fromkeys(("act_bits", "weight_bits"),
                                                            row.word_bits)
    least = least_config(BOARDS[row.board_name], row.rows, row.cols, *row.lanes,
                         host_bits=row.host_bits, **widths)
    net = random_net(row.net, seed=0, act_bits=least.act_bits, weight_bits=least.weight_bits)
    compiled = compile_net(net, least, grow=True, order="best")
    return compiled.config, compiled.prediction.cycles


def _fitted_training(row: NetRow) -> tuple[TorusConfig, float]:
    [shape] = row.net
    form = dataclasses.replace(random_layer(shape, batches=False)[1], error_shift=_ERROR_SHIFT)
    compiled = compile(form, (row.rows, row.cols), host_bits=row.host_bits,
                       lanes_out=row.lanes[1])
    board = board_config(BOARDS[row.board_name], row.rows, row.cols, train=True, lanes=row.lanes)
    config = dataclasses.replace(compiled.config, link_stages=board.link_stages)
    return config, predict_training_steady(compile(form, config)).cycles


def _dashed(shape: ClosShape) -> str:
    return "-".join(map(str, dataclasses.astuple(shape)))


_25 = (ClosShape(784, 256, 28, 25, 16),)
_16 = (ClosShape(256, 256, 16, 16, 16),)
_8 = (ClosShape(784, 256, 28, 8, 16),)
_1024 = (ClosShape(1024, 1024, 32, 62, 32),)
_800 = (ClosShape(800, 128, 32, 8, 16),)

NET_ROWS = (
    NetRow("ulx3s-85f", 4, 4, net=_25, lanes=(2, 4), host_bits=64, before=41_700),
    NetRow("ulx3s-85f", 8, 3, net=_16, lanes=(2, 2), before=141_000),
    NetRow("ulx3s-85f", 10, 2, net=_8, lanes=(2, 2), host_bits=128, before=146_000),
    NetRow("ulx3s-85f", 8, 2, net=_800, lanes=(2, 4), host_bits=128, before=151_000),
    NetRow("ulx3s-85f", 4, 2, net=_1024, lanes=(2, 8), word_bits=8),
    NetRow("ulx3s-85f", 2, 2, "trains", net=_8, lanes=(1, 4), before=15_114),
    NetRow("ulx3s-25f", 3, 1, net=_8, lanes=(1, 8), before=10_314),
    NetRow("icebreaker", 1, 1, net=tuple(DIGITS_SHAPES), lanes=(2, 1), before=13_758),
    NetRow("icebreaker", 1, 1, net=tuple(DIGITS_SHAPES), lanes=(2, 2), before=13_758),
    NetRow("icebreaker", 1, 1, net=tuple(DIGITS_SHAPES), lanes=(1, 8), before=13_758),
)
