"""`weights_id`: a number for the weights that a bitstream holds, which the host link tells."""

import zlib

__all__ = ["weights_id"]

_WORD_BYTES = 8


def weights_id(weights, biases):
    """Return the CRC-32 of all words, as docs/host_link.md defines it; 1 in the place of 0.

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
