"""`RingReduce` in Verilator: one node, its neighbours and its MAC played by the bench."""

import random
from typing import Any

import cocotb

from hw.config import TorusConfig
from sim.testbenches.reduce_node import ReduceNode
from sim.testbenches.reduce_scenario import ReduceScenario, random_reduction
from sim.testbenches.ring_player import run_around_reset
from sim.testbenches.runner import bench_parameters
from sim.testbenches.streams import start_clock


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

    await run_around_reset(dut, node, scenario, 400, 800)
