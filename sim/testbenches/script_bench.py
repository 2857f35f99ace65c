"""Plays a host script to a torus: what its host sends, and each beat that must come back.

`clostorus verilog --cocotb` hands this file over beside those of the script, as
`test_clostorus.py`. `host.py` is the host of the top module, which is the bare torus or one on a
bus, `streams.py` is what that host uses, and `runner.py` runs the test. It needs cocotb 2 alone.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cocotb
from cocotb.triggers import RisingEdge

from sim.testbenches.streams import random_stalls, reset, start_clock
from sim.testbenches.torus_host import Host

FOLDER = Path(__file__).parent  # Of the script's files.
PATIENCE_CYCLES = 20_000  # And so many for each 32 bits of the script: then nothing comes any more.
PATIENCE_CYCLES_A_WORD = 16


class Step(NamedTuple):
    """The host sends some beats, or waits until so many more have come."""

    sends: bool
    beats: int
    what: str


def beats_of(name: str) -> list[int]:
    """Read a file with a beat a line."""
    return [int(line, 16) for line in (FOLDER / name).read_text().split()]


def steps() -> Iterator[Step]:
    """Read how sending and taking take turns."""
    for line in (FOLDER / "host_script.mem").read_text().splitlines():
        numbers, _, what = line.partition(" // ")
        kind, count = numbers.split()
        yield Step(kind == "0", int(count, 16), what)


async def take(host: Host, taken: list[int]) -> None:
    """Take all beats that must come, and compare them."""
    names = [step.what for step in steps() if not step.sends for _ in range(step.beats)]
    golden = zip(beats_of("host_out.mem"), beats_of("host_mask.mem"), names, strict=True)
    for line, (wanted, mask, what) in enumerate(golden, 1):
        beat = await host.receive()
        assert beat & mask == wanted, (
            f"line {line} of host_out.mem, of {what}: {wanted:#x} must come, not {beat:#x}, of "
            f"which {mask:#x} is compared")
        taken.append(beat)


async def within(dut: Any, cycles: int, task: Any) -> None:
    """Wait for a task, but for so many cycles only."""
    for _ in range(cycles):
        if task.done():
            break
        await RisingEdge(dut.clk)
    assert task.done(), f"after {cycles} cycles not all beats have come"
    task.result()


@cocotb.test()
@cocotb.parametrize(stall_per_mille=[0, 300])
async def plays_its_script(dut: Any, stall_per_mille: int) -> None:
    """All beats come as they must, with a host that never rests, and with one that often does."""
    def stalls() -> Iterator[bool]:
        return random_stalls(random.Random(random.random()), stall_per_mille)

    facts = json.loads((FOLDER / "io.json").read_text())
    sent, expected = beats_of("host_in.mem"), len(beats_of("host_out.mem"))
    start_clock(dut)
    host = Host(dut, facts, stalls)
    await reset(dut)
    await host.open(expected)
    taken: list[int] = []
    taking = cocotb.start_soon(take(host, taken))

    async def play() -> None:
        waiting, due = iter(sent), 0
        for step in steps():
            if step.sends:
                await host.send([next(waiting) for _ in range(step.beats)])
                continue
            due += step.beats
            while len(taken) < due and not taking.done():
                await RisingEdge(dut.clk)

    playing = cocotb.start_soon(play())
    words = (len(sent) + expected) * facts["host_bits"] // 32
    patience = PATIENCE_CYCLES + PATIENCE_CYCLES_A_WORD * words
    await within(dut, patience, taking)
    await within(dut, patience, playing)
    await host.close(len(sent), expected)
