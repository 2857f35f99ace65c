"""What a run costs: cycles predicted, and the bounds that no schedule can beat."""

import dataclasses
from collections.abc import Sequence

from golden import ClosShape
from hw.config import HOST_BITS, TorusConfig
from hw.ops import op_words, pe_queues
from sw_driver.entries import Entry
from sw_driver.order import Order, delays
from sw_driver.schedule import schedule_steps
from sw_driver.stages import Stage
from sw_driver.timeline import FETCH_CYCLES, timeline

__all__ = ["Prediction", "predict_cycles", "predict_steady"]

# Samples over which the steady state is measured, after the pipeline has filled.
_STEADY_SAMPLES = 4


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The steady state of a run, in cycles a sample.

    Parameters
    ----------
    cycles
        What the model expects.
    ideal_cycles
        Multiply-accumulates of the net over PEs: no torus of this size can be faster.
    bounds
        Cycles that each part needs by itself, however the ops are ordered: "MAC" (with the padding
        of this placement), "host input", "host output", "row ring", "column ring", "op fetch".
    host_bits
        The narrowest host stream that would take no longer than anything else; None if the widest
        does.
    """

    cycles: float
    ideal_cycles: float
    bounds: dict[str, int]
    host_bits: int | None

    @property
    def utilisation(self) -> float:
        """Part of the multipliers' time that goes into the net's own products; padding is waste."""
        return self.ideal_cycles / self.cycles

    @property
    def padding_cap(self) -> float:
        """The utilisation that this placement would reach if nothing ever waited."""
        return self.ideal_cycles / self.bounds["MAC"]

    @property
    def bound_by(self) -> str:
        """The part that takes longest."""
        return max(self.bounds, key=lambda part: self.bounds[part])


def predict_cycles(
    config: TorusConfig,
    stages: Sequence[Stage],
    entries: Sequence[Sequence[Entry]],
    order: Order,
    samples: int,
) -> int:
    """Cycles of a run of `samples` samples, from the start of its program to its last output."""
    few = min(samples, _settled(order))
    ends = _sample_ends(config, stages, entries, order, few)
    more = (samples - few) * _slope(ends, order) if samples > few else 0
    return round(ends[-1] + more)


def predict_steady(
    config: TorusConfig,
    shapes: Sequence[ClosShape],
    stages: Sequence[Stage],
    entries: Sequence[Sequence[Entry]],
    order: Order,
) -> Prediction:
    """Cycles a sample of a long run, and what bounds it."""
    ends = _sample_ends(config, stages, entries, order, _settled(order))
    bounds = _bounds(config, stages, entries)
    others = max(count for part, count in bounds.items() if not part.startswith("host"))
    wide_enough = (
        bits
        for bits in HOST_BITS
        if bits >= config.word_bits
        and max(_host_beats(dataclasses.replace(config, host_bits=bits), stages)) <= others
    )
    return Prediction(
        cycles=max(_slope(ends, order), *bounds.values()),
        ideal_cycles=sum(shape.parameters for shape in shapes) / (config.rows * config.cols),
        bounds=bounds,
        host_bits=next(wide_enough, None),
    )


def _settled(order: Order) -> int:
    """Samples of a run long enough to show the steady state, between filling and draining."""
    return 2 * max(delays(order)) + 2 * _STEADY_SAMPLES


def _sample_ends(
    config: TorusConfig,
    stages: Sequence[Stage],
    entries: Sequence[Sequence[Entry]],
    order: Order,
    samples: int,
) -> list[int]:
    """When the outputs of each sample are complete."""
    spans = timeline(config, stages, schedule_steps(stages, entries, order, samples))
    return [span.end for span in spans if span.lane == "out"]


def _slope(ends: Sequence[int], order: Order) -> float:
    """Cycles a sample in the middle of a run: the last samples find the torus ever emptier."""
    last = len(ends) - 1 - max(delays(order))
    return (ends[last] - ends[last - _STEADY_SAMPLES]) / _STEADY_SAMPLES


def _host_beats(config: TorusConfig, stages: Sequence[Stage]) -> tuple[int, int]:
    """Beats of a sample in and out."""

    def beats(stage: Stage) -> int:
        return stage.reps * config.rows * -(-stage.words // config.beat_words)

    return beats(stages[0]), beats(stages[-1])


def _bounds(
    config: TorusConfig, stages: Sequence[Stage], entries: Sequence[Sequence[Entry]]
) -> dict[str, int]:
    """See `Prediction.bounds`."""

    def ring_cycles(on_columns: bool) -> int:
        # The busiest link moves every word but one node's own; then a repetition rests for a cycle.
        return sum(
            stage.reps * (stage.words + 1) for stage in stages if stage.on_columns == on_columns
        )

    def ops(queue: int) -> int:
        kept = (
            stage.outputs > 0 if queue == 2 else stage.on_columns == (queue == 1)
            for stage in stages
        )
        return sum(len(stage) for stage, keep in zip(entries, kept, strict=True) if keep)

    fetch_cycles = 0
    for queue, layout in enumerate(pe_queues(config)):
        # One more for the LOOP; LOOPs take as many words as any op of their queue.
        fetch_cycles += (ops(queue) + 1) * (op_words(config, layout) + FETCH_CYCLES)
    host_in, host_out = _host_beats(config, stages)
    return {
        "MAC": sum(stage.mac_cycles for stage in stages),
        "host input": host_in,
        "host output": host_out,
        "row ring": ring_cycles(False),
        "column ring": ring_cycles(True),
        "op fetch": fetch_cycles,
    }
