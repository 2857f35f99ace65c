"""A torus on its host stream in cocotb."""

from pathlib import Path

import numpy as np

from hw.config import TorusConfig
from hw.tops import TOPS
from sim.model.emitted import emitted_torus
from sim.testbenches.runner import run_bench
from sim.testbenches.torus import ANSWER
from sw_driver.arrays import Beats

__all__ = ["run_on_bench"]


def run_on_bench(config: TorusConfig, folder: Path, beats: Beats, count: int, *,
                 stall_per_mille: int, resets: int, seed: int, waves: bool = False) -> Beats:
    """Send beats and return the `count` that come back, after resets in the middle of it."""
    job = folder / "job.npz"
    np.savez(job, beats=beats, count=count)
    run_bench(emitted_torus(config), "sim.testbenches.torus", folder=folder, seed=seed,
              top=TOPS["torus"], waves=waves,
              parameters={"job": str(job), "stall_per_mille": stall_per_mille, "resets": resets})
    return np.load(folder / ANSWER)
