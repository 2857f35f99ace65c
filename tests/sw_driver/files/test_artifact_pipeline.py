"""model.ctz with a deeper pipeline: extra turns, and two loops."""

import pytest

from golden import ClosShape
from golden.vectors.nets import random_net
from sw_driver import DriverError, compile, load_artifact, save_artifact
from sw_driver.files.archive import read_archive, write_archive
from sw_driver.files.artifact import VERSION


@pytest.fixture(scope="module")
def compiled():
    shapes = (ClosShape(13, 9, 4, 3, 2), ClosShape(9, 5, 3, 2, 4))
    return compile(random_net(shapes, seed=3, act_bits=12, weight_bits=9), "2x3")


@pytest.fixture
def path(compiled, tmp_path):
    save_artifact(tmp_path / "model.ctz", compiled)
    return tmp_path / "model.ctz"


def test_a_deeper_pipeline_is_kept(compiled, path):
    """Two loops, for runs of odd and of even lengths; without extra turns, the version is 4."""
    found = load_artifact(path, check=True)
    assert found.extra_turns == compiled.extra_turns and any(found.extra_turns)
    assert found.plan.copies == compiled.plan.copies
    assert found.executable.loop.period == 2
    assert found.ops_difference is None
    assert read_archive(path)[0]["version"] == VERSION == 5
    plain = compile(compiled.net, "2x3", order="program")
    save_artifact(path, plain)
    assert read_archive(path)[0]["version"] == 4
    assert not any(load_artifact(path, check=True).extra_turns)


@pytest.mark.parametrize(("field", "value", "message"), [
    ("extra_turns", [1] * 8, "extra_turns must be 0 for the first stage and 0 or 1 for the"),
    ("extra_turns", [0] * 8, "extra_turns must be 0 for the first stage .*, at least one"),
    ("extra_turns", [0, 2], "extra_turns must be 0 for the first stage .*, not .0, 2"),
    ("extra_turns", [0, 1], "extra_turns must be 8 whole numbers, not .0, 1"),
    ("extra_turns", [], "extra_turns must be 0 for the first stage"),
    ("more_loops", 5, "more_loops must be a list of at most one loop, not 5"),
    ("more_loops", None, "more_loops must be a list of at most one loop, not None"),
    ("more_loops", [], "has no place in an artifact"),
], ids=["first", "none", "2", "few", "empty", "number", "no loops", "one loop"])  # fmt: skip
def test_extra_turns_that_cannot_be(path, field, value, message):
    manifest, arrays = read_archive(path)
    write_archive(path, {**manifest, field: value}, arrays)
    with pytest.raises(DriverError, match=message):
        load_artifact(path, check=True)
