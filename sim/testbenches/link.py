"""`Link` in Verilator: order, no loss, the stream rules, and reset at any cycle."""

import random
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge, gather

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


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def words_come_out_once_and_in_order(dut: Any) -> None:
    """A run that is cut off by a reset, and then a whole one."""
    parameters = bench_parameters()
    start_clock(dut)
    incoming, outgoing = StreamPort(dut, "i"), StreamPort(dut, "o")

    def players():
        stalls = [random_stalls(random.Random(random.random()), parameters["stall_per_mille"])
                  for _ in range(2)]
        return StreamDriver(incoming, stalls[0]), StreamMonitor(outgoing, stalls[1])

    driver, monitor = players()
    await reset(dut)
    ProtocolChecker(outgoing, dut.rst).start()
    words = [random.getrandbits(parameters["word_bits"]) for _ in range(500)]
    cut_off = [cocotb.start_soon(driver.send(words)), cocotb.start_soon(monitor.receive(500))]
    for _ in range(random.randint(1, 300)):
        await RisingEdge(dut.clk)
    for task in cut_off:
        task.cancel()
    await RisingEdge(dut.clk)  # They end on their next turn.

    driver, monitor = players()  # Withdraws what was on offer.
    await reset(dut)
    _, received = await gather(driver.send(words), monitor.receive(len(words)))
    assert received == words
