"""`AxiTop` in Verilator, with the master, source and sink of cocotbext-axi, which rest at random.

That package was not written here: what it understands of AXI4-Stream and AXI4-Lite, it understands
by itself.
"""

import logging
import random
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles
from cocotbext.axi import (
    AxiLiteBus,
    AxiLiteMaster,
    AxiResp,
    AxiStreamBus,
    AxiStreamFrame,
    AxiStreamSink,
    AxiStreamSource,
)

from hw.bus.register_map import REGISTER_VERSION, Register, Source, Status
from sim.testbenches.bus_job import BusJob
from sim.testbenches.runner import bench_parameters
from sim.testbenches.streams import ProtocolChecker, StreamPort, random_stalls, reset, start_clock

_DRAIN_CYCLES = 20  # Until beats of before a reset, of which there are at most two, have come.


class _Outgoing(StreamPort):
    """The beats that leave, with their `tlast`."""

    def __init__(self, dut: Any) -> None:
        self.name, self.clk = "m_axis", dut.clk
        self.data, self.valid, self.ready = dut.m_axis_tdata, dut.m_axis_tvalid, dut.m_axis_tready
        self._last = dut.m_axis_tlast

    @property
    def word(self) -> int:
        return super().word << 1 | int(self._last.value)


class Host:
    """All ends of the buses."""

    def __init__(self, dut: Any, stall_per_mille: int) -> None:
        self.dut = dut
        start_clock(dut)
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), dut.clk, dut.rst)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.clk, dut.rst)
        self.registers: Any = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk, dut.rst)
        for end in (self.source, self.sink):
            end.log.setLevel(logging.WARNING)
        channels = self.registers.write_if, self.registers.read_if
        for interface in channels:
            interface.log.setLevel(logging.WARNING)
        for channel in (self.source, self.sink, channels[0].aw_channel, channels[0].w_channel,
                        channels[0].b_channel, channels[1].ar_channel, channels[1].r_channel):
            channel.set_pause_generator(
                random_stalls(random.Random(random.random()), stall_per_mille))

    async def read(self, register: int) -> int:
        """Read a register that there is."""
        done = await self.registers.read(register, 4)
        assert done.resp == AxiResp.OKAY
        return int.from_bytes(done.data, "little")

    async def write(self, register: int, value: int) -> None:
        """Write a register that can be written."""
        done = await self.registers.write(register, value.to_bytes(4, "little"))
        assert done.resp == AxiResp.OKAY


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def registers_are_as_the_page_says(dut: Any) -> None:
    """What each register reads, and what is refused."""
    parameters = bench_parameters()
    host = Host(dut, parameters["stall_per_mille"])
    await reset(dut)
    identity = parameters["hardware_id"]
    assert await host.read(Register.ID_LOW) == identity & 0xFFFF_FFFF
    assert await host.read(Register.ID_HIGH) == identity >> 32
    assert await host.read(Register.VERSION) == REGISTER_VERSION
    rows, cols, host_bits = parameters["shape"]
    assert await host.read(Register.CONFIG) == rows | cols << 8 | host_bits.bit_length() - 1 << 16
    assert await host.read(Register.STATUS) == 0
    for place in (0x34, 0x38, 0x40, 0x7C):
        assert (await host.registers.read(place, 4)).resp == AxiResp.SLVERR
        assert (await host.registers.write(place, bytes(4))).resp == AxiResp.SLVERR
    for place in (Register.ID_LOW, Register.STATUS, Register.WORDS_IN, Register.CYCLES_HIGH):
        assert (await host.registers.write(place, bytes(4))).resp == AxiResp.SLVERR
    # A write reaches the bytes that it names.
    await host.write(Register.LAST_BEATS, 0x1234_5678)
    await host.registers.write(Register.LAST_BEATS + 1, b"\xab")
    assert await host.read(Register.LAST_BEATS) == 0x1234_AB78
    before = await host.read(Register.CYCLES_LOW)
    assert before < await host.read(Register.CYCLES_LOW)
    assert await host.read(Register.CYCLES_HIGH) == 0

    # The interrupt holds as long as its source, and no longer.
    assert not dut.irq.value
    await host.write(Register.INTERRUPT_ENABLE, 1 << Source.NOT_RUNNING)
    await ClockCycles(dut.clk, 3)
    assert dut.irq.value
    await host.write(Register.INTERRUPT_ENABLE, 1 << Source.ERROR)
    await ClockCycles(dut.clk, 3)
    assert not dut.irq.value
    # A beat with bytes missing is taken, and is an error until that is cleared.
    size = len(dut.s_axis_tkeep)
    await host.source.send(AxiStreamFrame(bytes(size), tkeep=[1] * (size - 1) + [0]))
    await host.source.wait()
    await ClockCycles(dut.clk, 3)
    assert await host.read(Register.ERROR) == 1 and dut.irq.value
    await host.write(Register.ERROR, 1)
    assert await host.read(Register.ERROR) == 0
    assert await host.read(Register.WORDS_IN) == size // 4
    await host.write(Register.CONTROL, 1)
    assert await host.read(Register.WORDS_IN) == await host.read(Register.CONTROL) == 0


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def answers(dut: Any) -> None:
    """Runs that are cut off by CONTROL at random cycles, and then a whole one."""
    parameters = bench_parameters()
    job = BusJob.read(parameters["job"])
    host = Host(dut, parameters["stall_per_mille"])
    await reset(dut)
    ProtocolChecker(_Outgoing(dut), dut.rst).start()
    for _ in range(parameters["resets"]):
        cut_off = cocotb.start_soon(play(host, job, cut_off=True))
        await ClockCycles(dut.clk, random.randint(1, 2000))
        cut_off.cancel()
        host.source.clear()
        await ClockCycles(dut.clk, _DRAIN_CYCLES)
        await host.write(Register.CONTROL, 1)
        await ClockCycles(dut.clk, _DRAIN_CYCLES)
        host.sink.clear()
        assert await host.read(Register.WORDS_IN) <= len(dut.s_axis_tdata) // 32
        await host.write(Register.CONTROL, 1)
    beats = await play(host, job, cut_off=parameters["resets"] > 0)
    assert not await host.read(Register.STATUS) & 1 << Status.RUNNING
    parts = len(dut.s_axis_tdata) // 32
    assert await host.read(Register.WORDS_OUT) == parts * len(beats)
    sent = sum(len(step) for step in job.steps if not isinstance(step, int))
    assert await host.read(Register.WORDS_IN) == parts * sent
    job.answer(beats, parts)


async def play(host: Host, job: BusJob, *, cut_off: bool) -> list[bytes]:
    """Do all steps; what is received comes as one packet each."""
    beats: list[bytes] = []
    packets = [step for step in job.steps if isinstance(step, int)]
    await host.write(Register.LAST_BEATS, packets[0] if packets else 0)
    for step in job.steps:
        if not isinstance(step, int):
            for beat in step:
                await host.source.send(AxiStreamFrame(beat.astype("<u4").tobytes()))
            continue
        data = bytes((await host.sink.recv()).tdata)
        size = len(host.dut.m_axis_tkeep)
        # The sink still has the beginning of a packet that was cut off, as a DMA engine would.
        assert len(data) == step * size or (cut_off and not beats and len(data) > step * size), (
            f"a packet of {step} beats has {len(data) // size}")
        data = data[-step * size:]
        beats += [data[at:at + size] for at in range(0, len(data), size)]
        done = packets.pop(0)
        if packets and packets[0] != done:
            await host.write(Register.LAST_BEATS, packets[0])
    return beats
