"""`weights_id`: which weights a bitstream holds, as the host link tells it."""

import zlib

__all__ = ["weights_id"]

_WORD_BYTES = 8


def weights_id(weights, biases):
    """The CRC-32 of all words, as docs/host_link.md has it; never 0, which stands for none.

    Parameters
    ----------
    weights, biases : array-like of int, [rows][cols][words]
    """
    crc = 0
    for images in (weights, biases):
        for row in images:
            for words in row:
                for word in words:
                    crc = zlib.crc32(int(word).to_bytes(_WORD_BYTES, "little", signed=True), crc)
    return crc or 1
