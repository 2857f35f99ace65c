"""`RingGather` in Verilator: one node, its neighbours and its MAC played by the bench."""

import random
from typing import Any

import cocotb

from hw.config import TorusConfig
from sim.testbenches.ring_node import RingNode
from sim.testbenches.ring_player import run_around_reset
from sim.testbenches.runner import bench_parameters
from sim.testbenches.scenario import random_scenario
from sim.testbenches.streams import start_clock


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def random_ops(dut: Any) -> None:
    """A run that is cut off by a reset at a random cycle, and then a whole one."""
    parameters = bench_parameters()
    config = TorusConfig.from_dict(parameters["config"])
    last_in_row = random.random() < 0.5
    dut.last_in_row.value = last_in_row
    start_clock(dut)

    def scenario(op_count: int):
        return random_scenario(
            random.getrandbits(32), op_count=op_count, buffer_words=config.buffer_words,
            word_bits=config.word_bits, rep_bits=config.rep_bits, last_in_row=last_in_row,
            trains=config.training is not None)

    def node():
        return RingNode(dut, "i", "o", "pe", config, seed=random.getrandbits(32),
                        stall_per_mille=parameters["stall_per_mille"])

    await run_around_reset(dut, node, scenario, 20, 40)
