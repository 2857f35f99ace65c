"""Plays a host script to a torus in Icarus Verilog, where nothing is known at the start."""

import dataclasses
import re
import shutil
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from sw_driver.script.files import lines_of_beats
from sw_driver.script.host_script import HostScript
from sw_driver.system.children import run_child
from sw_driver.system.scratch import no_space

from ..errors import BenchFailed, BuildFailed, ToolMissing
from .unknown import unknown_start

__all__ = ["BENCH", "Played", "check_icarus", "play", "play_from_unknown"]

BENCH = "bench"
"""The module around a torus, in bench.v."""

_PASS = re.compile(r"^PASS: (\d+) beats sent, (\d+) came as they must, (\d+) resets, (\d+) cycles$",
                   re.M)
_SHARE_BITS = 16
_LAST_LINES = 10


@dataclasses.dataclass(frozen=True)
class Played:
    """What was played: beats of the last run, resets, and clock cycles of all runs."""

    sent: int
    came: int
    resets: int
    cycles: int


def check_icarus() -> None:
    """Refuse to go on without Icarus Verilog.

    Raises
    ------
    ToolMissing
        It is not on PATH.
    """
    for tool in ("iverilog", "vvp"):
        if shutil.which(tool) is None:
            raise ToolMissing(f"{tool} is not on PATH: install Icarus Verilog "
                              "(Debian, Ubuntu: apt-get install iverilog)")


def play_from_unknown(verilog: str, script: HostScript, folder: Path, *,
                      breaks: Sequence[float] = (0.5,), stalls: int = 0,
                      patience_cycles: int = 20_000) -> Played:
    """Play a script to the Verilog of a torus, of which all is unknown until it is reset.

    Parameters
    ----------
    verilog
        Of `hw.tops`, with the top module `clostorus`.
    script, folder, breaks, stalls, patience_cycles
        As in `play`.

    Raises
    ------
    FpgaToolMissing, FlowFailed, BuildFailed
        As `unknown_start`.
    ToolMissing, BuildFailed, BenchFailed
        As `play`.
    """
    check_icarus()
    (folder / "torus.v").write_text(unknown_start(verilog, "clostorus", folder, BENCH))
    return play([folder / "torus.v"], script, folder, breaks=breaks, stalls=stalls,
                patience_cycles=patience_cycles)


def play(sources: Sequence[Path], script: HostScript, folder: Path, *,
         breaks: Sequence[float] = (0.5,), stalls: int = 0,
         patience_cycles: int = 20_000) -> Played:
    """Play a script, then again after resets in the middle of it.

    Parameters
    ----------
    sources
        Verilog of the torus; memories that `fpga.black_box_models` watches forget all at a reset.
    script
        What the host sends, and what must come back.
    folder
        Where Icarus runs.
    breaks
        When runs are broken off by a reset: parts of the length of the run, above 0 and below 1.
    stalls
        Of 1000 cycles, so many in which the host rests, either way.
    patience_cycles
        After so many without a beat it fails.

    Raises
    ------
    ToolMissing
        As `check_icarus`.
    BuildFailed
        Icarus refuses the sources or warns of them.
    BenchFailed
        A word is another one, a bit that the host sees is unknown, or nothing comes any more; the
        message says which, and in which cycle.
    """
    check_icarus()
    _write(script, folder, breaks, stalls, patience_cycles)
    _run(["iverilog", "-g2005", "-Wall", "-o", "bench.vvp", "bench.v", *map(str, sources)], folder,
         silent=True)
    said = _run(["vvp", "-n", "bench.vvp"], folder)
    passed = _PASS.search(said)
    if passed is None:
        raise BenchFailed(" | ".join(said.splitlines()[-_LAST_LINES:]) or "it said nothing")
    return Played(*map(int, passed.groups()))


def _write(script: HostScript, folder: Path, breaks: Sequence[float], stalls: int,
           patience_cycles: int) -> None:
    texts = {
        "host_in.mem": lines_of_beats(script.sent),
        "host_out.mem": lines_of_beats(script.answer.beats),
        "host_mask.mem": lines_of_beats(script.answer.mask),
        "host_script.mem": "".join(f"{int(not step.sends)} {step.beats:08x}\n"
                                   for step in script.steps),
        "bench.v": _bench(script, breaks, stalls, patience_cycles),
    }
    for name, text in texts.items():
        (folder / name).write_text(text)


def _bench(script: HostScript, breaks: Sequence[float], stalls: int,
           patience_cycles: int) -> str:
    shares = sum(round(1000 * part) << _SHARE_BITS * at for at, part in enumerate(breaks))
    bits = _SHARE_BITS * max(len(breaks), 1)
    sizes = {
        "STALLS": str(stalls),
        "PATIENCE": str(patience_cycles),
        "BITS": str(script.config.host_bits),
        "STEPS": str(len(script.steps)),
        "SENT": str(len(script.sent)),
        "GIVEN": str(len(script.answer.beats)),
        "BREAKS": str(len(breaks)),
        "BREAK_MILLE": f"{bits}'d{shares}",
    }
    text = (files("sim.four_state") / "bench.v").read_text()
    for name, size in sizes.items():
        text = text.replace(f" {name} = 0;", f" {name} = {size};")
    return text


def _run(command: list[str], folder: Path, *, silent: bool = False) -> str:
    done = run_child(command, folder)
    full = no_space(folder, done.output if done.status else "")
    if full is not None:
        raise full
    if done.status or silent and done.output:
        raise BuildFailed(f"{command[0]} must run without a word, but its exit status is "
                          f"{done.status}:\n{done.last_lines(_LAST_LINES)}")
    return done.output
