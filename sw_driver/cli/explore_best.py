"""The best points of `clostorus explore`: as artifacts, on the RTL, and built for their board."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from golden.system.status import DIFFERENT
from sw_driver.cli.options import failed
from sw_driver.cli.written import quoted, say_written

if TYPE_CHECKING:
    from fpga.explore.board_front import Found
    from fpga.explore.points import Point
    from fpga.explore.search import Search
    from golden.system.runner import Runner
    from sw_driver.compiled import Compiled
    from sw_driver.system.console import Output

__all__ = ["best_files", "check_tools", "verify_and_build"]

_SAMPLES, _SEED = 16, 1


def best_files(boards: tuple[str, ...], best: int, out: Path) -> list[Path]:
    """All files that the best points may be written to."""
    return [
        out / f"{board}-{rank}{suffix}"
        for board in boards
        for rank in range(1, best + 1)
        for suffix in (".ctz", ".pt")
    ]


def check_tools(boards: tuple[str, ...]) -> None:
    """Refuse to search for what cannot be built then.

    Raises
    ------
    FpgaToolMissing
        A tool of a board's flow is not there.
    """
    from fpga.boards import find_board
    from fpga.tools import find_tool

    for board in boards:
        flow = find_board(board).family.flow
        for name in ("yosys", flow.router, flow.packer):
            find_tool(name)


def verify_and_build(
    talk: "Output",
    search: "Search",
    found: "list[Found]",
    out: Path,
    runner: "Runner",
    *,
    best: int,
    verify: bool,
    build: bool,
) -> list[dict[str, Any]]:
    """Run the best points of each board on the RTL, and build them; return what came out.

    Raises
    ------
    typer.Exit
        A word of the RTL is not that of the golden model.
    BoardError, FlowFailed
        As `fpga.board_build.build`.
    """
    from fpga.explore.search import compiled_run

    values: list[dict[str, Any]] = []
    for one in found:
        for rank, point in enumerate(one.front[:best], 1):
            name = f"{one.board}-{rank}"
            compiled = compiled_run(search.nets, point.run)
            value: dict[str, Any] = {"name": name, **point.as_dict()}
            if search.nets.data is not None:
                value |= _save(talk, out / name, search, point, compiled)
            if verify:
                value["rtl"] = _verified(talk, name, compiled)
            if build:
                value["build"] = _built(talk, name, point, compiled, out / name, runner)
            values.append(value)
    return values


def _save(
    talk: "Output", path: Path, search: "Search", point: "Point", compiled: "Compiled"
) -> dict[str, str]:
    """Write the net, compiled for its torus; and its model file, if it was trained here."""
    from fpga.explore.nets import float_net
    from golden import save_model
    from sw_driver.files.artifact import save_artifact

    nets = search.nets
    model, preparation = float_net(nets, point.run.layers)
    data = None if nets.data is None else nets.data.data
    files = {"artifact": path.with_name(f"{path.name}.ctz")}
    if nets.model is None:
        files["model"] = path.with_name(f"{path.name}.pt")
        save_model(files["model"], model)
        say_written(talk, files["model"], "clostorus train --from, to train it for longer")
    save_artifact(files["artifact"], compiled, data=data, preparation=preparation)
    say_written(talk, files["artifact"], f"clostorus run {quoted(files['artifact'])}")
    return {name: str(file) for name, file in files.items()}


def _verified(talk: "Output", name: str, compiled: "Compiled") -> dict[str, Any]:
    """Hold words and cycles of the RTL against the golden model and the cycle model."""
    from golden.vectors.nets import random_words
    from sim.device.device import SimDevice
    from sim.device.verify import verify

    words = random_words(compiled.net, _SAMPLES, seed=_SEED)
    expected = compiled.net.forward_words(words).numpy()
    with talk.progress() as tell, SimDevice(progress=tell) as device:
        device.load(compiled)
        verdict = verify(device, words.numpy(), expected)
    talk.facts(f"{name}, on the RTL", verdict.rows())
    if verdict.comparison.first is not None:
        raise failed(f"{name}: the RTL is not the golden model: {verdict.comparison.first}",
                     DIFFERENT)  # fmt: skip
    return verdict.as_dict()


def _built(
    talk: "Output",
    name: str,
    point: "Point",
    compiled: "Compiled",
    folder: Path,
    runner: "Runner",
) -> dict[str, Any]:
    """Build the torus of a point, and set its cells beside the estimate."""
    from fpga.board_build import build
    from fpga.boards import find_board

    board = find_board(point.board)
    oscillator = point.clock_mhz == board.clock_hz / 1e6
    with talk.progress() as tell:
        made = build(
            board, compiled.config, folder, tell=tell, runner=runner,
            clock_mhz=None if oscillator else point.clock_mhz,
        )  # fmt: skip
    fmax_mhz = made.report["fmax_mhz"]
    rows = [(used.name, f"{used.used} of {used.available}, {point.used(used.name)} estimated")
            for used in made.usage]
    rows.append(("Fmax", f"{fmax_mhz} MHz, {1e6 * fmax_mhz / point.cycles:.0f} samples/s"))
    talk.facts(f"{name}, built into {folder}", rows)
    return {"out": str(folder), **made.report}
