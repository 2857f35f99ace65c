"""What each MAC and each link of a torus does in the steady state of a net."""

from sw_driver.compiled import Compiled
from sw_driver.cycle_model import Simulation, Traffic, Use

__all__ = ["steady_use"]


def steady_use(compiled: Compiled) -> Use:
    """Count the steps of each MAC and the words of each link while a long run repeats itself.

    The cycles are those that `sw_driver.predict.cycles.predict_steady` averages over: as many
    samples as the run needs to come back to the same state.

    Parameters
    ----------
    compiled
        A net for inference.
    """
    loop = compiled.executable.loop
    run = Simulation(compiled.config, loop.program(compiled.config, loop.max_samples))
    steady = run.find_steady() or run.latest()
    traffic = Traffic(run.machine)
    run.machine.observer = traffic
    run.collect(steady.collected)
    return traffic.use()
