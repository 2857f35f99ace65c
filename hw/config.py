"""The configuration of one generated torus, and every width that follows from it.

`TorusConfig` holds what a user may choose; each derived width is a property beside it, so that the
RTL, the compiler and the benches read the same number. It needs nothing but the standard library.
"""

import dataclasses
import hashlib
import json

from .config_checks import (
    HOST_BITS,
    RANGES,
    ConfigError,
    check_known,
    check_ranges,
    check_torus,
    check_whole,
    without_options,
)
from .lane_sizes import MAC_CYCLES, READ_CYCLES, REQUANTISE_CYCLES, LaneSizes
from .link_sizes import LinkSizes
from .training_config import LFSR_BITS, TrainingConfig

__all__ = ["ConfigError", "TorusConfig", "TrainingConfig", "HARDWARE_ID_BITS", "HOST_BITS",
           "PROGRAM_BLOCK_WORDS", "QUEUES", "LOOP_COUNT_BITS", "LFSR_BITS", "LFSR_TAPS",
           "MOMENTUM_BITS", "READ_CYCLES", "MAC_CYCLES", "REQUANTISE_CYCLES", "UPDATE_CYCLES",
           "RANGES"]

HARDWARE_ID_BITS = 64
PROGRAM_BLOCK_WORDS = 16  # Programs, and the header before each, are loaded in blocks of this size.
QUEUES = 3                # Queues of ops in a program; each has a time slot of its fetch unit.
LOOP_COUNT_BITS = 16      # Width of the count of a LOOP.
UPDATE_CYCLES = READ_CYCLES + 7  # From a step to the cycle in which its weight is written.
MOMENTUM_BITS = 4         # Width of the shift by which a velocity decays.
LFSR_TAPS = 0x80200003    # Bits that a training PE's generator flips when a one is shifted out.


