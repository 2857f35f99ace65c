"""How many jobs go to a worker at once: each message costs some milliseconds, however short."""

import math

__all__ = ["LEAST_CHUNK_S", "ChunkSizes"]

LEAST_CHUNK_S = 0.2
"""Short jobs go in chunks that take at least so long, as far as there are enough of them."""
_MOST_CHUNK_S = 1.0
_CHUNKS_A_WORKER = 4  # Of what is left; so the last chunks are small, and workers end together.


class ChunkSizes:
    """Learns how long jobs take, and says how many of them make a chunk."""

    def __init__(self) -> None:
        self._jobs, self._seconds = 0, 0.0

    def add(self, jobs: int, seconds: float) -> None:
        """Note that so many jobs took so long in one worker."""
        self._jobs += jobs
        self._seconds += seconds

    def size(self, left: int, workers: int) -> int:
        """Return how many of the jobs that are left, at least one, the next chunk should hold."""
        if not self._jobs:
            return 1
        mean_s = max(self._seconds / self._jobs, 1e-6)
        least, most = math.ceil(LEAST_CHUNK_S / mean_s), math.ceil(_MOST_CHUNK_S / mean_s)
        share = left // (_CHUNKS_A_WORKER * workers)
        fair = math.ceil(left / workers)  # Even if it is shorter: nobody waits for another one.
        return max(min(max(least, min(share, most)), fair), 1)
