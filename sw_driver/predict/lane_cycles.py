"""Predict cycles of nets with lanes: `python -m sw_driver.predict.lane_cycles --torus 8x2`.

The nets are layers of random weights: cycles do not depend on them. They are exact if the host
never stalls. With --link-words 2 the links of the rings move two words at once, which needs MACs
that take two words a cycle.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("sw_driver.predict.lane_cycles")  # Before anything slow is imported.

import argparse

from golden.system.ending import run_program
from sw_driver.errors import DriverError

__all__ = ["NETS", "main"]

NETS = (
    (784, 256, 28, 25, 16), (256, 256, 16, 16, 16), (784, 256, 28, 8, 16), (800, 128, 32, 8, 16),
)  # fmt: skip
"""Clos layers: inputs, outputs, and the routers of the three stages."""


def main(arguments: list[str] | None = None) -> int:
    """Print a row of a table for each net."""
    from golden import ClosShape
    from golden.vectors.nets import random_net
    from hw.lane_sizes import LANES_IN, LANES_OUT
    from hw.link_sizes import LINK_WORDS
    from sw_driver.compiler import compile
    from sw_driver.torus import parse_torus

    parser = argparse.ArgumentParser(prog="python -m sw_driver.predict.lane_cycles",
                                     description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torus", metavar="RxC", default="8x2", help="[default: 8x2]")
    parser.add_argument("lanes", metavar="WORDSxSUMS", nargs="*",
                        help="[default: 1x1 2x1 2x2 2x4, of those that there can be]")
    parser.add_argument("--link-words", type=int, choices=LINK_WORDS, default=1,
                        help="words that a link moves at once [default: 1]")
    asked = parser.parse_args(arguments)
    torus = parse_torus(asked.torus)
    moved: int = asked.link_words
    known = {f"{words}x{sums}": (words, sums) for words in LANES_IN for sums in LANES_OUT
             if words >= moved}  # fmt: skip
    wanted: list[str] = asked.lanes or [
        lanes for lanes in ("1x1", "2x1", "2x2", "2x4") if lanes in known]  # fmt: skip
    for text in wanted:
        if text not in known:
            raise DriverError(f"WORDSxSUMS must be one of {', '.join(known)}, not {text!r}")
    print("| layer |", " | ".join(wanted), "|")
    print("|---" * (1 + len(wanted)) + "|")
    for shape in NETS:
        net, cells = random_net([ClosShape(*shape)], seed=1), list[str]()
        for text in wanted:
            words, sums = known[text]
            compiled = compile(net, torus, host_bits=256, lanes_in=words, lanes_out=sums,
                               link_words=moved)  # fmt: skip
            found = compiled.prediction
            cells.append(f"{found.cycles:g} ({found.utilisation:.0%}, {found.bound_by})")
        print("|", " | ".join([str(shape), *cells]), "|", flush=True)
    return 0


if __name__ == "__main__":
    run_program("sw_driver.predict.lane_cycles", main)
