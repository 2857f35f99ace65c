"""A cocotb bench that plays a program's beats to a torus and counts the cycles that it takes."""

import json
import time
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge, TaskManager

from sim.testbenches.runner import bench_parameters
from sim.testbenches.streams import (
    StreamDriver,
    StreamMonitor,
    StreamPort,
    no_stalls,
    reset,
    start_clock,
)


@cocotb.test()
async def play(dut: Any) -> None:
    """Write `speed.json`: cycles, and seconds of the simulator for them."""
    parameters = bench_parameters()
    with np.load(parameters["job"]) as job:
        beats = [int.from_bytes(beat.astype("<u4").tobytes(), "little") for beat in job["beats"]]
        count = int(job["output_beats"])
    start_clock(dut)
    driver = StreamDriver(StreamPort(dut, "host_in"), no_stalls())
    monitor = StreamMonitor(StreamPort(dut, "host_out"), no_stalls())
    await reset(dut)
    cycles = 0

    async def count_cycles() -> None:
        nonlocal cycles
        while True:
            await RisingEdge(dut.clk)
            cycles += 1

    counter = cocotb.start_soon(count_cycles())
    start = time.perf_counter()
    async with TaskManager() as both:
        both.start_soon(driver.send(beats))
        answer = both.start_soon(monitor.receive(count))
    seconds = time.perf_counter() - start
    counter.cancel()
    assert len(answer.result()) == count
    Path(parameters["result"]).write_text(json.dumps({"cycles": cycles, "seconds": seconds}))
