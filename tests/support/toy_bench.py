"""The cocotb side of tests/sim/testbenches/test_runner.py: a stream in, the same stream out."""

import random

import cocotb
from cocotb.triggers import RisingEdge

from sim.testbenches.runner import bench_parameters
from sim.testbenches.streams import (
    ProtocolChecker,
    StreamDriver,
    StreamMonitor,
    StreamPort,
    random_stalls,
    reset,
    stalls_like,
    start_clock,
)

WORDS = 300


async def _bench(dut, stalls_in, stalls_out):
    start_clock(dut)
    checkers = [ProtocolChecker(StreamPort(dut, name), dut.rst) for name in "io"]
    for checker in checkers:
        checker.start()
    driver = StreamDriver(StreamPort(dut, "i"), stalls_in)
    monitor = StreamMonitor(StreamPort(dut, "o"), stalls_out)
    await reset(dut)
    words = [random.randrange(1 << len(dut.i_data)) for _ in range(WORDS)]
    sending = cocotb.start_soon(driver.send(words))
    received = await monitor.receive(WORDS)
    await sending
    assert received == words
    await RisingEdge(dut.clk)  # The checkers may see the last edge after this task did.
    assert [checker.transfers for checker in checkers] == [WORDS, WORDS]


@cocotb.test(timeout_time=100, timeout_unit="us")
async def random_stalls_lose_no_word(dut):
    per_mille = bench_parameters()["per_mille"]
    await _bench(dut, random_stalls(random, per_mille), random_stalls(random, per_mille))


@cocotb.test(timeout_time=100, timeout_unit="us")
async def patterned_stalls_lose_no_word(dut):
    await _bench(dut, stalls_like([1, 0, 0]), stalls_like([1, 1, 0, 1]))


@cocotb.test(timeout_time=4, timeout_unit="us")
async def without_stalls_a_word_moves_every_cycle(dut):
    await _bench(dut, None, None)
