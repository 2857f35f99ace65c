"""What other flows read beside Verilog: a core file of FuseSoC, and timing constraints."""

import importlib.metadata
from collections.abc import Collection, Iterable

__all__ = ["constraints_of", "core_of"]

_VERILOG = "verilogSource-2005"


def core_of(top: str, sources: Iterable[str], memories: Collection[str], waivers: str,
            models: str | None, constraints: str) -> str:
    """A core file (CAPI2) of a hand-over, for FuseSoC and what is built on it.

    It has the targets `default`, which is the design for a core that depends on it; `lint`, which
    is Verilator with all warnings; and `synth`, which adds the constraints.

    Parameters
    ----------
    top : str
        The top module, whose name the core has.
    sources, memories, waivers, models, constraints : str
        Names of files beside the core file; sources in order. Memories are copied to where tools
        run, since there they look for them.
    """
    version = importlib.metadata.version("clostorus")
    filesets = {"rtl": (list(sources), _VERILOG)}
    if memories:
        filesets["memories"] = ([f"{name}: {{copyto: {name}}}" for name in memories], "user")
    design = list(filesets)
    filesets["waivers"] = ([waivers], "vlt")
    linted = ["waivers"]
    if models is not None:
        filesets["models"] = ([models], _VERILOG)
        linted.append("models")
    filesets["constraints"] = ([constraints], "SDC")
    sets = "".join(
        f"  {name}:\n    files:\n{''.join(f'      - {file}{chr(10)}' for file in files)}"
        f"    file_type: {kind}\n" for name, (files, kind) in filesets.items())
    return f"""\
CAPI=2:
name: "clostorus::{top}:{version}"
description: A torus of processing elements for a-priori sparse networks
filesets:
{sets}targets:
  default:
    filesets: [{", ".join(design)}]
    toplevel: {top}
  lint:
    filesets: [{", ".join((*design, *linted))}]
    toplevel: {top}
    flow: lint
    flow_options:
      tool: verilator
      verilator_options: [-Wall]
  synth:
    filesets: [{", ".join((*design, "constraints"))}]
    toplevel: {top}
"""


def constraints_of(top: str, clock_hz: int, *, given: bool) -> str:
    """Timing constraints (SDC) of a top module.

    Parameters
    ----------
    top : str
    clock_hz : int
        Its clock.
    given : bool
        Somebody asked for this clock, so the design has a UART that counts on it.
    """
    lines = [f"# {top}: one clock, rising edges alone; `rst` is synchronous.",
             f"create_clock -name clk -period {1e9 / clock_hz:.3f} [get_ports clk]"]
    if given:
        lines += ["# The UART has no clock of its own: `rx` passes two registers, all is slow.",
                  "set_false_path -from [get_ports rx]",
                  "set_false_path -to [get_ports tx]",
                  "set_false_path -to [get_ports led]"]
    else:
        lines.insert(1, "# The period is an example: put that of your clock in its place.")
    return "".join(f"{line}\n" for line in lines)
