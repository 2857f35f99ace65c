"""`InferenceRouter` in Verilator: both rings at once, each with its own ops, stalls and MAC."""

import random
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge, TaskManager

from hw.config import TorusConfig
from sim.testbenches.ring_node import RingNode
from sim.testbenches.runner import bench_parameters
from sim.testbenches.scenario import random_scenario
from sim.testbenches.streams import reset, start_clock

# Link input, link output and PE side of each axis.
AXES = (("west", "east", "row"), ("north", "south", "col"))


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def both_axes_at_once(dut: Any) -> None:
    """A run that is cut off by a reset at a random cycle, and then a whole one."""
    parameters = bench_parameters()
    config = TorusConfig.from_dict(parameters["config"])
    last_in_row = random.random() < 0.5
    dut.last_in_row.value = last_in_row
    start_clock(dut)

    def nodes():
        return [RingNode(dut, *axis, config, seed=random.getrandbits(32),
                         stall_per_mille=parameters["stall_per_mille"]) for axis in AXES]

    async def run(players: list[RingNode], op_count: int) -> None:
        async with TaskManager() as axes:
            for player, (_, _, side) in zip(players, AXES, strict=True):
                axes.start_soon(player.run(random_scenario(
                    random.getrandbits(32), op_count=op_count, buffer_words=config.buffer_words,
                    word_bits=config.word_bits, rep_bits=config.rep_bits,
                    last_in_row=last_in_row and side == "row")))

    first = nodes()
    await reset(dut)
    for player in first:
        player.watch(dut.rst)
    cut_off = cocotb.start_soon(run(first, 20))
    for _ in range(random.randint(1, 400)):
        await RisingEdge(dut.clk)
    cut_off.cancel()
    await RisingEdge(dut.clk)  # Its players end on their next turn.

    second = nodes()  # Withdraws what the first had on offer.
    await reset(dut, cycles=random.randint(1, 4))
    await run(second, 40)
