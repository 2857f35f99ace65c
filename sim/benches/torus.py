"""The whole torus in Verilator: beats in, outputs against the golden model's.

The pytest side writes a file with the host's beats of three programs (identify, load, infer) and
the outputs that the golden model computes; nothing here knows how they come about.
"""

import random
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge, TaskManager

from sim.cocotb_runner import bench_parameters
from sim.streams import (
    ProtocolChecker,
    StreamDriver,
    StreamMonitor,
    StreamPort,
    random_stalls,
    reset,
    start_clock,
)


def as_numbers(beats: np.ndarray) -> list[int]:
    """Beats as numbers, low part first."""
    return [int.from_bytes(beat.astype("<u4").tobytes(), "little") for beat in beats]


@cocotb.test(timeout_time=50, timeout_unit="ms")
async def outputs_equal_the_golden_models(dut: Any) -> None:
    """Runs that are cut off by resets at random cycles, and then a whole one."""
    parameters = bench_parameters()
    job = np.load(parameters["job"])
    beats, expected = as_numbers(job["beats"]), as_numbers(job["expected"])
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
            answer = both.start_soon(monitor.receive(len(expected)))
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

    answer = await run()
    wrong = [index for index, pair in enumerate(zip(answer, expected, strict=True))
             if pair[0] != pair[1]]
    assert not wrong, f"{len(wrong)} of {len(expected)} beats differ, first beat {wrong[0]}"
