"""`LinkConfig`: how a board talks to its host. It is no part of a torus, nor of a hardware id."""

import dataclasses

from .config_checks import ConfigError, check_ranges

__all__ = ["BAUD_RANGE", "CHECKED_LINK_VERSION", "CLOCK_HZ_RANGE", "FAULTS_MAGIC", "FAULT_BYTES",
           "FRAME_WORDS", "LINK_MAGIC", "LINK_VERSION", "MOST_FAULT_NODES",
           "PACKED_LINK_VERSION", "WORD_BYTES", "LinkConfig"]

WORD_BYTES = 4         # Bytes of a word, which sequence numbers count.
FRAME_WORDS = 60       # Most words of a frame; beyond them a COBS code could be 255.
# Versions of the contract in docs/host_link.md: of a board to which beats travel as they are, of
# one that takes packed beats, and of one whose torus has `checks`.
LINK_VERSION, PACKED_LINK_VERSION, CHECKED_LINK_VERSION = 2, 3, 4
LINK_MAGIC = b"CLT"
FAULTS_MAGIC = b"FLT\0"
FAULT_BYTES = 2        # Of the flags of a node.
MOST_FAULT_NODES = (FRAME_WORDS * WORD_BYTES - len(FAULTS_MAGIC)) // FAULT_BYTES  # Of a frame.
CLOCK_HZ_RANGE = 1_000_000, 1_000_000_000
BAUD_RANGE = 9_600, 12_000_000
_LEAST_BIT_CYCLES = 4
# Most error of a bit's length: over the 10 bits of a byte both ends together may be off by half a
# bit.
_MOST_ERROR = 0.02
_RANGES = {
    "clock_hz": CLOCK_HZ_RANGE,
    "baud": BAUD_RANGE,
    "buffer_bytes": (512, 65_536),
    "input_bits": (0, 17),
}


@dataclasses.dataclass(frozen=True)
class LinkConfig:
    """The host link of a board; docs/host_link.md is its contract.

    Parameters
    ----------
    clock_hz
        Clock of the board.
    baud
        Bits per second of either wire. A bit takes at least 4 clock cycles.
    buffer_bytes
        Bytes that may be on their way in each direction: a power of two. 512 is one block RAM of an
        iCE40, 2048 one of an ECP5. A host whose answers take long needs more.
    registered
        Whether the link has more registers: for parts whose memories answer late in a cycle, and
        for faster clocks. A byte then rests in a register behind the buffer of words to send,
        before the CRC of a frame to send, before the memory of the COBS encoder, and before the
        frame receiver. Counts and comparisons that decide whether to send or take words are
        registers, too. The bytes on the wires are the same.
    input_bits
        Bits of a word in a packed beat, less than those of a word of the torus; with 0 the board
        takes no packed beats, and has nothing for them.
    fifo
        Whether the bytes go through the synchronous FIFO of an FT2232H (`hw.bus.ft245`) instead of
        a UART; `baud` then means nothing.

    Raises
    ------
    ConfigError
        For a value outside its range, or a clock of which no whole number of cycles comes close to
        a bit; the message names the field, the value and what was expected.
    """

    clock_hz: int
    baud: int = 1_000_000
    buffer_bytes: int = 2048
    registered: bool = False
    input_bits: int = 0
    fifo: bool = False

    def __post_init__(self) -> None:
        for name in ("registered", "fifo"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"{name} must be true or false, not {getattr(self, name)!r}")
        for name in _RANGES:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise ConfigError(f"{name} must be a whole number, not {value!r}")
        check_ranges(self, _RANGES)
        if self.buffer_bytes & (self.buffer_bytes - 1):
            raise ConfigError(f"buffer_bytes must be a power of two, not {self.buffer_bytes}")
        if not self.fifo:
            self._check_baud()

    def _check_baud(self) -> None:
        if self.bit_cycles < _LEAST_BIT_CYCLES:
            raise ConfigError(f"baud must be at most {self.clock_hz // _LEAST_BIT_CYCLES}, a bit "
                              f"of {_LEAST_BIT_CYCLES} cycles at clock_hz = {self.clock_hz}, not "
                              f"{self.baud}")
        actual = self.clock_hz / self.bit_cycles
        if abs(actual / self.baud - 1) > _MOST_ERROR:
            raise ConfigError(f"baud must be within {_MOST_ERROR:.0%} of a whole number of cycles "
                              f"a bit at clock_hz = {self.clock_hz}, such as {actual:.0f}, not "
                              f"{self.baud}")

    def check_words(self, word_bits: int) -> None:
        """Refuse packed words that are no narrower than those of the torus.

        Raises
        ------
        ConfigError
            With the field, its value and what was expected.
        """
        if self.input_bits >= word_bits:
            raise ConfigError(f"input_bits must be 1 to {word_bits - 1}, less than the {word_bits} "
                              f"bits of a word of the torus, or 0 for none, not {self.input_bits}")

    @property
    def version(self) -> int:
        """Version of the contract that the board keeps to."""
        return PACKED_LINK_VERSION if self.input_bits else LINK_VERSION

    @property
    def bit_cycles(self) -> int:
        """Clock cycles of a bit."""
        return round(self.clock_hz / self.baud)

    @property
    def buffer_words(self) -> int:
        """Words of either buffer."""
        return self.buffer_bytes // WORD_BYTES

    @property
    def place_bits(self) -> int:
        """Width of a place in a buffer, with a bit more, by which full and empty differ."""
        return self.buffer_words.bit_length()
