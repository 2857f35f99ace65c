"""`LinkFigures`: what a host link has done."""

import dataclasses

__all__ = ["LinkFigures"]


@dataclasses.dataclass
class LinkFigures:
    """What a link has done; the counts only grow.

    Parameters
    ----------
    frames_sent, frames_received
        Frames, the damaged ones not included.
    damaged
        Frames of the board that were not whole or had a wrong CRC.
    resent
        Frames with words that were sent before, because the board had not received them.
    rewinds
        How often the board was asked to send words again.
    polls
        How often the host asked because nothing came.
    packed_beats, saved_bytes
        Beats that travelled packed, and how many bytes fewer that took than whole beats.
    """

    frames_sent: int = 0
    frames_received: int = 0
    damaged: int = 0
    resent: int = 0
    rewinds: int = 0
    polls: int = 0
    packed_beats: int = 0
    saved_bytes: int = 0

    @property
    def retries(self) -> int:
        """How often something had to be said again."""
        return self.resent + self.rewinds + self.polls
