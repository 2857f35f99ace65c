"""Synthesise the tops for buses: `python -m fpga.bus_areas`.

It prints what a bus adds to a bare torus of a board (`hw.presets.BOARD_LARGE`), in ECP5 cells, with
an option and without. Designs are synthesised module by module, without gateways and processing
elements, which are the same in all: so what two of them have in common takes the same cells, and
nothing but the difference is counted.
"""

if __name__ == "__main__":
    from golden.system.stopping import begin

    begin("fpga.bus_areas")  # Before anything slow is imported.

import argparse
import dataclasses
import re

from golden.system.ending import run_program
from sw_driver.system.scratch import temporary_folder

from .families import ECP5
from .synthesis import Area, areas_by_module

__all__ = ["DESIGNS", "bus_area", "main"]

DESIGNS = ("torus", "axi without last", "axi", "wishbone")
"""The bare torus first, to which others add."""
_MODULE = re.compile(r"^(?:\(\*.*\n)*module \\?(\S+) ?\((?:.|\n)*?^endmodule\n", re.M)
_INTERFACE = re.compile(r"^module (?:.|\n)*?\);\n|^  (?:in|out)put .*\n", re.M)
_COLUMNS = ("adds", "LUT4", "carry cells", "flip-flops", "LUT RAMs", "sites")


def bus_area(name: str) -> Area:
    """Synthesise one of `DESIGNS` without its gateways and processing elements.

    Raises
    ------
    FpgaToolMissing, FlowFailed
        As `fpga.synthesis.areas_by_module`.
    """
    from hw.axi_top import AxiTop
    from hw.emit import emit_verilog
    from hw.presets import BOARD_LARGE
    from hw.top import ClostorusTop
    from hw.tops import CELLS, PEInstance
    from hw.wishbone_top import WishboneTop

    config = BOARD_LARGE

    def make_pe(row: int, col: int) -> PEInstance:
        return PEInstance(config)

    component = {
        "torus": lambda: ClostorusTop(config, make_pe=make_pe),
        "axi without last": lambda: AxiTop(config, has_last=False, make_pe=make_pe),
        "axi": lambda: AxiTop(config, make_pe=make_pe),
        "wishbone": lambda: WishboneTop(config, make_pe=make_pe),
    }[name]()
    whole = "top" if name == "torus" else "top.torus.torus"  # The `ClostorusTop`.
    text = _with_hole(emit_verilog(component, "top", CELLS["ecp5"]), f"{whole}.torus")
    with temporary_folder() as folder:
        parts = areas_by_module(folder, text, "top", ECP5).values()
    return Area(**{kind.name: sum(getattr(part, kind.name) for part in parts)
                   for kind in dataclasses.fields(Area)})


def _with_hole(verilog: str, hole: str) -> str:
    """The Verilog with nothing but the interface of a module, and without all inside it."""
    def change(found: re.Match[str]) -> str:
        if found[1] == hole:
            return f"(* blackbox *)\n{''.join(_INTERFACE.findall(found[0]))}endmodule\n"
        return "" if found[1].startswith(f"{hole}.") else found[0]

    return _MODULE.sub(change, verilog)


def main(arguments: list[str] | None = None) -> int:
    """Print a row of a table for each bus."""
    argparse.ArgumentParser(
        prog="python -m fpga.bus_areas", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter).parse_args(arguments)
    print("|", " | ".join(_COLUMNS), "|")
    print("|---" * len(_COLUMNS) + "|")
    bare, *buses = DESIGNS
    before = bus_area(bare)
    for name in buses:
        area = bus_area(name)
        luts, carries, flip_flops, lut_rams = (
            getattr(area, kind) - getattr(before, kind)
            for kind in ("luts", "carries", "flip_flops", "lut_rams"))
        values = (name, luts, carries, flip_flops, lut_rams, luts + 2 * carries + 4 * lut_rams)
        print("|", " | ".join(map(str, values)), "|", flush=True)
    return 0


if __name__ == "__main__":
    run_program("fpga.bus_areas", main)
