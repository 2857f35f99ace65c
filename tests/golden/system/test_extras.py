"""Whoever reaches for a package of an extra that is not installed is told which extra it is."""

import importlib

import pytest

from golden.system.extras import ExtraMissing, needs
from tests.support.without import run_without

# What a user does, the package that it needs, and the extra.
REACHED = {
    "import golden.analysis": ("networkx", "experiments"),
    "import golden.analysis.pictures": ("networkx", "experiments"),
    "import golden.experiments.judgement": ("scipy", "experiments"),
    "import golden.experiments.pictures": ("matplotlib", "experiments"),
    "from golden.data.datasets import load; load('digits')": ("sklearn", "experiments"),
    "from golden import topologies as t; t.parse_topology('random-regular:16-12-8,4-4,1+skip')":
        ("scipy", "experiments"),
    "from sw_driver import export_files": ("matplotlib", "experiments"),
    "from sw_driver.serial import SerialDevice": ("serial", "hardware"),
    "from sim.device import SimDevice": ("amaranth", "hardware"),
    "from fpga.boards import BOARDS": ("amaranth", "fpga"),
}
TRY = """
for line in LINES:
    try:
        exec(line)
    except ImportError as error:
        print(f"{type(error).__name__} {error.name}: {error}")
    else:
        print("nothing")
"""


def test_each_way_to_an_extra_names_it():
    done = run_without(TRY.replace("LINES", repr(list(REACHED))))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"ExtraMissing {package}: this needs the package {package}, which is not installed: "
        f"pip install 'clostorus[{extra}]'" for package, extra in REACHED.values()]


@pytest.mark.parametrize("hidden", ["amaranth", "rich", "typer"])
def test_the_command_says_it_in_one_line(hidden):
    done = run_without("from sw_driver.cli import main; main()", [hidden])
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (f"clostorus: this needs the package {hidden}, which is not installed: "
                           "pip install 'clostorus[hardware]'\n")


def test_boards_need_their_own_extra():
    done = run_without("from fpga.boards import BOARDS; BOARDS['ulx3s-85f'].pins()",
                       ["amaranth_boards"])
    assert done.stderr.endswith("this needs the package amaranth_boards, which is not installed: "
                                "pip install 'clostorus[fpga]'\n")


def test_other_errors_go_on_as_they_are():
    with pytest.raises(ValueError, match="other"), needs("onnx"):
        raise ValueError("other")
    with pytest.raises(ExtraMissing, match=r"clostorus\[inner\]"), needs("outer"), needs("inner"):
        importlib.import_module("no_such_package.inside")
    with pytest.raises(ImportError, match="cannot import name") as raised, needs("onnx"):
        from golden import nothing  # noqa: F401
    assert not isinstance(raised.value, ExtraMissing)
    needs("onnx").check("golden")
