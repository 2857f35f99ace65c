"""Run tori in four states: `python -m sim.four_state [PRESET...]`.

Each preset's Verilog runs a small net on Icarus Verilog. Registers are unknown until they are
reset, and memories until they are written; after a run come others that a reset breaks off. A bit
that the host sees must never be unknown, and each word must be that of the golden model.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("sim.four_state")  # Before anything slow is imported.

import argparse
import time

from golden.system.ending import run_program
from golden.system.status import DIFFERENT
from sw_driver.errors import DriverError
from sw_driver.system.arguments import LineParser, whole_number
from sw_driver.system.scratch import temporary_folder

from ..errors import BenchFailed
from ..model.emitted import emitted_torus
from .cases import CASES, script_of
from .runner import check_icarus, play_from_unknown

__all__ = ["main"]

_BREAKS = (0.15, 0.5, 0.85)
_MOST_STALLS = 900


def main(arguments: list[str] | None = None) -> int:
    """Return 0 if all tori pass, 1 if one does not."""
    asked = _parsed(arguments)
    check_icarus()
    failed = False
    for name in asked.names:
        case, begun = CASES[name], time.monotonic()
        torus = f"{case.config.rows}x{case.config.cols}"
        does = "infers" if case.config.training is None else "trains"
        try:
            with temporary_folder() as folder:
                played = play_from_unknown(emitted_torus(case.config), script_of(case.config),
                                           folder, breaks=_BREAKS, stalls=asked.stalls)
        except BenchFailed as error:
            failed = True
            print(f"{name}: FAIL: {error}", flush=True)
            continue
        changed = f" ({case.changed})" if case.changed else ""
        print(f"{name}: {torus} that {does}{changed}: {played.sent} beats sent, {played.came} came "
              f"as they must, {played.resets} resets, {played.cycles} cycles in "
              f"{time.monotonic() - begun:.0f} s", flush=True)
    return DIFFERENT if failed else 0


def _parsed(arguments: list[str] | None) -> argparse.Namespace:
    parser = LineParser(prog="python -m sim.four_state", description=__doc__,
                        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="PRESET",
                        help=f"which presets (all, if none is named): {', '.join(CASES)}")
    parser.add_argument("--stalls", metavar="N", default="0",
                        help="of 1000 cycles, so many in which the host rests [default: 0]")
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.names if name not in CASES]
    if unknown:
        raise DriverError(f"PRESET must be one of {', '.join(CASES)}, not {unknown[0]!r}")
    asked.names = asked.names or list(CASES)
    asked.stalls = whole_number("--stalls", asked.stalls, 0, _MOST_STALLS)
    return asked


if __name__ == "__main__":
    run_program("sim.four_state", main)
