"""Which engine of the RTL is at which repetition, and when: what the cycle model predicts, too."""

from hw.config import TorusConfig
from hw.tops import TOPS
from sw_driver.cycle_model import Engine, Recording, Span

from ..model.native import NativeModel
from ..model.transfers import Probe, Transfer

__all__ = ["engine_probes", "engine_recording"]


def engine_probes(config: TorusConfig) -> list[tuple[Engine, Probe]]:
    """Return the probes of every engine, in the order of the cycle model's recordings.

    The MAC of a torus that trains has two: one of its way forward, one of its way back.
    """
    torus = f"{TOPS['torus']}.torus"
    router = "router.forward" if config.training else "router"
    places = [(row, col) for row in range(config.rows) for col in range(config.cols)]

    def in_pes(kind: str, block: str, *high: str) -> list[tuple[Engine, Probe]]:
        return [(Engine(kind, row, col), Probe(f"{torus}.pe_{row}_{col}.{block}", "active", high))
                for row, col in places]

    return [
        *in_pes("row", f"{router}.row", "finish"),
        *in_pes("col", f"{router}.col", "finish"),
        *in_pes("mac", "control", "step", "end_of_rep"),
        *(in_pes("mac", "back_control", "steps", "end_of_rep") if config.training else []),
        *((Engine("gateway", row, config.cols),
           Probe(f"{torus}.gateway_{row}", "active", low=("recv_left", "send_left")))
          for row in range(config.rows)),
    ]


def engine_recording(config: TorusConfig, model: NativeModel, run: Transfer) -> Recording:
    """Arrange what the probes of `engine_probes` saw since `model.spans` was called last.

    Parameters
    ----------
    config
        Of the torus.
    model
        With these probes.
    run
        What was moved meanwhile; its first beat is cycle 0.
    """
    start = int(run.in_cycles[0])
    spans: dict[Engine, list[Span]] = {}
    for (engine, _), found in zip(engine_probes(config), model.spans(), strict=True):
        spans.setdefault(engine, []).extend(
            Span(max(begin - start, 0), end - start) for begin, end in found)
    return Recording(
        # An engine with two probes is at one repetition at a time.
        spans={engine: sorted(found) for engine, found in spans.items()},
        in_cycles=run.in_cycles.astype("int64") - start,
        out_cycles=run.out_cycles.astype("int64") - start,
    )
