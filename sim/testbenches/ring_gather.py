"""`RingGather` in Verilator: one node, its neighbours and its MAC played by the bench."""

import random
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from hw.config import TorusConfig
from sim.testbenches.ring_node import RingNode
from sim.testbenches.runner import bench_parameters
from sim.testbenches.scenario import random_scenario
from sim.testbenches.streams import reset, start_clock


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def random_ops(dut: Any) -> None:
    """A run that is cut off by a reset at a random cycle, and then whole ones."""
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

    first = node()
    await reset(dut)
    first.watch(dut.rst)
    cut_off = cocotb.start_soon(first.run(scenario(20)))
    for _ in range(random.randint(1, 400)):
        await RisingEdge(dut.clk)
    cut_off.cancel()
    await RisingEdge(dut.clk)  # Its players end on their next turn.

    second = node()  # Withdraws what the first had on offer.
    await reset(dut, cycles=random.randint(1, 4))
    await second.run(scenario(40))
