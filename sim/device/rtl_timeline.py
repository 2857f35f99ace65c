"""Which engine of the RTL is at which repetition, and when: what the cycle model predicts, too."""

from hw.config import TorusConfig
from hw.tops import TOPS
from sw_driver.cycle_model import Engine, Recording, Span

from ..model.native import NativeModel
from ..model.transfers import Probe, Transfer

__all__ = ["engine_probes", "engine_recording"]


def engine_probes(config: TorusConfig) -> dict[Engine, Probe]:
    """Return a probe of every engine, in the order of the cycle model's recordings."""
    torus = f"{TOPS['torus']}.torus"
    places = [(row, col) for row in range(config.rows) for col in range(config.cols)]

    def in_pes(kind: str, block: str, **variables: tuple[str, ...]) -> dict[Engine, Probe]:
        return {Engine(kind, row, col): Probe(f"{torus}.pe_{row}_{col}.{block}", "active",
                                              **variables)
                for row, col in places}

    return {
        **in_pes("row", "router.row", high=("finish",)),
        **in_pes("col", "router.col", high=("finish",)),
        **in_pes("mac", "control", high=("step", "end_of_rep")),
        **{Engine("gateway", row, config.cols):
               Probe(f"{torus}.gateway_{row}", "active", low=("recv_left", "send_left"))
           for row in range(config.rows)},
    }


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
    return Recording(
        spans={engine: [Span(max(begin - start, 0), end - start) for begin, end in spans]
               for engine, spans in zip(engine_probes(config), model.spans(), strict=True)},
        in_cycles=run.in_cycles.astype("int64") - start,
        out_cycles=run.out_cycles.astype("int64") - start,
    )
