"""`TwinBeats`: the beats between the two buffers of a board's link, cycle by cycle, in Python."""

from hw.link_config import LinkConfig

__all__ = ["TwinBeats"]


class TwinBeats:
    """What is behind a host link's frames: the joiner of beats, a torus, the splitter of beats.

    The torus gives every beat back with all its bits inverted and holds up to two beats, as
    `sim.load.loop.LinkLoop` does. A byte is joined in two cycles and split in one.

    Parameters
    ----------
    link
        Its buffers are of so many bytes.
    host_bits
        Of a beat.

    Attributes
    ----------
    received, sent : bytearray
        The two buffers.
    read : int
        Number of the word that is joined next, modulo twice a buffer.
    written : int
        Number of the word that is written next into the buffer of words to send, likewise.
    """

    def __init__(self, link: LinkConfig, host_bits: int) -> None:
        self._beat_bytes = host_bits // 8
        self._words = link.buffer_words
        self._mask = 2 * link.buffer_words - 1
        self._buffer_mask = link.buffer_bytes - 1
        self.received = bytearray(link.buffer_bytes)
        self.sent = bytearray(link.buffer_bytes)
        self.reset()

    def reset(self) -> None:
        """Begin anew; the buffers keep their bytes."""
        self.read = self.written = 0
        self._joined = 0            # Bytes of `read` and of the beat that is joined.
        self._fetched = False
        self._beat = bytearray()
        self._whole: bytes | None = None
        self._inside: list[bytes] = []  # Up to two beats, the oldest first.
        self._splits = 0            # Bytes of `written`.
        self._left = b""            # Of the beat that is split.
        self._left_at = self._beat_bytes

    def step(self, expected: int, acknowledged: int) -> bool:
        """Let a cycle pass; return whether anything has changed.

        Parameters
        ----------
        expected
            Number of the word that the host sends next: the words before it can be joined.
        acknowledged
            Number of a word to the host; the words before it are no longer needed.
        """
        changed = False
        empty = self._left_at == self._beat_bytes
        ready, inside = len(self._inside) < 2, self._inside
        offered = self._whole
        if not empty and (self.written ^ acknowledged) & self._mask != self._words:
            self.sent[self._splits & self._buffer_mask] = self._left[self._left_at]
            self._left_at += 1
            self._splits += 1
            self.written = (self._splits >> 2) & self._mask
            changed = True
        if empty and inside:
            self._left, self._left_at = bytes(byte ^ 0xFF for byte in inside.pop(0)), 0
            changed = True
        if offered is not None and ready:
            inside.append(offered)
            self._whole = None
            changed = True
        if self._fetched:
            self._fetched = False
            self._beat.append(self.received[self._joined & self._buffer_mask])
            self._joined += 1
            self.read = (self._joined >> 2) & self._mask
            if len(self._beat) == self._beat_bytes:
                self._whole, self._beat = bytes(self._beat), bytearray()
            return True
        if self.read != expected & self._mask and (offered is None or ready):
            self._fetched = changed = True
        return changed
