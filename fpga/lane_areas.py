"""Synthesise a processing element with lanes: `python -m fpga.lane_areas 1x1 2x2`.

Each argument is words x sums, `lanes_in` and `lanes_out`; without any, all are measured. The
element is that of a board (`hw.presets.BOARD_LARGE`), in ECP5 cells; with --train it is one that
trains, which takes one word a cycle. With --link-words 2 the links of its rings move two words at
once, which needs two words a cycle. With --fitted it has the shifts of a layer alone (those of
`hw.presets.FITTED_TRAINING`), as a compiled net has them.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("fpga.lane_areas")  # Before anything slow is imported.

import argparse
import dataclasses

from golden.system.ending import run_program
from hw.lane_sizes import LANES_IN, LANES_OUT
from hw.link_sizes import LINK_WORDS
from sw_driver.system.scratch import temporary_folder

from .errors import BoardError
from .families import ECP5
from .synthesis import Area, lut_sites, synthesise

__all__ = ["main", "parse_lanes", "pe_area"]

_COLUMNS = ("words x sums", "LUT4", "carry cells", "flip-flops", "multipliers", "block RAMs",
            "LUT RAMs", "sites", "sites a further multiplier")


_SHIFTS = ("min_grad_shift", "grad_shift_bits", "min_update_shift", "update_shift_bits",
           "min_bias_shift", "bias_shift_bits")


def pe_area(lanes_in: int, lanes_out: int, *, train: bool = False, fitted: bool = False,
            link_words: int = 1) -> Area:
    """Synthesise an element, and check that nothing of it was optimised away.

    With `train` it is one that trains, with the fields of `TrainingConfig()`. With `fitted` its
    shifts are those of `FITTED_TRAINING`. Its links move `link_words` words at once.

    Raises
    ------
    FpgaToolMissing, FlowFailed
        As `fpga.synthesis.synthesise` and `fpga.report.check_blocks`.
    """
    from hw.config import TrainingConfig
    from hw.presets import BOARD_LARGE, FITTED_TRAINING
    from hw.tops import TOPS, top_verilog  # pyright: ignore[reportUnknownVariableType]

    from .designs import Design
    from .report import check_blocks

    training = TrainingConfig() if train else None
    config = dataclasses.replace(
        BOARD_LARGE, lanes_in=lanes_in, lanes_out=lanes_out, link_words=link_words,
        training=training)
    if fitted:
        config = dataclasses.replace(config, min_shift=FITTED_TRAINING.min_shift,
                                     shift_bits=FITTED_TRAINING.shift_bits)
        if training is not None:
            shifts = {name: getattr(FITTED_TRAINING.training, name) for name in _SHIFTS}
            config = dataclasses.replace(config, training=dataclasses.replace(training, **shifts))
    with temporary_folder() as folder:
        area = synthesise(folder, top_verilog("pe", config, cells="ecp5"), TOPS["pe"], ECP5)
    check_blocks(area, Design(f"pe-{lanes_in}x{lanes_out}", TOPS["pe"], config))
    return area


def main(arguments: list[str] | None = None) -> int:
    """Print a row of a table for each number of lanes."""
    parser = argparse.ArgumentParser(prog="python -m fpga.lane_areas", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lanes", metavar="WORDSxSUMS", nargs="*")
    parser.add_argument("--train", action="store_true", help="an element that trains")
    parser.add_argument("--fitted", action="store_true", help="a layer's shifts instead of all")
    parser.add_argument("--link-words", type=int, choices=LINK_WORDS, default=1,
                        help="words that a link moves at once [default: 1]")
    given = parser.parse_args(arguments)
    moved: int = given.link_words
    if given.train and moved > 1:
        raise BoardError(f"--link-words must be 1 with --train, not {moved}")
    wanted = [parse_lanes(text, train=given.train, link_words=moved) for text in given.lanes]
    most_words = 1 if given.train else max(LANES_IN)
    print("|", " | ".join(_COLUMNS), "|")
    print("|---" * len(_COLUMNS) + "|")
    first: tuple[int, int] | None = None
    every = [(words, sums) for words in LANES_IN if moved <= words <= most_words
             for sums in LANES_OUT]
    for words, sums in wanted or every:
        area, count = pe_area(
            words, sums, train=given.train, fitted=given.fitted, link_words=moved), words * sums
        sites = lut_sites(area, ECP5)
        further = ""
        if first is None:
            first = sites, count
        elif count > first[1]:
            # An element that trains has two multipliers for each of its sums.
            more = (count - first[1]) * (2 if given.train else 1)
            further = f"{(sites - first[0]) / more:.0f}"
        values = (f"{words} x {sums}", area.luts, area.carries, area.flip_flops, area.multipliers,
                  area.block_rams, area.lut_rams, sites, further)
        print("|", " | ".join(map(str, values)), "|", flush=True)
    return 0


def parse_lanes(text: str, *, train: bool = False, link_words: int = 1) -> tuple[int, int]:
    """Read WORDSxSUMS: `lanes_in` and `lanes_out`, of a torus that trains or infers.

    Links that move two words at once need a MAC that takes as many.

    Raises
    ------
    BoardError
        There are no such lanes.
    """
    words_known = (1,) if train else [words for words in LANES_IN if words >= link_words]
    known = {f"{words}x{sums}": (words, sums) for words in words_known for sums in LANES_OUT}
    if text not in known:
        raise BoardError(f"WORDSxSUMS must be one of {', '.join(known)}, not {text!r}")
    return known[text]


if __name__ == "__main__":
    run_program("fpga.lane_areas", main)
