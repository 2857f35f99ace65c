"""Synthesise processing elements with `checks` and without: `python -m fpga.check_areas`.

It prints what an element takes in cells of an ECP5, of `hw.presets.FITTED` with words of several
widths, with lanes, and one that trains with momentum. The command fails if an element has not as
many multipliers and block RAMs as it should. A name of a row as argument synthesises that row
alone.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("fpga.check_areas")  # Before anything slow is imported.

import argparse
import dataclasses

from golden.system.ending import run_program
from sw_driver.system.arguments import LineParser
from sw_driver.system.scratch import temporary_folder

from .families import ECP5
from .synthesis import Area, synthesise

__all__ = ["ROWS", "checked_area", "main"]

ROWS: dict[str, dict[str, int]] = {
    "8 bits": {"act_bits": 8, "weight_bits": 8, "min_shift": 7},
    "9 bits": {"act_bits": 9, "weight_bits": 9, "min_shift": 7},
    "16 bits": {},
    "17 bits": {"act_bits": 17, "weight_bits": 17},
    "18 bits": {"act_bits": 18, "weight_bits": 18},
    "16 bits, 2x2 lanes": {"lanes_in": 2, "lanes_out": 2},
    "8 bits, 2x2 lanes": {"act_bits": 8, "weight_bits": 8, "min_shift": 7, "lanes_in": 2,
                          "lanes_out": 2},
    "16 bits, trains": {},
}
"""What each row has other than `FITTED`, or than `FITTED_BATCHES` where it trains."""
_COLUMNS = ("element", "checks", "LUT4", "carry cells", "flip-flops", "LUT RAMs", "block RAMs",
            "sites")


def checked_area(name: str, checks: int) -> Area:
    """Synthesise the element of one of `ROWS`, and check that nothing of it was optimised away.

    Raises
    ------
    FpgaToolMissing, FlowFailed
        As `fpga.synthesis.synthesise` and `fpga.report.check_blocks`.
    """
    from hw.presets import FITTED, FITTED_BATCHES
    from hw.tops import TOPS, top_verilog  # pyright: ignore[reportUnknownVariableType]

    from .designs import Design
    from .report import check_blocks

    base = FITTED_BATCHES if name.endswith("trains") else FITTED
    config = dataclasses.replace(base, checks=checks, **ROWS[name])
    with temporary_folder() as folder:
        area = synthesise(folder, top_verilog("pe", config, cells="ecp5"), TOPS["pe"], ECP5)
    check_blocks(area, Design("pe", TOPS["pe"], config))
    return area


def main(arguments: list[str] | None = None) -> int:
    """Print four rows of a table for each element."""
    parser = LineParser(prog="python -m fpga.check_areas", description=__doc__,
                        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("row", nargs="*", help=f"of {', '.join(ROWS)}; all if none is named")
    asked = parser.parse_args(arguments)
    for name in asked.row:
        if name not in ROWS:
            parser.error(f"row must be one of {', '.join(ROWS)}, not {name!r}")
    from hw.config import RANGES

    print("|", " | ".join(_COLUMNS), "|")
    print("|" + "---|" * len(_COLUMNS))
    for name in asked.row or ROWS:
        for checks in range(RANGES["checks"][1] + 1):
            area = checked_area(name, checks)
            cells = (area.luts, area.carries, area.flip_flops, area.lut_rams, area.block_rams)
            sites = area.luts + 2 * area.carries + 4 * area.lut_rams
            print("|", " | ".join(map(str, (name, checks, *cells, sites))), "|",
                  flush=True)
    return 0


if __name__ == "__main__":
    run_program("fpga.check_areas", main)
