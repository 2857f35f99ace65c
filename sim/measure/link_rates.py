"""Samples a second that come over each link of a board, end to end, by cycle-exact simulation.

    python -m sim.measure.link_rates

A board's RTL runs in Verilator, its link and its torus, and the driver's end of the link sends the
program of a run and its samples and takes the answers. Time is counted in clock cycles of the
board, from the first byte of the program to the last one of the answers. The host answers at once:
what USB adds stands in no row. Each answer is compared with that of the integer model.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("sim.measure.link_rates")  # Before anything slow is imported.

import dataclasses

import numpy as np
import torch

from golden import DIGITS_SHAPES, ClosNet, ClosShape
from golden.system.ending import run_program
from hw.config import TorusConfig
from hw.link_config import LinkConfig
from sim.errors import SimError
from sim.model.board import BoardModel
from sim.model.fifo_board import FifoBoardModel
from sw_driver.arrays import Beats
from sw_driver.compiled import Compiled
from sw_driver.compiler import compile
from sw_driver.device.golden import GoldenDevice
from sw_driver.serial.figures import LinkFigures
from sw_driver.serial.host_end import HostEnd
from sw_driver.serial.packing import pack_beats

__all__ = ["LINKS", "NETS", "Link", "Rate", "measure"]

CONFIG = TorusConfig(rows=1, cols=1, host_bits=64, buffer_words=2048, max_fan_in=1024,
                     weight_words=8192, bias_words=128, program_words=512, rep_bits=12)
# Pixels of digits are sixteenths; those of the other net have 8 bits.
NETS = {"digits": (tuple(DIGITS_SHAPES), 16), "784-16-10": (
    (ClosShape(784, 16, 28, 4, 4), ClosShape(16, 10, 4, 4, 2)), 256)}
_PIXEL_BITS = 8
_SAMPLES = 64
_MOST_CYCLES = 1 << 26
_POLL_S = 3600.0  # No simulated byte is lost, so nothing needs to be asked for.
_SLICE_CYCLES = 320


@dataclasses.dataclass(frozen=True)
class Link:
    """A link of a board: its name, and what it is made of."""

    name: str
    config: LinkConfig


def _uart(baud: int, packed: int) -> LinkConfig:
    return LinkConfig(clock_hz=4 * baud, baud=baud, input_bits=packed)


def _fifo(clock_hz: int, packed: int) -> LinkConfig:
    # As `fpga.board_design.board_link` makes it for a board with an ECP5.
    return LinkConfig(clock_hz=clock_hz, buffer_bytes=4096, registered=True, fifo=True,
                      input_bits=packed)


LINKS = tuple(
    Link(f"{name}{', packed' if packed else ''}", make(rate, packed))
    for name, make, rate in (("UART, 1 Mbaud", _uart, 1_000_000),
                             ("UART, 3 Mbaud", _uart, 3_000_000),
                             ("UART, 12 Mbaud", _uart, 12_000_000),
                             ("FIFO", _fifo, 25_000_000), ("FIFO", _fifo, 100_000_000))
    for packed in (0, _PIXEL_BITS))


@dataclasses.dataclass(frozen=True)
class Rate:
    """What a net takes over a link.

    Parameters
    ----------
    sent_bytes
        Of a sample, the program's share included, frames not.
    cycles
        Of the board's clock, for a sample.
    torus_cycles
        That the torus alone takes, by the cycle model.
    """

    sent_bytes: float
    cycles: float
    torus_cycles: float


class _Host:
    """The driver's end of the link, in simulated time."""

    def __init__(self, board: BoardModel, clock_hz: int) -> None:
        self._board, self._clock_hz = board, clock_hz
        self.end = HostEnd(1, LinkFigures(), _POLL_S)
        self._waiting = b""
        self.last_cycle = 0

    def run(self, received_bytes: int) -> None:
        """Go on until all is sent, and so many bytes have come in all."""
        end, limit = self.end, self._board.cycles + _MOST_CYCLES
        while not end.opened or end.unacknowledged or len(end.received) < received_bytes:
            now = self._board.cycles / self._clock_hz
            self._waiting += end.transmit(now, waits=True)
            taken, out, _, cycles = self._board.run(self._waiting, _SLICE_CYCLES)
            self._waiting = self._waiting[taken:]
            end.receive(out, now)
            if len(cycles):
                self.last_cycle = int(cycles[-1])
            if self._board.cycles > limit:
                raise SimError(f"a run must end within {_MOST_CYCLES} cycles, but has not")


def measure(link: Link, net: str) -> Rate:
    """Run samples of one of `NETS` on a simulated board.

    Raises
    ------
    SimError
        The words are not those of the integer model.
    ToolMissing, BuildFailed
        As `sim.model.build.build_model`.
    """
    compiled, words, expected = _compiled(net)
    run, clock_hz = compiled.executable.infer(words), link.config.clock_hz
    kind = FifoBoardModel if link.config.fifo else BoardModel
    with kind.of(CONFIG, link.config) as board:
        host = _Host(board, clock_hz)
        host.run(0)
        host.end.send(_bytes(compiled.executable.load().beats, link))
        host.run(0)
        start, data = board.cycles, _bytes(run.beats, link)
        host.end.send(data)
        host.run(run.output_beats * CONFIG.host_bits // 8)
        beats = np.frombuffer(bytes(host.end.received), "<u4").reshape(-1, CONFIG.host_bits // 32)
    if not np.array_equal(compiled.executable.decode(beats), expected):
        raise SimError(f"the words of {net} over {link.name} must be those of the integer model")
    return Rate(len(data) / len(words), (host.last_cycle - start) / len(words),
                compiled.prediction.cycles)


def _bytes(beats: Beats, link: Link) -> bytes:
    if link.config.input_bits:
        return pack_beats(CONFIG, beats, link.config.input_bits)[0]
    return beats.astype("<u4").tobytes()


def _compiled(net: str) -> tuple[Compiled, np.ndarray, np.ndarray]:
    shapes, levels = NETS[net]
    model = ClosNet(shapes, generator=torch.Generator().manual_seed(0))
    pixels = np.random.default_rng(0).integers(0, levels, (_SAMPLES, shapes[0].in_features))
    x = pixels / levels
    compiled = compile(model, CONFIG, torch.as_tensor(x, dtype=torch.float32))
    with GoldenDevice() as golden:
        golden.load(compiled)
        words = golden.to_words(x)
        return compiled, words, golden.infer_words(words)


def main() -> None:
    """Print the table of docs/fpga.md."""
    # All UARTs take the same cycles: their clocks differ as their bit rates do.
    known: dict[tuple[int, int, str], Rate] = {}
    print("| link | clock, MHz | net | bytes a sample | samples/s | the torus alone, samples/s "
          "| bound by |")
    print("| --- | ---: | --- | ---: | ---: | ---: | --- |")
    for link in LINKS:
        for net in NETS:
            hertz = link.config.clock_hz
            key = (hertz if link.config.fifo else 0, link.config.input_bits, net)
            rate = known[key] = known.get(key) or measure(link, net)
            bound = "torus" if rate.cycles < 1.1 * rate.torus_cycles else "link"
            print(f"| {link.name} | {hertz / 1e6:g} | {net} | {rate.sent_bytes:.0f} | "
                  f"{hertz / rate.cycles:.0f} | {hertz / rate.torus_cycles:.0f} | {bound} |",
                  flush=True)


if __name__ == "__main__":
    run_program("sim.measure.link_rates", main)
