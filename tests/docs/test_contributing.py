"""docs/CONTRIBUTING.md names commands, tables and counts as they are in the code."""

import importlib.util
import re

import pytest

from hw.presets import PRESETS
from tests.support import digests
from tests.support.project import ROOT

PAGE = (ROOT / "docs" / "CONTRIBUTING.md").read_text()
CODE = re.findall(r"`([^`]+)`", PAGE)
COMMANDS = [code for code in CODE if code.startswith(("pytest ", "python ", "make ", "clostorus "))]
# Names that a list tells to change, by the file that it tells to open.
NAMED = [
    ("fpga/boards.py", "BOARDS"),
    ("fpga/families.py", "Family"),
    ("sim/measure/board_rows.py", "Row"),
    ("tests/support/traced_layers.py", "LAYERS"),
    ("tests/support/api_layers.py", "CALLS"),
    ("tests/golden/tensors/test_autocast.py", "PAIRS"),
    ("golden/models/read.py", "clos_chain"),
    ("sw_driver/schedule/queues.py", "_COUNTS"),
    ("sw_driver/files/artifact.py", "VERSION"),
    ("sim/proofs/spec.py", "look_inside"),
    ("sim/proofs/catalogue.py", "PROOFS"),
    ("golden/experiments/experiment.py", "Experiment"),
    ("sw_driver/experiments/catalogue.py", "EXPERIMENTS"),
    ("golden/system/names.py", "moved_names"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_command_names_is_there(command):
    for path in re.findall(r"\btests/[\w./]+", command.partition(">")[0]):
        assert (ROOT / path).exists()
    for module in re.findall(r"-m ([\w.]+)", command):
        assert importlib.util.find_spec(module) is not None
    for target in re.findall(r"^make ([\w-]+)$", command):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.M)


def test_commands_are_found():
    assert len(COMMANDS) > 20


@pytest.mark.parametrize("file, name", NAMED)
def test_a_list_names_what_is_in_the_file(file, name):
    assert f"`{name}`" in PAGE
    assert re.search(rf"^(class|def|    def )?\s*{name}\b", (ROOT / file).read_text(), re.M)


def test_the_number_of_digests_is_right():
    assert f"prints {digests.NETS + digests.TRAININGS + len(PRESETS)} lines" in PAGE
