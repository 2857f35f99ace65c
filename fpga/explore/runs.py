"""What is worked out of a point of the space, and what comes out: rows of a store."""

import dataclasses

from hw.config import TorusConfig

from ..board_design import least_memories

__all__ = ["CYCLES", "WORDS", "Result", "Run", "base_config"]

WORDS, CYCLES = "words", "cycles"


@dataclasses.dataclass(frozen=True)
class Run:
    """One thing to work out.

    Parameters
    ----------
    kind
        `WORDS`: how accurate a net is in words of a width. `CYCLES`: what it takes on a torus.
    net
        Digest of where the nets come from: `fpga.explore.nets.Nets.digest`.
    layers
        Of the net, as `fpga.explore.nets.layers_text` writes them.
    bits
        Width of an activation and of a weight.
    rows, cols
        Of the torus; of `WORDS`, one whose dense layers are cut alike.
    lanes_in, lanes_out, host_bits, link_stages, link_words
        As of `hw.config.TorusConfig`; 0 of `WORDS`.
    """

    kind: str
    net: str
    layers: str
    bits: int
    rows: int
    cols: int
    lanes_in: int = 0
    lanes_out: int = 0
    host_bits: int = 0
    link_stages: int = 0
    link_words: int = 0

    def __str__(self) -> str:
        """What users read when it is done."""
        words = f"words of {self.bits} bits"
        if self.kind == WORDS:
            return f"accuracy of {self.layers} in {words}"
        return (f"cycles on {self.rows}x{self.cols}, {self.lanes_in}x{self.lanes_out} lanes, "
                f"links of {self.link_words}, {words}, host of {self.host_bits} bits")


@dataclasses.dataclass(frozen=True)
class Result:
    """What came out; 0 and "" where the kind of the run has no such value.

    Parameters
    ----------
    accuracy, float_accuracy
        Part of the judging samples, 0 to 1, that the words get right, and the net in float; where
        the data have no classes, the part whose class stays that of float, and 1.
    cycles
        Of a sample in the steady state, by the cycle model; 0 if no torus of this size holds the
        net.
    latency_cycles
        Of a run of one sample, its program included.
    energy_nj
        Of a sample: `sw_driver.predict.energy.sample_energy`.
    utilisation
        Part of the multipliers' time that goes into products of the net.
    bound_by
        The part that needs most cycles by itself.
    config
        The torus, as `TorusConfig.canonical_json` writes it.
    """

    accuracy: float = 0.0
    float_accuracy: float = 0.0
    cycles: float = 0.0
    latency_cycles: int = 0
    energy_nj: float = 0.0
    utilisation: float = 0.0
    bound_by: str = ""
    config: str = ""


def base_config(run: Run) -> TorusConfig:
    """The torus of a run with the smallest memories and counters, which the net makes grow."""
    base = TorusConfig(
        rows=run.rows, cols=run.cols, act_bits=run.bits, weight_bits=run.bits,
        host_bits=run.host_bits, lanes_in=run.lanes_in, lanes_out=run.lanes_out,
        link_stages=run.link_stages, link_words=run.link_words)
    return dataclasses.replace(base, **least_memories(run.lanes_in, run.lanes_out))
