"""`clostorus wave`: waveforms of a sample, and files that say how to show them."""

import json
import re

import pytest

from tests.support.command_line import fail, succeed

# A variable of a VCD file: width and name, or a scope that begins or ends.
_HEAD = re.compile(r"\$scope module (\S+) \$end|\$var \w+ (\d+) \S+ (\S+)|(\$upscope)")


def variables(head):
    """Widths of the signals of a VCD file, by place; a dot in a name stands as it is."""
    scopes, found = [], {}
    for scope, bits, name, up in _HEAD.findall(head):
        if scope:
            scopes.append(scope)
        elif up:
            scopes.pop()
        else:
            found[".".join([*scopes, name])] = int(bits)
    return found


def test_what_is_refused(artifact, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.gtkw").symlink_to(artifact)
    for message, arguments in (
        ("--output must end in .fst or .vcd, not 'w.txt'", ["-o", "w.txt"]),
        ("the save file must not be a file that ARTIFACT reads", ["-o", "w.vcd"]),
        ("there is no folder", ["-o", tmp_path / "none" / "w.vcd"]),
        ("--samples must be at most 360", ["--samples", 1000, "-o", "x.vcd"]),
        ("--label needs --data", ["--label", "x"]),
    ):
        fail(2, message, "wave", artifact, *arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["w.gtkw"]


@pytest.mark.usefixtures("toolchain")
def test_every_signal_of_the_save_file_is_in_the_waveforms(artifact, tmp_path):
    path = tmp_path / "wave.vcd"
    values = json.loads(succeed("wave", artifact, "-o", path, "--json").stdout)
    head, _, changes = path.read_text().partition("$enddefinitions")
    there = variables(head)
    named = re.findall(r"^\+\{.*\} ([^\s\[]+)(?:\[(\d+):0\])?$",
                       (tmp_path / "wave.gtkw").read_text(), re.M)
    assert len(named) == values["signals"] > 100 and values["groups"] == 11
    for name, high in named:
        assert there[name] == int(high or 0) + 1
    added = re.findall(r"^variable_add (\S+)$", (tmp_path / "wave.sucl").read_text(), re.M)
    assert added == [name for name, _ in named]
    times = [int(line[1:]) for line in changes.splitlines() if line.startswith("#")]
    assert 0 < values["begin_cycle"] < values["end_cycle"] == (times[-1] + 1) // 2
    assert values["words_equal"] and "dump_module" not in head


@pytest.mark.usefixtures("toolchain")
def test_a_word_that_differs_ends_with_status_1(artifact, tmp_path, monkeypatch):
    from sim.device.device import SimDevice

    right = SimDevice.infer_words
    monkeypatch.setattr(SimDevice, "infer_words", lambda device, x: right(device, x) ^ 1)
    fail(1, "words differ; the first at sample 0, output 0", "wave", artifact,
         "-o", tmp_path / "wave.vcd", "--quiet")
