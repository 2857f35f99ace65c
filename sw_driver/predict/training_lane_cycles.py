"""Predict cycles of a training step: `python -m sw_driver.predict.training_lane_cycles 1 2 4`.

Each argument is `lanes_out`. The layer has random weights: cycles do not depend on them. They are
exact; a host that sends gradients answers in the cycle after the last output.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("sw_driver.predict.training_lane_cycles")  # Before anything slow is imported.

import argparse
import dataclasses

from golden.system.ending import run_program
from sw_driver.errors import DriverError

__all__ = ["LAYER", "main"]

LAYER = (784, 256, 28, 8, 16)
"""Inputs, outputs, and the routers of the three stages."""

_ERROR_SHIFT = 7  # Any that a torus has: cycles do not depend on it.


def main(arguments: list[str] | None = None) -> int:
    """Print a row of a table for each number of lanes and each way to train."""
    from golden import ClosShape
    from hw.lane_sizes import LANES_OUT
    from sw_driver.compiler import compile
    from sw_driver.predict.training_cycles import predict_training_steady
    from sw_driver.predict.training_layers import random_layer
    from sw_driver.torus import parse_torus

    parser = argparse.ArgumentParser(
        prog="python -m sw_driver.predict.training_lane_cycles",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--torus", metavar="RxC", default="2x2", help="[default: 2x2]")
    parser.add_argument("lanes", metavar="LANES_OUT", nargs="*", help="[default: 1 2 4]")
    asked = parser.parse_args(arguments)
    torus = parse_torus(asked.torus)
    wanted: list[str] = asked.lanes or ["1", "2", "4"]
    known = [str(lanes) for lanes in LANES_OUT]
    for text in wanted:
        if text not in known:
            raise DriverError(f"LANES_OUT must be one of {', '.join(known)}, not {text!r}")
    shape = ClosShape(*LAYER)
    alone, batch = (random_layer(shape, batches=batches)[1] for batches in (False, True))
    with_targets = dataclasses.replace(alone, error_shift=_ERROR_SHIFT)
    # The words of each way; whether a run is one batch; whether it is stale by one.
    ways = {
        "gradients, batch 1": (alone, False, False),
        "targets, batch 1": (with_targets, False, False),
        "gradients, one batch": (batch, True, False),
        "gradients, stale": (alone, False, True),
        "targets, stale": (with_targets, False, True),
    }
    print("|", " | ".join(["lanes", "steps", *ways]), "|")
    print("|---" * (2 + len(ways)) + "|")
    for text in wanted:
        cells: list[str] = []
        steps = 0
        for form, batches, stale in ways.values():
            compiled = compile(
                form, torus, batches=batches, stale=stale, host_bits=256, lanes_out=int(text)
            )
            found = predict_training_steady(compiled)
            steps = found.steps
            cells.append(f"{found.cycles:g} ({found.utilisation:.1%})")
        print("|", " | ".join([text, str(steps), *cells]), "|", flush=True)
    return 0


if __name__ == "__main__":
    run_program("sw_driver.predict.training_lane_cycles", main)
