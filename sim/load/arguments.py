"""The command line of `python -m sim.load`."""

import argparse
from pathlib import Path

from sw_driver.errors import DriverError
from sw_driver.jobs.engine import MOST_WORKERS
from sw_driver.system.arguments import LineParser, whole_number
from sw_driver.torus import parse_torus

__all__ = ["line_of", "parsed"]

_LARGEST = (1 << 31) - 1
_DEVICES = ("sim", "golden")
_ENGINES = ("auto", "verilator", "vector")
_LEAST = {"frames": (100, _LARGEST), "rtl_frames": (100, _LARGEST), "steps": (100, _LARGEST),
          "stops": (1, _LARGEST), "seed": (0, _LARGEST), "workers": (1, MOST_WORKERS)}
_MOST_PER_MILLE = 50
_NAMED = ("frames", "rtl_frames", "damage_per_mille", "steps", "stops", "device", "engine", "torus",
          "seed")


def parsed(description: str, arguments: list[str] | None) -> argparse.Namespace:
    """Read a command line.

    Raises
    ------
    DriverError
        It is no command line, or a value is out of range; the message names the option.
    """
    asked = _parser(description).parse_args(arguments)
    for name, (least, most) in _LEAST.items():
        if hasattr(asked, name):
            option = f"--{name.replace('_', '-')}"
            setattr(asked, name, whole_number(option, getattr(asked, name), least, most))
    for name, choices in (("device", _DEVICES), ("engine", _ENGINES)):
        if getattr(asked, name, choices[0]) not in choices:
            raise DriverError(f"--{name} must be one of {', '.join(choices)}, not "
                              f"{getattr(asked, name)!r}")
    if asked.what == "training":
        parse_torus(asked.torus)
    else:
        asked.per_mille = _per_mille(asked.damage_per_mille)
    asked.out = asked.out / asked.what
    return asked


def line_of(asked: argparse.Namespace) -> str:
    """The command line that a page names: all that figures depend on."""
    values = vars(asked)
    words = [f"--{name.replace('_', '-')} {values[name]}" for name in _NAMED if name in values]
    return " ".join(["python -m sim.load", asked.what, *words])


def _parser(description: str) -> LineParser:
    parser = LineParser(prog="python -m sim.load", description=description,
                        formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(metavar="WHAT", required=True, dest="what")
    link = parts.add_parser("link", help="hosts at boards, over bad wires")
    link.add_argument("--frames", metavar="N", default="1000000",
                      help="of both ends, on the model of a board [default: 1000000]")
    link.add_argument("--rtl-frames", metavar="N", default="10000",
                      help="on the RTL, to which the model is held [default: 10000]")
    link.add_argument("--damage-per-mille", metavar="X", default="10",
                      help="of 1000 bytes, as many are damaged [default: 10]")
    link.add_argument("--workers", metavar="N", default="1",
                      help="work in so many processes at once [default: 1]")
    training = parts.add_parser("training", help="a training that is stopped over and over")
    training.add_argument("--steps", metavar="N", default="100000",
                          help="in all: thousands, or hundreds below 1000 [default: 100000]")
    training.add_argument("--stops", metavar="N", default="100",
                          help="how often it is stopped [default: 100]")
    training.add_argument("--device", metavar="|".join(_DEVICES), default="sim",
                          help="what trains [default: sim]")
    training.add_argument("--engine", metavar="|".join(_ENGINES), default="auto",
                          help="what simulates [default: auto]")
    training.add_argument("--torus", metavar="RxC", default="1x2", help="[default: 1x2]")
    for part in (link, training):
        part.add_argument("--seed", metavar="N", default="1",
                          help="what everything random follows from [default: 1]")
        part.add_argument("--out", metavar="DIR", type=Path, default=Path("out/load"),
                          help="the work is in DIR/WHAT, and goes on from there "
                          "[default: out/load]")
        part.add_argument("--page", metavar="FILE", type=Path, help="write the table to this page")
        part.add_argument("--quiet", action="store_true", help="show no progress")
    return parser


def _per_mille(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= _MOST_PER_MILLE:
        raise DriverError(f"--damage-per-mille must be a number from 0 to {_MOST_PER_MILLE}, not "
                          f"{text!r}")
    return found
