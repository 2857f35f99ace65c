"""How long the steady state of a net takes to predict.

`python -m sw_driver.predict.cycle_model_speed TORUS HOST_BITS LAYER...`
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("sw_driver.predict.cycle_model_speed")  # Before anything slow is imported.

import sys
import time
from typing import NamedTuple

from golden import ClosShape
from golden.system.ending import run_program
from golden.vectors.nets import random_net
from hw.config import TorusConfig
from sw_driver.compiler import compile
from sw_driver.cycle_model import Simulation
from sw_driver.program.program import Program


def main(torus: str, host_bits: str, *layers: str) -> None:
    """Print the cycles of a sample, and how long the model takes, the best of three times."""
    net = random_net([ClosShape.parse(layer) for layer in layers], seed=1)
    start = time.perf_counter()
    compiled = compile(net, torus, host_bits=int(host_bits))
    print(f"compiled in {time.perf_counter() - start:.2f} s")
    loop = compiled.executable.loop
    program = loop.program(compiled.config, loop.max_samples)
    best = min(_time(compiled.config, program) for _ in range(3))
    print(
        f"{best.cycles_per_sample:g} cycles a sample; {best.stepped_cycles} cycles stepped in "
        f"{best.seconds:.3f} s, {1e6 * best.seconds / best.stepped_cycles:.0f} us a cycle"
    )


class _Timed(NamedTuple):
    seconds: float
    stepped_cycles: int
    cycles_per_sample: float


def _time(config: TorusConfig, program: Program) -> _Timed:
    start = time.perf_counter()
    run = Simulation(config, program)
    steady = run.find_steady() or run.latest()
    seconds = time.perf_counter() - start
    return _Timed(seconds, run.machine.cycle, steady.cycles / steady.collected)


if __name__ == "__main__":
    run_program("sw_driver.predict.cycle_model_speed", lambda: main(*sys.argv[1:]))
