"""Ctrl-C at any moment of any program: one line, status 130, nothing half made, nobody goes on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import sw_driver
from golden import DIGITS_SHAPES, ClosNet, load_model, save_model
from golden.data import datasets
from tests.support.stopped import CLOSTORUS, LIMIT_S, ROOT, Ended, stopped

TRAIN = (*CLOSTORUS, "train", "--epochs", "500", "-o", "out.pt")
COMPILE = (*CLOSTORUS, "compile", "{files}/model.pt", "--torus", "8x8", "-o", "out.ctz")
RUN = (*CLOSTORUS, "run", "{files}/model.ctz", "--device", "sim", "--data", "digits")
WORKERS = (*CLOSTORUS, "experiment", "clos-accuracy", "--quick", "--workers", "2")
SWEEP = ("-m", "sim.measure.widths", "--workers", "1")
STUDY = ("-m", "sim.measure.training_widths")
# Every program but the command line, which `python -m` runs.
PROGRAMS = (
    "fpga.bus_areas",
    "fpga.calibration",
    "fpga.check_areas",
    "fpga.lane_areas",
    "fpga.lane_boards",
    "fpga.levels",
    "sim.deadlock",
    "sim.measure.board_table",
    "sim.measure.job_overhead",
    "sim.measure.link_rates",
    "sim.measure.net_table",
    "golden.studies.conversions",
    "golden.studies.fits",
    "golden.studies.heuristics_study",
    "golden.studies.step_errors_digits",
    "sim.measure.training_ways",
    "sim.measure.training_widths",
    "sim.measure.widths",
    "sw_driver.cli.demo",
    "sim.measure.scale_sim_check",
    "sim.faults",
    "sim.four_state",
    "sim.load",
    "sim.proofs",
    "sw_driver.cli.train_demo",
    "sw_driver.predict.cycle_model_speed",
    "sw_driver.predict.lane_cycles",
    "sw_driver.predict.training_lane_cycles",
)
PACKAGES = ("sim.deadlock", "sim.faults", "sim.four_state", "sim.load", "sim.proofs")
# Processes of a session: with the shell's; the program itself, a tracker, and what works for it.
WITH_WORKERS = 4


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A model, and its artifact."""
    folder = tmp_path_factory.mktemp("files")
    model = ClosNet(DIGITS_SHAPES)
    save_model(folder / "model.pt", model)
    x = datasets.load("digits").train_x[:50]
    sw_driver.save_artifact(folder / "model.ctz", sw_driver.compile(model, "2x2", x))
    return folder


def check(command, files, folder, after_s, processes=1, cache=None):
    """Stop a command, so long after it heeds signals and has so many processes."""
    texts = [text.replace("{files}", str(files)) for text in command]
    name = "clostorus" if command[:2] == CLOSTORUS else command[1]
    assert stopped(texts, folder, after_s, processes=processes, cache=cache) == Ended(
        130, f"{name}: stopped\n")
    # What is kept on purpose: a model after every epoch, and the runs of an experiment.
    left = {path.name for path in folder.rglob("*") if path.is_file()}
    assert not {name for name in left - {"out.pt"} if not name.startswith("runs.sqlite")}
    if (folder / "out.pt").exists():
        load_model(folder / "out.pt")
    assert cache is None or not any(path.is_dir() for path in cache.glob("*"))


@pytest.mark.parametrize(("command", "after_s"), [
    (TRAIN, 0), (TRAIN, 0.2), (TRAIN, 0.6), (TRAIN, 1.5), (COMPILE, 0.05), (COMPILE, 0.4),
    (COMPILE, 0.8), (RUN, 0.1), (RUN, 0.5), (RUN, 1.2), (SWEEP, 0.02), (SWEEP, 1.0),
])  # fmt: skip
def test_interrupted_at_some_moment(files, tmp_path, command, after_s):
    check(command, files, tmp_path, after_s)


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_heeds_signals_before_slow_imports(name):
    """It is the first thing that its module does, and its packages import nothing slow."""
    spec = f"{name}.__main__" if name in PACKAGES else name
    path = ROOT / Path(*spec.split(".")).with_suffix(".py")
    before, begin, _ = path.read_text().partition(
        'if __name__ == "__main__":\n    from golden.system.stopping import begin\n\n'
        f'    begin("{name}")')
    assert begin and "import" not in before.rpartition('"""')[2]
    package = spec.rpartition(".")[0]
    code = (f"import {package}, golden.system.stopping, sys; assert not "
            "{'torch', 'numpy', 'amaranth', 'rich', 'typer'} & set(sys.modules)")
    subprocess.run([sys.executable, "-c", code], check=True, timeout=LIMIT_S, cwd=ROOT)


def test_all_programs_are_known():
    found = [path.relative_to(ROOT) for package in ("fpga", "golden", "hw", "sim", "sw_driver")
             for path in (ROOT / package).rglob("*.py")
             if path.name == "__main__.py" or '__name__ == "__main__"' in path.read_text()]
    names = {".".join(path.with_suffix("").parts).removesuffix(".__main__") for path in found}
    assert names == {*PROGRAMS, "sw_driver.cli"}


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_interrupted_at_many_moments(files, tmp_path, part):
    """Sixty moments: of imports, of the work itself, and of its workers and compilers."""
    cache = tmp_path / "cache"
    for number, command in enumerate((TRAIN, COMPILE, RUN, SWEEP, WORKERS, STUDY)):
        folder = tmp_path / str(number)
        os.mkdir(folder)
        processes = {WORKERS: WITH_WORKERS, STUDY: 3, RUN: 3}.get(command, 1) if part > 7 else 1
        after_s = 0.3 * (part - 8) if processes > 1 else 0.012 * part**2
        check(command, files, folder, after_s, processes, cache)
