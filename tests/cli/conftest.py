"""A small net that is trained and compiled by the command line."""

import pytest

from tests.support.command_line import LAYERS, succeed


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A folder with a small trained model.pt and its model.ctz for a 2x2 torus.

    There is one a process; tests must not change it.
    """
    folder = tmp_path_factory.mktemp("made")
    succeed("train", *LAYERS, "--epochs", 3, "-o", folder / "model.pt")
    succeed("compile", folder / "model.pt", "--torus", "2x2", "-o", folder / "model.ctz")
    return folder


@pytest.fixture
def model(made):
    return made / "model.pt"


@pytest.fixture
def artifact(made):
    return made / "model.ctz"
