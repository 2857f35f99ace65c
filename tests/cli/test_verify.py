"""`clostorus verify`: what a digest does not find, and the commands that take such a file."""

import json

import pytest

from golden import ClosShape
from golden.vectors.nets import random_net
from hw.config import TorusConfig
from sw_driver import compile, save_artifact
from sw_driver.files.archive import read_archive, write_archive
from tests.support.command_line import clostorus, fail, succeed

SHAPES = ClosShape(13, 9, 4, 3, 2), ClosShape(9, 5, 3, 2, 4)


@pytest.fixture
def forged(artifact, tmp_path):
    """Writes a copy with an array changed, and all digests computed again; returns its path."""

    def forge(name, change):
        manifest, arrays = read_archive(artifact)
        change(arrays[name])
        write_archive(tmp_path / "forged.ctz", manifest, arrays)
        return tmp_path / "forged.ctz"

    return forge


def test_says_what_was_checked(artifact):
    text = succeed("verify", artifact).stdout
    assert text.startswith(f"{artifact} is what the compiler makes of its net\n")
    for words in ("digest of the file      ", "memory images ", "host words of a sample ", "ops  "):
        assert words in text
    values = json.loads(succeed("verify", artifact, "--json").stdout)
    assert values["digest"] in text
    assert (values["image_difference"], values["ops_difference"]) == (None, None)


def test_a_weight_with_a_digest_of_its_own(forged):
    path = forged("image.weights", lambda words: words[0, 1].__setitem__(2, 3))
    result = clostorus("verify", path, "--json")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"clostorus: {path} is not that of its net: images: 1 of ")
    assert "PE (0, 1), weight 2: " in json.loads(result.stdout)["image_difference"]


def test_an_op_with_a_digest_of_its_own(forged):
    """Such a file is run: outputs are what its ops compute."""
    path = forged("loop.body.mac", lambda ops: ops[0].__setitem__(8, 1))  # `w_base`
    fail(1, "is not that of its net: ops: queue mac of a further sample, first at op 0", "verify",
         path)
    succeed("run", path, "--samples", 2)


def test_a_run_that_locks_up_with_a_digest_of_its_own(forged):
    """A device that computes the net itself does not see it; the cycle model must not either."""
    path = forged("loop.flat1.mac", lambda ops: ops[0].__setitem__(14, 99))
    for command in ("verify", "info"):
        fail(2, "forged.ctz: .*", command, path)
    fail(2, "forged.ctz: .*", "run", path, "--samples", 1, "--timeline", path.with_name("t.json"))
    assert [one.name for one in path.parent.iterdir()] == ["forged.ctz"]


@pytest.mark.parametrize("order", ["best", "program"])
@pytest.mark.parametrize("torus", ["1x1", "2x3", "3x2", TorusConfig(
    rows=2, cols=2, act_bits=12, weight_bits=9, weight_words=2048, rep_bits=12, buffer_words=512)],
    ids=str)  # fmt: skip
def test_whatever_was_compiled_is_found_to_be_so(tmp_path, torus, order):
    net = random_net(SHAPES, seed=7, act_bits=12, weight_bits=9)
    save_artifact(tmp_path / "m.ctz", compile(net, torus, order=order))
    succeed("verify", tmp_path / "m.ctz")
