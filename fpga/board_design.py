"""The Verilog of a torus on a board, and which torus a board gets if nothing more is said."""

import dataclasses
from typing import Any

from hw.config import TorusConfig, TrainingConfig
from hw.link_config import LinkConfig
from hw.presets import BOARD_LARGE, BOARD_SMALL
from hw.tops import BOARD_MODULE, board_verilog

from .boards import Board
from .boundary import INSTANCE
from .errors import BoardError
from .pll import PLL, Clock

__all__ = ["TOP", "board_config", "board_design", "board_link", "least_memories"]

TOP = "board"  # The top module: its ports are the pins.
# Yosys takes 6 s over a memory of so many bytes, and minutes over one of twice that, in `proc`.
_FIFO_BUFFER_BYTES = 4_096
_FIFO_PORTS = ("input clkout, input rxf, input txe, output rd, output wr, output oe, output siwu, "
               "inout [7:0] data")


def board_config(board: Board, rows: int, cols: int, *, train: bool = False,
                 lanes: tuple[int, int] = (1, 1), link_words: int = 1) -> TorusConfig:
    """The torus of a size that a board gets if no compiled model says what is needed.

    `lanes` are `lanes_in` and `lanes_out`, and its links move `link_words` words at once.
    """
    base = BOARD_LARGE if board.family.large else BOARD_SMALL
    training = None
    if train:
        training = TrainingConfig() if board.family.large else TrainingConfig(
            master_bits=16, grad_bits=8)
        base = dataclasses.replace(base, program_words=2 * base.program_words,
                                   rep_bits=base.rep_bits + 1)
    # A register more in every link shortens the long wires of a large part. In the steady state it
    # takes no cycles of inference, and 1 % of those of a training step of one sample.
    stages = int(board.family.large and rows * cols > 1)
    return dataclasses.replace(base, rows=rows, cols=cols, link_stages=stages, training=training,
                               lanes_in=lanes[0], lanes_out=lanes[1], link_words=link_words)


def least_memories(lanes_in: int, lanes_out: int) -> dict[str, int]:
    """Fields of the torus with the smallest memories and counters that there are, by its lanes.

    A net that is compiled for it, with `grow`, gets those that it needs.
    """
    return {"buffer_words": 16, "weight_words": max(4, 2 * lanes_in * lanes_out), "bias_words": 2,
            "program_words": 64, "max_fan_in": 2, "rep_bits": 4, "shift_bits": 1}


def board_link(board: Board, baud: int, clock_hz: int | None = None, input_bits: int = 0, *,
               fifo: bool = False) -> LinkConfig:
    """The link of a board: registered where the memories answer late, as block RAMs of an ECP5.

    `clock_hz` is that of the torus, if not that of the board's oscillator; `input_bits` and `fifo`
    are as in `LinkConfig`. Behind a FIFO the buffers are larger: a byte takes 17 ns, and an answer
    by USB some hundred microseconds.

    Raises
    ------
    BoardError
        The adapter between UART and USB does not have this baud rate.
    ConfigError
        As `LinkConfig`: the clock cannot make it.
    """
    clock_hz = clock_hz or board.clock_hz
    registered = board.family.cells == "ecp5"
    if fifo:
        return LinkConfig(clock_hz=clock_hz, buffer_bytes=_FIFO_BUFFER_BYTES, registered=registered,
                          input_bits=input_bits, fifo=True)
    adapter = board.adapter
    if baud > 0 and not (baud <= adapter.most_baud and adapter.has(baud)):
        raise BoardError(f"baud must be a rate that the {adapter.name} of {board.name} has, at "
                         f"most {adapter.most_baud}, such as {adapter.nearest(baud)}, not {baud}")
    return LinkConfig(clock_hz=clock_hz, baud=baud, buffer_bytes=board.link_bytes,
                      registered=registered, input_bits=input_bits)


def board_design(board: Board, config: TorusConfig, link: LinkConfig,
                 images: dict[str, Any] | None = None, *, folded: bool = False,
                 clock: Clock | None = None) -> str:
    """The Verilog of a torus with its host link, and around it the board's pins.

    Parameters
    ----------
    board
        Says which cells to use, and which pins are inverted.
    config, link
        The torus, and its UART.
    images
        `weights` and `biases`, `[rows][cols][words]`, that stand in the memories from the start.
    folded
        They are logic instead of memories.
    clock
        Of the torus, whose registers are reset until it is steady; the oscillator without one.
    """
    design = board_verilog(config, link, cells=board.family.cells, folded=folded,
                           **(images or {}))
    pins = board.pins()
    inverted = {port: "~" if pin.inverted else "" for port, pin in pins.items()}
    core, reset, steady, modules = "clk", "1'b0", "", design
    if clock is not None and clock.verilog:
        oscillator, made, locked = clock.ports
        core, reset, modules = "core", "~steady[1]", f"{clock.verilog}\n{design}"
        steady = f"""
  wire core, locked;
  reg [1:0] steady = 0;
  {PLL} {PLL} (.{oscillator}(clk), .{made}(core), .{locked}(locked));
  always @(posedge core)
    steady <= {{steady[0], locked}};"""
    levels = "tx_level, led_level"
    if link.fifo:
        ports, levels = _FIFO_PORTS, "led_level"
        wires = "\n  wire [7:0] to_chip, from_chip;\n  wire drives;"
        connections = """.clkout(clkout), .rxf_n(rxf), .txe_n(txe), .data_i(from_chip),
    .data_o(to_chip), .data_oe(drives), .oe_n(oe), .rd_n(rd), .wr_n(wr), .siwu_n(siwu)"""
        # The cell of the ECP5 itself: what Yosys makes of `z` is none.
        assigns = "\n  ".join(
            f'TRELLIS_IO #(.DIR("BIDIR")) pin_{bit} (.B(data[{bit}]), .I(to_chip[{bit}]), '
            f'.T(~drives), .O(from_chip[{bit}]));' for bit in range(8))
    else:
        ports, wires = "input rx, output tx", ""
        connections = f".rx({inverted['rx']}rx), .tx(tx_level)"
        assigns = f"assign tx = {inverted['tx']}tx_level;"
    return f"""{modules}
module {TOP}(input clk, {ports}, output led);
  wire {levels};{wires}{steady}
  {BOARD_MODULE} {INSTANCE}(
    .clk({core}), .rst({reset}), {connections}, .led(led_level)
  );
  {assigns}
  assign led = {inverted["led"]}led_level;
endmodule
"""
