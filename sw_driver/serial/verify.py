"""Hold a board against the golden model: every word, and what its link had to say again."""

import dataclasses
from typing import Any

from golden.system.progress import Progress
from sw_driver.arrays import IntArray
from sw_driver.compiled import Compiled
from sw_driver.device.comparison import Comparison, compare_words
from sw_driver.serial.device import SerialDevice, SerialRun
from sw_driver.serial.figures import LinkFigures

__all__ = ["BoardVerdict", "verify_board"]


@dataclasses.dataclass(frozen=True, eq=False)
class BoardVerdict:
    """What a run on a board came to.

    Parameters
    ----------
    outputs
        int64 [N, O]: the words that the board gave.
    comparison
        Of these words with the expected ones.
    run
        What the run took.
    link
        What the link did from its opening on.
    """

    outputs: IntArray
    comparison: Comparison
    run: SerialRun
    link: LinkFigures

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can write; the outputs are left out."""
        return {
            **self.comparison.as_dict(),
            **dataclasses.asdict(self.run),
            "samples_per_second": self.run.samples / self.run.seconds,
            "link": {**dataclasses.asdict(self.link), "retries": self.link.retries},
        }

    def rows(self) -> list[tuple[str, str]]:
        """Names and values of a table."""
        run, link = self.run, self.link
        return [
            *self.comparison.rows(),
            ("samples per second", f"{run.samples / run.seconds:.4g}"),
            ("bytes to and from the board", f"{run.bytes_sent} and {run.bytes_received}"),
            ("frames to and from the board", f"{link.frames_sent} and {link.frames_received}"),
            ("retries of the link", str(link.retries)),
            *([("beats packed", f"{link.packed_beats}, {link.saved_bytes} bytes saved")]
              if link.packed_beats else []),
        ]


def verify_board(
    port: tuple[str, int],
    compiled: Compiled,
    words: IntArray,
    expected: IntArray,
    progress: Progress | None = None,
) -> BoardVerdict:
    """Run input words [N, I] on the board at a port and a baud rate, and compare.

    Raises
    ------
    LinkError
        The port or the board is not there, not free or not the right one.
    """
    name, baud = port
    with SerialDevice(name, baud=baud, progress=progress) as device:
        device.load(compiled)
        outputs = device.infer_words(words)
        return BoardVerdict(
            outputs, compare_words(expected, outputs), device.last_run, device.figures
        )
