"""`WishboneTop` in Verilator, with the master of cocotbext-wishbone, which rests at random."""

import logging
import random
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.wishbone.driver import WBOp, WishboneMaster

from hw.bus.register_map import REGISTER_VERSION, Register, Source, Status
from sim.testbenches.bus_job import BusJob
from sim.testbenches.runner import bench_parameters
from sim.testbenches.streams import reset, start_clock

_ACK, _ERR = 1, 2
_PORTS = {"cyc": "cyc", "stb": "stb", "we": "we", "adr": "adr", "sel": "sel", "datwr": "dat_w",
          "datrd": "dat_r", "ack": "ack", "err": "err"}


class Host:
    """The master of the bus."""

    def __init__(self, dut: Any, stall_per_mille: int) -> None:
        self.dut = dut
        self._stall_per_mille = stall_per_mille
        start_clock(dut)
        self.master = WishboneMaster(dut, "wb", dut.clk, timeout=1000, signals_dict=_PORTS)
        self.master.log.setLevel(logging.WARNING)

    async def access(self, place: int, data: int | None = None, sel: int = 15) -> tuple[int, int]:
        """What an access ends with, and what it reads."""
        while random.randrange(1000) < self._stall_per_mille:
            await RisingEdge(self.dut.clk)
        idle = random.randrange(3) if self._stall_per_mille else 0
        [done] = await self.master.send_cycle([WBOp(place, data, idle=idle, sel=sel)])
        return done.ack, int(done.datrd) if data is None and done.ack == _ACK else 0

    async def read(self, register: int) -> int:
        """Read a register that there is."""
        ended, data = await self.access(register)
        assert ended == _ACK
        return data

    async def write(self, register: int, value: int, sel: int = 15) -> None:
        """Write a register that can be written."""
        ended, _ = await self.access(register, value, sel)
        assert ended == _ACK

    async def play(self, job: BusJob) -> list[bytes]:
        """Do all steps; whatever is refused is tried again, and beats that come are taken first."""
        parts = self.parts
        words: list[int] = []
        wanted = 0
        for step in job.steps:
            if isinstance(step, int):
                wanted += parts * step
                while len(words) < wanted:
                    await self._take(words)
                continue
            for word in step.reshape(-1).tolist():
                while (await self.access(Register.DATA, word))[0] != _ACK:
                    await self._take(words)
        data = b"".join(word.to_bytes(4, "little") for word in words)
        return [data[at:at + 4 * parts] for at in range(0, len(data), 4 * parts)]

    async def _take(self, words: list[int]) -> None:
        ended, word = await self.access(Register.DATA)
        if ended == _ACK:
            words.append(word)

    @property
    def parts(self) -> int:
        """Words of a beat."""
        return bench_parameters()["shape"][2] // 32


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
    for place in (Register.LAST_BEATS, 0x34, 0x44, 0x7C):
        assert (await host.access(place))[0] == (await host.access(place, 0))[0] == _ERR
    assert (await host.access(Register.ID_LOW, 0))[0] == _ERR
    assert (await host.access(Register.DATA))[0] == _ERR  # The torus has nothing to say.
    await host.write(Register.INTERRUPT_ENABLE, 0xFFFF_FFFF, sel=0b1110)
    assert await host.read(Register.INTERRUPT_ENABLE) == 0
    assert not dut.irq.value
    await host.write(Register.INTERRUPT_ENABLE, 1 << Source.NOT_RUNNING, sel=1)
    await ClockCycles(dut.clk, 3)
    assert dut.irq.value
    first = await host.read(Register.CYCLES_LOW)
    assert first < await host.read(Register.CYCLES_LOW)
    await host.write(Register.CONTROL, 1)
    assert await host.read(Register.CYCLES_LOW) < first


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def answers(dut: Any) -> None:
    """Runs that are cut off by CONTROL at random cycles, and then a whole one."""
    parameters = bench_parameters()
    job = BusJob.read(parameters["job"])
    host = Host(dut, parameters["stall_per_mille"])
    await reset(dut)
    parts = host.parts
    sent = sum(len(step) for step in job.steps if not isinstance(step, int))
    for _ in range(parameters["resets"]):
        words = random.randint(1, parts * sent)
        await host.play(BusJob(job.path, [job_beats(job)[:words]]))
        await host.write(Register.CONTROL, 1)
        # Up to two beats of before may wait.
        while await host.read(Register.STATUS) & 1 << Status.OUT_WAITS:
            await host.access(Register.DATA)
        await host.write(Register.CONTROL, 1)
    beats = await host.play(job)
    assert await host.read(Register.STATUS) == 0
    assert await host.read(Register.WORDS_IN) == parts * sent
    assert await host.read(Register.WORDS_OUT) == parts * len(beats)
    job.answer(beats, parts)


def job_beats(job: BusJob) -> Any:
    """All words that a job sends before it first waits for an answer."""
    first = job.steps[0]
    assert not isinstance(first, int)
    return first.reshape(-1)
