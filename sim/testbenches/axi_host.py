"""`Host` of a torus on AXI: beats over AXI4-Stream, registers over AXI4-Lite (docs/buses.md)."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from hw.bus.register_map import REGISTER_VERSION, Register, Source, Status
from sim.testbenches.streams import ProtocolChecker, StreamDriver, StreamMonitor, StreamPort

REST_CYCLES = 100  # After the last beat, in which no other may come.
IRQ_CYCLES = 4  # From a write of INTERRUPT_ENABLE until `irq` follows.
OKAY = 0


class Channel(StreamPort):
    """A channel of AXI as a stream: what it carries, in some signals, the first one lowest."""

    def __init__(self, dut: Any, name: str, *signals: str) -> None:
        self.name, self.clk = name, dut.clk
        self.data, *self._more = (getattr(dut, f"{name}{signal}") for signal in signals)
        self.valid = getattr(dut, f"{name}valid")
        self.ready = getattr(dut, f"{name}ready")

    @property
    def parts(self) -> list[int]:
        """What each signal was at the last edge."""
        return [int(signal.value) for signal in (self.data, *self._more)]

    @property
    def word(self) -> int:
        """All of them as one number."""
        word, at = 0, 0
        for signal in (self.data, *self._more):
            word |= int(signal.value) << at
            at += len(signal)
        return word


class Registers:
    """A master of AXI4-Lite that does one access at a time, and rests at random on each channel."""

    def __init__(self, dut: Any, stalls: Callable[[], Iterator[bool]]) -> None:
        dut.s_axil_awprot.value = dut.s_axil_arprot.value = 0
        dut.s_axil_wstrb.value = 15
        self._write_place, self._write_data, self._read_place = (
            StreamDriver(Channel(dut, f"s_axil_{name}", signal), stalls())
            for name, signal in (("aw", "addr"), ("w", "data"), ("ar", "addr")))
        self._written = Channel(dut, "s_axil_b", "resp")
        self._read = Channel(dut, "s_axil_r", "data", "resp")
        self.answers = self._written, self._read
        self._write_answers, self._read_answers = (
            StreamMonitor(channel, stalls()) for channel in self.answers)

    async def write(self, register: Register, value: int) -> None:
        """Write a register; its place and its value go their own ways."""
        place = cocotb.start_soon(self._write_place.send([register]))
        await self._write_data.send([value])
        await place
        [response] = await self._write_answers.receive(1)
        assert response == OKAY, f"a write of {register.name} ends with response {response}"

    async def read(self, register: Register) -> int:
        """Read a register."""
        await self._read_place.send([register])
        await self._read_answers.receive(1)
        value, response = self._read.parts
        assert response == OKAY, f"a read of {register.name} ends with response {response}"
        return value


class Host:
    """What a host does with a torus, for tests that know no more of it than beats.

    Parameters
    ----------
    dut : handle of the top module
    facts : dict
        `io.json`.
    stalls : callable
        Makes iterators that say, cycle by cycle, whether a part of the host rests.
    """

    def __init__(
        self, dut: Any, facts: dict[str, Any], stalls: Callable[[], Iterator[bool]]
    ) -> None:
        self._dut, self._facts = dut, facts
        dut.s_axis_tkeep.value = (1 << len(dut.s_axis_tkeep)) - 1
        if hasattr(dut, "s_axis_tlast"):
            dut.s_axis_tlast.value = 0
        self._has_last = hasattr(dut, "m_axis_tlast")
        # In the names of AXI4-Stream the letter t belongs to a signal, here to its channel.
        signals = ("data", "keep", "last") if self._has_last else ("data", "keep")
        self._out = Channel(dut, "m_axis_t", *signals)
        self._driver = StreamDriver(Channel(dut, "s_axis_t", "data"), stalls())
        self._monitor = StreamMonitor(self._out, stalls())
        self.registers = Registers(dut, stalls)
        self._packet = self._taken = 0

    async def open(self, expected: int) -> None:
        """Begin, after a reset; so many beats will come back. Packets get a length by chance."""
        for channel in (self._out, *self.registers.answers):
            ProtocolChecker(channel, self._dut.rst).start()
        version = await self.registers.read(Register.VERSION)
        assert version == REGISTER_VERSION, f"VERSION is {version}, not {REGISTER_VERSION}"
        identity = (await self.registers.read(Register.ID_HIGH) << 32
                    | await self.registers.read(Register.ID_LOW))
        wanted = self._facts["hardware_id"]
        assert f"{identity:016x}" == wanted, (
            f"the torus has the hardware id {identity:016x}, the beats are for {wanted}")
        if self._has_last:
            self._packet = random.randint(1, expected)
            await self.registers.write(Register.LAST_BEATS, self._packet)

    async def send(self, beats: list[int]) -> None:
        """Send beats; returns when the torus has taken the last."""
        await self._driver.send(beats)

    async def receive(self) -> int:
        """Wait for a beat; it must be whole, and the last of its packet where one ends."""
        await self._monitor.receive(1)
        beat, keep, *last = self._out.parts
        self._taken += 1
        assert keep == (1 << len(self._dut.m_axis_tkeep)) - 1, f"tkeep is {keep:#x}: bytes lack"
        ends = self._has_last and self._taken % self._packet == 0
        assert not last or bool(last[0]) == ends, (
            f"beat {self._taken}, in packets of {self._packet}, comes with tlast {last[0]}")
        return beat

    async def close(self, sent: int, taken: int) -> None:
        """See that nothing more comes, and what the registers say, after so many beats in all."""
        for _ in range(REST_CYCLES):
            await RisingEdge(self._dut.clk)
            assert not self._out.is_valid, f"{self._out.parts[0]:#x} comes after the last beat"
        parts = self._facts["host_bits"] // 32
        wanted = {Register.WORDS_IN: sent * parts, Register.WORDS_OUT: taken * parts,
                  Register.ERROR: 0}
        for register, value in wanted.items():
            found = await self.registers.read(register)
            assert found == value, f"{register.name} is {found}, not {value}"
        assert not await self.registers.read(Register.STATUS) >> Status.RUNNING & 1
        for enabled in (1 << Source.NOT_RUNNING, 0):
            await self.registers.write(Register.INTERRUPT_ENABLE, enabled)
            for _ in range(IRQ_CYCLES):
                await RisingEdge(self._dut.clk)
            assert bool(self._dut.irq.value) == bool(enabled), "irq is not what is enabled"
