"""A board's Verilog in Icarus Verilog: each bit comes in the cycle in which Verilator's comes.

The Verilated board first talks with the host's end of the link; what the host said is then played
to the Verilog in Icarus. Neither is reset: registers begin with the values they are declared with.
"""

import numpy as np
import pytest

from hw.tops import BOARD_MODULE
from sim.model.board import SIM_LINK, BoardModel
from sim.model.emitted import emitted_board
from sw_driver.program.events import Run
from tests.support.boards import CONFIG, small
from tests.support.icarus_bench import icarus
from tests.support.link_bench import Host

pytestmark = pytest.mark.usefixtures("icarus", "toolchain")

BYTE_BITS = 10
BENCH = f"""
module wires;
  reg clk = 0, rx = 1;
  wire tx, led;
  integer from_host, to_host;
  {BOARD_MODULE} dut(.clk(clk), .rst(1'b0), .rx(rx), .tx(tx), .led(led));
  always #5 clk = ~clk;
  initial begin
    from_host = $fopen("rx.txt", "r");
    to_host = $fopen("tx.txt", "w");
  end
  always @(negedge clk) begin
    $fdisplay(to_host, "%b", tx);
    if ($fscanf(from_host, "%b", rx) != 1) $finish;
  end
endmodule
"""


class Recorded:
    """A board that keeps what passed on its wires: bytes, and the cycle in which each began."""

    def __init__(self, board):
        self.byte_cycles = board.byte_cycles
        self._board = board
        self.came, self.went = [], []

    @property
    def cycles(self):
        return self._board.cycles

    def run(self, data, cycles):
        taken, out, in_cycles, out_cycles = found = self._board.run(data, cycles)
        self.came += zip(in_cycles.tolist(), data[:taken], strict=True)
        self.went += zip(out_cycles.tolist(), out, strict=True)
        return found


def bits_of(pieces, cycles):
    """The level of a wire in each cycle."""
    level = np.ones(cycles, np.uint8)
    for begin, byte in pieces:
        frame = [0, *((byte >> bit) & 1 for bit in range(8)), 1]
        level[begin:begin + BYTE_BITS * SIM_LINK.bit_cycles] = np.repeat(
            frame, SIM_LINK.bit_cycles)[:cycles - begin]
    return level


def play(folder, edition, pieces, cycles):
    """The level of tx in each cycle, as text: an unknown one is an x."""
    (folder / "bench.v").write_text(BENCH)
    (folder / "design.v").write_text(emitted_board(CONFIG, SIM_LINK))
    (folder / "rx.txt").write_text("\n".join(map(str, bits_of(pieces, cycles)[1:])))
    icarus(folder, edition, ["bench.v", "design.v"], "-s", "wires")
    return (folder / "tx.txt").read_text().split()


def perform(host, run: Run):
    host.end.send(run.beats.tobytes())
    count = run.output_beats * run.beats.shape[1]
    host.run(lambda: not host.end.unacknowledged and len(host.end.received) >= 4 * count)
    found = np.frombuffer(bytes(host.end.received), "<u4").reshape(-1, run.beats.shape[1])
    host.end.received.clear()
    return found


def record(samples):
    """What passes on the wires of a board that a host opens, loads and runs."""
    compiled, words, expected = small(9)
    executable = compiled.executable
    with BoardModel.of(CONFIG) as model:
        board = Recorded(model)
        host = Host(board, session=3)
        host.open()
        assert host.end.hardware_id == CONFIG.hardware_id
        if samples:
            perform(host, executable.load())
            found = executable.decode(perform(host, executable.infer(words[:samples])))
            np.testing.assert_array_equal(found, expected[:samples])
        return board


@pytest.mark.slow
@pytest.mark.parametrize("samples, edition", [
    (0, "2005"), (1, "2012"), pytest.param(1, "2005", marks=pytest.mark.slow)])
def test_a_board(samples, edition, tmp_path):
    board = record(samples)
    cycles = board.went[-1][0] + board.byte_cycles
    sent = play(tmp_path, edition, board.came, cycles)
    assert sent == [str(bit) for bit in bits_of(board.went, cycles)]
