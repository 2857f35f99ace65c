"""`LaneSizes`: what follows from the number of lanes of a MAC. It needs the standard library."""

__all__ = ["LANES_IN", "LANES_OUT", "MAC_CYCLES", "READ_CYCLES", "REQUANTISE_CYCLES", "LaneSizes",
           "lane_error"]

LANES_IN = (1, 2)
LANES_OUT = (1, 2, 4, 8)

READ_CYCLES = 2           # From an address to the word: the memory, and its output register.
REQUANTISE_CYCLES = 3     # From a sum to its activation.
MAC_CYCLES = READ_CYCLES + 3 + REQUANTISE_CYCLES  # From the last step of a sum to its result.


class LaneSizes:
    """The sizes of a `TorusConfig` that lanes change.

    A MAC multiplies `lanes_in` words of a sum in a step, which lie beside each other in a row of
    the gather buffer, and does so for `lanes_out` sums at once. The weights of a step are a row of
    the weight memory.
    """

    lanes_in: int
    lanes_out: int
    weight_words: int
    buffer_words: int

    @property
    def row_weights(self) -> int:
        """Weights in a row of the weight memory, which are multiplied in one step."""
        return self.lanes_in * self.lanes_out

    @property
    def weight_rows(self) -> int:
        """Depth of the weight memory, in rows."""
        return self.weight_words // self.row_weights

    @property
    def weight_row_bits(self) -> int:
        """Width of the address of a row of weights."""
        return (self.weight_rows - 1).bit_length()

    @property
    def buffer_rows(self) -> int:
        """Depth of a gather buffer, in rows of `lanes_in` words."""
        return self.buffer_words // self.lanes_in

    @property
    def row_addr_bits(self) -> int:
        """Width of the address of a row of a gather buffer."""
        return (self.buffer_rows - 1).bit_length()

    @property
    def row_count_bits(self) -> int:
        """Width of a count of rows, 0 to `buffer_rows`."""
        return self.buffer_rows.bit_length()

    @property
    def sum_bits(self) -> int:
        """Width of a number of one of the sums that are made at once."""
        return (self.lanes_out - 1).bit_length()

    @property
    def share_cycles(self) -> int:
        """From the last step of a sum backwards to its share: of `lanes_out` products at once."""
        return READ_CYCLES + 3 + self.sum_bits

    @property
    def result_cycles(self) -> int:
        """From the last step of a sum to its result; of sums made at once, to that of the first.

        The results of the others come one a cycle after it.
        """
        return MAC_CYCLES + (self.lanes_in > 1) + 2 * (self.lanes_out > 1)


def lane_error(config) -> str | None:
    """Say what is wrong with the lanes of a `TorusConfig`; None if nothing is."""
    for name, choices in (("lanes_in", LANES_IN), ("lanes_out", LANES_OUT)):
        value = getattr(config, name)
        if value not in choices:
            return f"{name} must be one of {', '.join(map(str, choices))}, not {value}"
    if config.lanes_in > 1 and config.training is not None:
        return (f"lanes_in must be 1 where a torus trains, not {config.lanes_in}: gradients go "
                "back one by one; leave it out, or compile a net that is trained already")
    if config.buffer_words % config.lanes_in:
        return (f"buffer_words must be a multiple of lanes_in ({config.lanes_in}), whose words are "
                f"read at once, not {config.buffer_words}")
    if config.weight_words % config.row_weights or config.weight_rows < 2:
        return (f"weight_words must be a multiple of lanes_in x lanes_out ({config.row_weights}), "
                f"whose weights are read at once, and {2 * config.row_weights} at least, "
                f"not {config.weight_words}")
    return None