@dataclasses.dataclass(frozen=True)
class TorusConfig(LaneSizes, LinkSizes):
    """What a torus is built from. Every field is a plain integer with its unit in its name.

    Parameters
    ----------
    rows, cols
        Size of the torus in processing elements (PEs), 1 to 64 each.
    act_bits, weight_bits
        Width of an activation and of a weight, two's complement, 4 to 18 bits.
    host_bits
        Width of one host beat in each direction: 32, 64, 128 or 256.
    buffer_words
        Depth of each gather buffer (one for the row ring, one for the column ring of each PE).
    weight_words, bias_words
        Weights, and biases, that one PE can hold.
    program_words
        Depth of each program memory, in link words.
    max_fan_in
        Most words that one output may be summed over; sets the width of the accumulator.
    rep_bits
        Width of repetition counts and of the progress counters between engines.
    min_shift, shift_bits
        Right shifts of a sum as it leaves a stage: `min_shift` to `min_shift + 2**shift_bits - 1`.
        A shifter for every shift takes a fifth of a PE, so one is built for those that a net needs.
    host_fifo_beats
        Depth of the two host FIFOs of each gateway.
    link_stages
        Further registers on every hop, for links that are long or leave the chip; words, order and
        results do not depend on them.
    word_steps, leaky, bounded
        Options, each 0 or 1, that cost nothing where they are 0, for inference only: sums over
        every n-th word of a region, as dense layers add partial sums; a shift of its own for
        negative sums (LeakyReLU); and bounds of its own for results (ReLU6, Hardtanh, clamp).
    checks
        Option that costs nothing where it is 0. 1: a parity beside every word of a memory and of a
        link, and flags of what is found (`hw.fault_places`). 2: residues of sums, and twins of the
        registers beside them, too. 3: twins of all registers. A torus that trains has 0 or 1.
    lanes_in, lanes_out
        Words of a sum that a MAC takes a cycle, 1 or 2, and its sums at once: 1, 2, 4 or 8.
    link_words
        Words that a hop of a ring moves at once, 1 or 2; 2 needs `lanes_in` of 2, for inference.
    training
        What only a torus that trains has; None for one that only infers.

    Raises
    ------
    ConfigError
        For a value outside its range; the message names the field, the value and the range.
    """

    rows: int = 4
    cols: int = 4
    act_bits: int = 16
    weight_bits: int = 16
    host_bits: int = 64
    buffer_words: int = 512
    weight_words: int = 1024
    bias_words: int = 64
    program_words: int = 512
    max_fan_in: int = 256
    rep_bits: int = 8
    min_shift: int = 0
    shift_bits: int = 6
    host_fifo_beats: int = 16
    link_stages: int = 0
    word_steps: int = 0
    leaky: int = 0
    bounded: int = 0
    checks: int = 0
    lanes_in: int = 1
    lanes_out: int = 1
    link_words: int = 1
    training: TrainingConfig | None = None

    def __post_init__(self) -> None:
        check_whole(self)
        check_ranges(self, RANGES)
        if not (self.training is None or isinstance(self.training, TrainingConfig)):
            raise ConfigError(f"training must be a TrainingConfig or None, not {self.training!r}")
        if self.training is not None and self.training.master_bits < self.weight_bits:
            raise ConfigError(f"master_bits must be at least weight_bits ({self.weight_bits}), "
                              f"not {self.training.master_bits}")
        check_torus(self, PROGRAM_BLOCK_WORDS)

    # Words

    @property
    def word_bits(self) -> int:
        """Width of a link word: the wider of an activation, a weight and a gradient."""
        return max(self.operand_bits, self.weight_bits)

    @property
    def operand_bits(self) -> int:
        """Width of what a weight is multiplied with: an activation, or in training a gradient."""
        return self.act_bits if self.training is None else max(
            self.act_bits, self.training.grad_bits)

    # Arithmetic

    @property
    def bias_bits(self) -> int:
        """Width of a bias: the sum of `max_fan_in` products, each at its extreme, fits."""
        return self.weight_bits + self.operand_bits + (self.max_fan_in - 1).bit_length()

    @property
    def acc_bits(self) -> int:
        """Width of the accumulator: any bias plus any sum of products fits, so it never wraps."""
        return self.bias_bits + 1

    @property
    def sum_chunks(self) -> int:
        """Link words that carry a whole sum to the host, low word first."""
        return -(-self.acc_bits // self.word_bits)

    @property
    def max_shift(self) -> int:
        """Largest right shift on leaving a stage."""
        return self.min_shift + (1 << self.shift_bits) - 1

    # Addresses and counts

    @property
    def addr_bits(self) -> int:
        """Width of a gather buffer address."""
        return (self.buffer_words - 1).bit_length()

    @property
    def count_bits(self) -> int:
        """Width of a word count, 0 to `buffer_words`."""
        return self.buffer_words.bit_length()

    @property
    def weight_addr_bits(self) -> int:
        """Width of a weight address as weights are loaded."""
        return (self.weight_words - 1).bit_length()

    @property
    def bias_addr_bits(self) -> int:
        """Width of a bias address."""
        return (self.bias_words - 1).bit_length()

    # Places: a bit at least, since tools refuse signals of no width.

    @property
    def row_bits(self) -> int:
        """Width of a row number."""
        return max(1, (self.rows - 1).bit_length())

    @property
    def col_bits(self) -> int:
        """Width of a column number."""
        return max(1, (self.cols - 1).bit_length())

    # Records: what a memory holds at an address, in link words as they are loaded and read back.

    @property
    def master_chunks(self) -> int:
        """Link words that carry one stored weight."""
        return 1 if self.training is None else -(-self.training.master_bits // self.word_bits)

    @property
    def velocity_chunks(self) -> int:
        """Link words that carry one velocity; 0 if there are none."""
        return 0 if self.training is None else -(-self.training.velocity_bits // self.word_bits)

    @property
    def weight_chunks(self) -> int:
        """Link words of a weight's record: the weight, and its velocity if there is one."""
        return self.master_chunks + self.velocity_chunks

    @property
    def bias_record_chunks(self) -> int:
        """Link words of a bias's record: the bias, and its velocity if there is one."""
        return self.bias_chunks + self.velocity_chunks

    @property
    def lfsr_chunks(self) -> int:
        """Link words that carry the state of a PE's random generator."""
        return -(-LFSR_BITS // self.word_bits)

    # Programs

    @property
    def kind_bits(self) -> int:
        """Width of the kind of an op."""
        return 3 if self.training is None else 4

    @property
    def block_beats(self) -> int:
        """Host beats of one program block."""
        return -(-PROGRAM_BLOCK_WORDS // self.beat_words)

    @property
    def line_words(self) -> int:
        """Link words of a line of program memory, which is read at once: a power of two.

        A LOOP fits one line.
        """
        # The ops of training are twice as long.
        words = 2 if self.training is None else 4
        while (words * self.word_bits
               < self.kind_bits + LOOP_COUNT_BITS + self._line_addr_bits(words)):
            words *= 2
        return words

    @property
    def line_bits(self) -> int:
        """Width of a line of program memory."""
        return self.line_words * self.word_bits

    @property
    def program_lines(self) -> int:
        """Depth of each program memory, in lines."""
        return self.program_words // self.line_words

    @property
    def line_addr_bits(self) -> int:
        """Width of the address of a line."""
        return self._line_addr_bits(self.line_words)

    def _line_addr_bits(self, line_words: int) -> int:
        return (self.program_words // line_words - 1).bit_length()

    # Identity

    def canonical_json(self) -> str:
        """Return the configuration as JSON with sorted keys and no spaces; see `hardware_id`.

        Options that are off, single lanes and links of one word are left out: a torus without them
        keeps its id.
        """
        fields = without_options(dataclasses.asdict(self))
        return json.dumps(fields, sort_keys=True, separators=(",", ":"))

    @property
    def hardware_id(self) -> int:
        """The first 8 bytes of the SHA-256 of `canonical_json()`, as a little-endian number."""
        digest = hashlib.sha256(self.canonical_json().encode()).digest()
        return int.from_bytes(digest[:8], "little")

    @classmethod
    def from_dict(cls, fields: dict) -> "TorusConfig":
        """Return the configuration of `dataclasses.asdict` output.

        Raises
        ------
        ConfigError
            For a key that is no field, and as `TorusConfig`.
        """
        check_known(cls, fields, "torus")
        training = fields.get("training")
        if isinstance(training, dict):
            check_known(TrainingConfig, training, "training")
            fields = {**fields, "training": TrainingConfig(**training)}
        return cls(**fields)
