"""What the engines of a torus do in the steady state of a net: work, or wait for what."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Mapping

from hw.config import TorusConfig
from sw_driver.cycle_model import Account, Steady
from sw_driver.program.program import QUEUE_NAMES

__all__ = ["Activities", "Breakdown", "break_down"]

Activities = dict[str, dict[str, float]]
"""By engine and activity, one of `sw_driver.cycle_model.ACTIVITIES`: a part of time, or cycles."""


@dataclasses.dataclass(frozen=True)
class Breakdown:
    """What the engines do, on average over all PEs, or all rows.

    Engines are called as their queues: "row", "col" and "mac" of a PE, "ring" of a gateway,
    "host_in" and "host_out" of the bridge.

    Parameters
    ----------
    engines
        Part of the time that each activity takes.
    stages
        By stage: cycles a sample that each activity takes. A wait for an op belongs to no stage
        before the op is known.
    """

    engines: Activities
    stages: dict[str, Activities]

    def line(self, engine: str) -> str:
        """What an engine does, in words, the most frequent first."""
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
        Of the torus.
    account
        Of all cycles of `steady`.
    steady
        What a run repeats.
    names
        Of the stages, by queue and index of an op in the run's own queues.
    loaded
        By queue, how many ops stand before those: they load the PEs' program.
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
