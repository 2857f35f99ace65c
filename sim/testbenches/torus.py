"""The whole torus in Verilator: beats in, and beats out.

The pytest side writes a file `job` with the host's beats of several programs, and how many come
back; nothing here knows what they mean. Those that came back are written beside it, as `ANSWER`.
"""

import random
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge, TaskManager

from sim.testbenches.runner import bench_parameters
from sim.testbenches.streams import (
    ProtocolChecker,
    StreamDriver,
    StreamMonitor,
    StreamPort,
    random_stalls,
    reset,
    start_clock,
)

ANSWER = "answer.npy"


def as_numbers(beats: np.ndarray) -> list[int]:
    """Beats as numbers, low part first."""
    return [int.from_bytes(beat.astype("<u4").tobytes(), "little") for beat in beats]


def as_beats(numbers: list[int], parts: int) -> np.ndarray:
    """Numbers as beats of 32-bit parts, uint32 [beats, parts]."""
    raw = b"".join(number.to_bytes(4 * parts, "little") for number in numbers)
    return np.frombuffer(raw, "<u4").reshape(-1, parts)


@cocotb.test(timeout_time=50, timeout_unit="ms")
async def answers(dut: Any) -> None:
    """Runs that are cut off by resets at random cycles, and then a whole one."""
    parameters = bench_parameters()
    path = Path(parameters["job"])
    job = np.load(path)
    beats, count = as_numbers(job["beats"]), int(job["count"])
    start_clock(dut)
    incoming, outgoing = StreamPort(dut, "host_in"), StreamPort(dut, "host_out")

    def players():
        stall = parameters["stall_per_mille"]
        return (StreamDriver(incoming, random_stalls(random.Random(random.random()), stall)),
                StreamMonitor(outgoing, random_stalls(random.Random(random.random()), stall)))

    async def run() -> list[int]:
        driver, monitor = players()
        async with TaskManager() as both:
            both.start_soon(driver.send(beats))
            answer = both.start_soon(monitor.receive(count))
        return answer.result()

    players()
    await reset(dut)
    ProtocolChecker(outgoing, dut.rst).start()
    for _ in range(parameters["resets"]):
        cut_off = cocotb.start_soon(run())
        for _ in range(random.randint(1, 3 * len(beats))):
            await RisingEdge(dut.clk)
        cut_off.cancel()
        await RisingEdge(dut.clk)  # Its players end on their next turn.
        players()                  # Withdraws what they had on offer.
        await reset(dut, cycles=random.randint(1, 3))

    np.save(path.with_name(ANSWER), as_beats(await run(), job["beats"].shape[1]))
