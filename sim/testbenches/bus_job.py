"""What a host does on a bus, for benches that know no more of it than beats and their number."""

import dataclasses
from pathlib import Path
from typing import Any, Self

import numpy as np

__all__ = ["ANSWER", "BusJob"]

ANSWER = "answer.npy"


@dataclasses.dataclass(frozen=True, eq=False)
class BusJob:
    """Steps of a host: beats that it sends, and numbers of beats that it waits for.

    Parameters
    ----------
    path
        The file that it was read from, beside which the answer goes.
    steps
        Each either beats uint32 [beats, parts] to send, or how many must come.
    """

    path: Path
    steps: list[np.ndarray | int]

    @classmethod
    def write(cls, path: Path, steps: list[np.ndarray | int]) -> None:
        """Write steps to a file."""
        sent = [step for step in steps if not isinstance(step, int)]
        sizes = [-step if isinstance(step, int) else len(step) for step in steps]
        np.savez(path, beats=np.concatenate(sent), sizes=np.array(sizes))

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read what `write` wrote."""
        with np.load(path) as file:
            beats, sizes = file["beats"], file["sizes"].tolist()
        steps: list[np.ndarray | int] = []
        for size in sizes:
            steps.append(-size if size < 0 else beats[:size])
            beats = beats[max(size, 0):]
        return cls(Path(path), steps)

    def answer(self, beats: list[Any], parts: int) -> None:
        """Write the beats that came, as bytes or numbers of 32 bits, beside the job."""
        found = np.array([np.frombuffer(bytes(beat), "<u4") for beat in beats], np.uint32)
        np.save(self.path.with_name(ANSWER), found.reshape(-1, parts))
