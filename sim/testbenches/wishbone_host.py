"""`Host` of a torus on Wishbone: registers and beats by classic cycles (docs/buses.md)."""

from collections.abc import Callable, Iterator
from typing import Any

from cocotb.triggers import Lock, RisingEdge

from hw.bus.register_map import REGISTER_VERSION, Register, Source, Status

REST_CYCLES = 100  # After the last beat, in which no other may come.
ANSWER_CYCLES = 4  # In which an access must end.


class Host:
    """What a host does with a torus, for tests that know no more of it than beats.

    It waits for beats by the interrupt, and sends a word again that was refused.

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
        self._stalls = stalls()
        self._parts = facts["host_bits"] // 32
        self._bus = Lock()  # Sending and receiving share it, access by access.
        dut.wb_cyc.value = dut.wb_stb.value = dut.wb_we.value = 0
        dut.wb_sel.value = 15

    async def open(self, expected: int) -> None:
        """Begin, after a reset; so many beats will come back."""
        version = await self._read(Register.VERSION)
        assert version == REGISTER_VERSION, f"VERSION is {version}, not {REGISTER_VERSION}"
        identity = await self._read(Register.ID_HIGH) << 32 | await self._read(Register.ID_LOW)
        wanted = self._facts["hardware_id"]
        assert f"{identity:016x}" == wanted, (
            f"the torus has the hardware id {identity:016x}, the beats are for {wanted}")
        enabled = await self._access(Register.INTERRUPT_ENABLE, 1 << Source.OUT_WAITS)
        assert enabled is not None, "a write of INTERRUPT_ENABLE ends with wb_err"

    async def send(self, beats: list[int]) -> None:
        """Send beats; returns when the last is on its way."""
        for beat in beats:
            for part in range(self._parts):
                word = beat >> 32 * part & 0xFFFF_FFFF
                while await self._access(Register.DATA, word) is None:
                    pass

    async def receive(self) -> int:
        """Wait for a beat."""
        words: list[int] = []
        while len(words) < self._parts:
            while not self._dut.irq.value:
                await RisingEdge(self._dut.clk)
            word = await self._access(Register.DATA)
            if word is not None:  # Else the interrupt was of a beat that has just been taken.
                words.append(word)
        return sum(word << 32 * part for part, word in enumerate(words))

    async def close(self, sent: int, taken: int) -> None:
        """See that nothing more comes, and what the registers say, after so many beats in all."""
        for _ in range(REST_CYCLES):
            await RisingEdge(self._dut.clk)
            assert not self._dut.irq.value, "irq says that a beat waits after the last"
        status = await self._read(Register.STATUS)
        assert not status & (1 << Status.RUNNING | 1 << Status.OUT_WAITS), f"STATUS is {status}"
        wanted = {Register.WORDS_IN: sent, Register.WORDS_OUT: taken}
        for register, beats in wanted.items():
            found = await self._read(register)
            assert found == beats * self._parts, f"{register.name} is {found} after {beats} beats"
        assert await self._access(Register.DATA) is None, "DATA is read where no beat waits"

    async def _read(self, register: Register) -> int:
        value = await self._access(register)
        assert value is not None, f"a read of {register.name} ends with wb_err"
        return value

    async def _access(self, register: Register, data: int | None = None) -> int | None:
        """Read, or write `data`: what was read or written, or None if it ended with an error."""
        dut = self._dut
        async with self._bus:
            while next(self._stalls):
                await RisingEdge(dut.clk)
            dut.wb_cyc.value = dut.wb_stb.value = 1
            dut.wb_adr.value, dut.wb_we.value = register, data is not None
            dut.wb_dat_w.value = data or 0
            for _ in range(ANSWER_CYCLES):
                await RisingEdge(dut.clk)
                if dut.wb_ack.value or dut.wb_err.value:
                    break
            dut.wb_cyc.value = dut.wb_stb.value = 0
            done, refused = bool(dut.wb_ack.value), bool(dut.wb_err.value)
            assert done != refused, (
                f"an access to {register.name} ends with ack {done:d} and err {refused:d}")
            if refused:
                return None
            return int(dut.wb_dat_r.value) if data is None else data
