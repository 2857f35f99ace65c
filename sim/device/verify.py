"""Hold the RTL against the golden model: every word, and every cycle against the prediction."""

import dataclasses
from typing import Any

from sw_driver.arrays import IntArray
from sw_driver.device.comparison import Comparison, compare_words
from sw_driver.files.report import percent

from ..errors import SimError
from .device import RunFigures, SimDevice

__all__ = ["Verdict", "verify"]


@dataclasses.dataclass(frozen=True, eq=False)
class Verdict:
    """What a run on the RTL came to.

    Parameters
    ----------
    outputs
        int64 [N, O]: the words that the RTL gave.
    comparison
        Of these words with the expected ones.
    run
        What the run took.
    cycles_per_sample, cycles_per_sample_predicted
        Of the steady state, as `SimDevice.steady_cycles` measures it and the cycle model expects
        it.
    utilisation
        MAC utilisation: products of the net, padding excluded, over multipliers and cycles.
    host_bits, host_bits_needed
        Width of the host stream, and the narrowest one that does not bound the run; None if the
        widest does.
    """

    outputs: IntArray
    comparison: Comparison
    run: RunFigures
    cycles_per_sample: float
    cycles_per_sample_predicted: float
    utilisation: float
    host_bits: int
    host_bits_needed: int | None

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can write; the outputs are left out."""
        return {
            **self.comparison.as_dict(),
            "cycles_of_run": self.run.cycles,
            "cycles_per_sample": self.cycles_per_sample,
            "cycles_per_sample_predicted": self.cycles_per_sample_predicted,
            "utilisation": self.utilisation,
            "host_bits": self.host_bits,
            "host_bits_needed": self.host_bits_needed,
        }

    def rows(self) -> list[tuple[str, str]]:
        """Names and values of a table."""
        needed = "none is wide enough" if self.host_bits_needed is None else (
            f"{self.host_bits_needed} would do")
        return [
            *self.comparison.rows(),
            ("cycles per sample, predicted", f"{self.cycles_per_sample_predicted:.4g}"),
            ("cycles per sample, measured", f"{self.cycles_per_sample:.4g}"),
            ("cycles of the whole run", str(self.run.cycles)),
            ("MAC utilisation", percent(self.utilisation)),
            ("host stream", f"{self.host_bits} bits; {needed}"),
        ]


def verify(device: SimDevice, words: IntArray, expected: IntArray) -> Verdict:
    """Run input words [N, I] on a loaded device, compare, and measure the steady state."""
    outputs = device.infer_words(words)
    run = device.last_run
    if run is None:
        raise SimError("the device has run nothing")
    cycles = device.steady_cycles()
    config, prediction = device.compiled.config, device.compiled.prediction
    return Verdict(
        outputs=outputs,
        comparison=compare_words(expected, outputs),
        run=run,
        cycles_per_sample=cycles,
        cycles_per_sample_predicted=prediction.cycles,
        utilisation=prediction.ideal_cycles / cycles,
        host_bits=config.host_bits,
        host_bits_needed=prediction.host_bits,
    )
