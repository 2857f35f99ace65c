"""`RingReduce` in Verilator: one node, its neighbours and its MAC played by the bench."""

import random
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from hw.config import TorusConfig
from sim.testbenches.reduce_node import ReduceNode
from sim.testbenches.reduce_scenario import ReduceScenario, random_reduction
from sim.testbenches.runner import bench_parameters
from sim.testbenches.streams import reset, start_clock


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def random_contributions(dut: Any) -> None:
    """A run that is cut off by a reset at a random cycle, and then a whole one."""
    parameters = bench_parameters()
    config = TorusConfig.from_dict(parameters["config"])
    start_clock(dut)

    def scenario(length: int) -> ReduceScenario:
        return random_reduction(random.getrandbits(32), length=length, sum_bits=config.acc_bits,
                                place_bits=parameters["place_bits"])

    def node() -> ReduceNode:
        return ReduceNode(dut, "i", "o", "", config, seed=random.getrandbits(32),
                          stall_per_mille=parameters["stall_per_mille"])

    first = node()
    await reset(dut)
    first.watch(dut.rst)
    cut_off = cocotb.start_soon(first.run(scenario(400)))
    for _ in range(random.randint(1, 400)):
        await RisingEdge(dut.clk)
    cut_off.cancel()
    await RisingEdge(dut.clk)  # Its players end on their next turn.

    second = node()  # Withdraws what the first had on offer.
    await reset(dut, cycles=random.randint(1, 4))
    await second.run(scenario(800))
