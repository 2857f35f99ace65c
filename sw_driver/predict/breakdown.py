"""What the engines of a torus do in the steady state of a net: how long they work and wait."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Mapping

from hw.config import TorusConfig
from sw_driver.cycle_model import Account, Steady
from sw_driver.program.program import QUEUE_NAMES

__all__ = ["Activities", "Breakdown", "break_down"]

Activities = dict[str, dict[str, float]]
"""A part of the time, or cycles, by engine and by activity (`sw_driver.cycle_model.ACTIVITIES`)."""


@dataclasses.dataclass(frozen=True)
class Breakdown:
    """What the engines do, on average over all PEs, or over all rows.

    Engines have the names of their queues: "row", "col" and "mac" of a PE, "ring" of a gateway,
    "host_in" and "host_out" of the bridge.

    Parameters
    ----------
    engines
        For each engine, the part of the time that each activity takes.
    stages
        For each stage and engine, the cycles for each sample that each activity takes. A wait for
        an op that is not yet known belongs to no stage.
    """

    engines: Activities
    stages: dict[str, Activities]

    def line(self, engine: str) -> str:
        """Say in words what an engine does, the most frequent activity first."""
        parts = sorted(self.engines[engine].items(), key=lambda item: (-item[1], item[0]))
        return ", ".join(f"{activity} {100 * part:.1f} %" for activity, part in parts)


def break_down(
    config: TorusConfig,
    account: Account,
    steady: Steady,
    names: Mapping[str, Mapping[int, str]],
    loaded: Mapping[str, int],
) -> Breakdown:
    """Average what was counted over a steady state.

    Parameters
    ----------
    config
        The torus.
    account
        What was counted in all cycles of `steady`.
    steady
        The part of a run that repeats itself.
    names
        For each queue, the name of the stage of each op, by the op's index in the run's own queue.
    loaded
        For each queue, how many ops come before the run's own; they load the PEs' program.
    """
    pes = config.rows * config.cols
    engines_of = {"row": pes, "col": pes, "mac": pes, "ring": config.rows}
    in_all: defaultdict[str, Counter[str]] = defaultdict(Counter)
    by_stage: defaultdict[str, defaultdict[str, Counter[str]]]
    by_stage = defaultdict(lambda: defaultdict(Counter))
    for entry, cycles in account.cycles.items():
        name = QUEUE_NAMES[entry.queue]
        in_all[name][entry.activity] += cycles
        if entry.op_index is not None:
            stage = names[name][entry.op_index - loaded[name]]
            by_stage[stage][name][entry.activity] += cycles

    def averages(found: Mapping[str, Counter[str]], share: int) -> Activities:
        return {
            name: {
                activity: cycles / (share * engines_of.get(name, 1))
                for activity, cycles in sorted(found[name].items())
            }
            for name in QUEUE_NAMES
            if name in found
        }

    return Breakdown(
        engines=averages(in_all, steady.cycles),
        stages={name: averages(by_stage[name], steady.collected) for name in sorted(by_stage)},
    )
