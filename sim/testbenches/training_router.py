"""`TrainingRouter` in Verilator: all four rings at once, each with its own players."""

import random
from collections.abc import Awaitable, Callable
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge, TaskManager

from hw.config import TorusConfig
from sim.testbenches.reduce_node import ReduceNode
from sim.testbenches.reduce_scenario import random_reduction
from sim.testbenches.ring_node import RingNode
from sim.testbenches.router import AXES
from sim.testbenches.runner import bench_parameters
from sim.testbenches.scenario import random_scenario
from sim.testbenches.streams import reset, start_clock

# Link input, link output and PE side of each ring back.
AXES_BACK = (("from_east", "to_west", "row_back_"), ("from_south", "to_north", "col_back_"))


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def all_directions_at_once(dut: Any) -> None:
    """A run that is cut off by a reset at a random cycle, and then a whole one."""
    parameters = bench_parameters()
    config = TorusConfig.from_dict(parameters["config"])
    last_in_row = random.random() < 0.5
    dut.last_in_row.value = last_in_row
    start_clock(dut)

    def play(op_count: int, *, watch: bool) -> list[Callable[[], Awaitable[None]]]:
        """Take over all ports; return what runs each ring."""
        runs: list[Callable[[], Awaitable[None]]] = []
        for axis in AXES:
            gather = RingNode(dut, *axis, config, seed=random.getrandbits(32),
                              stall_per_mille=parameters["stall_per_mille"])
            words = random_scenario(
                random.getrandbits(32), op_count=op_count, buffer_words=config.buffer_words,
                word_bits=config.word_bits, rep_bits=config.rep_bits,
                last_in_row=last_in_row and axis[2] == "row", trains=True)
            runs.append(lambda node=gather, scenario=words: node.run(scenario))
            if watch:
                gather.watch(dut.rst)
        for axis in AXES_BACK:
            reduce = ReduceNode(dut, *axis, config, seed=random.getrandbits(32),
                                stall_per_mille=parameters["stall_per_mille"])
            sums = random_reduction(
                random.getrandbits(32), length=op_count * 20, sum_bits=config.acc_bits,
                place_bits=parameters["place_bits"])
            runs.append(lambda node=reduce, scenario=sums: node.run(scenario))
            if watch:
                reduce.watch(dut.rst)
        return runs

    async def run(rings: list[Callable[[], Awaitable[None]]]) -> None:
        async with TaskManager() as tasks:
            for ring in rings:
                tasks.start_soon(ring())

    first = play(20, watch=True)
    await reset(dut)
    cut_off = cocotb.start_soon(run(first))
    for _ in range(random.randint(1, 400)):
        await RisingEdge(dut.clk)
    cut_off.cancel()
    await RisingEdge(dut.clk)  # Its players end on their next turn.

    second = play(40, watch=False)  # Withdraws what the first had on offer.
    await reset(dut, cycles=random.randint(1, 4))
    await run(second)
