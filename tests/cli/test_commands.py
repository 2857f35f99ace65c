"""What holds for every command: where options stand, damaged files, and how errors end."""

import json

import pytest

from sw_driver.files.archive import read_archive, write_archive
from tests.support.command_line import clostorus, fail, succeed


@pytest.mark.parametrize("command", [
    ("run",), ("info",), ("verify",), ("report",), ("wave",), ("verilog", "-o", "out.v", "--bake")
])
def test_damaged_artifacts(artifact, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    whole = artifact.read_bytes()
    path = tmp_path / "bad.ctz"
    path.write_bytes(whole[:-100])
    fail(2, "truncated or no zip", *command, path)
    at = whole.index(b"NUMPY") + 200
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    fail(2, r"member image\.biases\.npy was altered", *command, path)
    manifest, arrays = read_archive(artifact)
    write_archive(path, {**manifest, "version": 99}, arrays)
    fail(2, "version must be 1, 2, 3, 4 or 5, .* not 99", *command, path)
    manifest["config"]["cols"] = 4
    write_archive(path, manifest, arrays)
    fail(2, "hardware_id must be", *command, path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("place", ["before", "after"])
def test_quiet_and_json_stand_anywhere(artifact, place):
    def command(option):
        return (option, "info", artifact) if place == "before" else ("info", artifact, option)

    assert succeed(*command("--quiet")).output == ""
    assert json.loads(succeed(*command("--json")).output)["parameters"] == 292


def test_usage_errors():
    for arguments in (["bogus"], ["run"], ["train"], ["run", "x", "--samples", "0"]):
        result = clostorus(*arguments)
        assert result.exit_code == 2
        assert "Usage:" in result.stderr
        assert "Traceback" not in result.stderr


def test_ctrl_c(artifact, monkeypatch):
    def stop(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("sw_driver.device.golden.GoldenDevice._infer_words", stop)
    fail(130, "stopped", "run", artifact)


def test_a_missing_tool(artifact, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    fail(3, r"g\+\+ is not on PATH: install", "run", artifact, "--device", "sim")


def test_other_errors_are_not_hidden(artifact, monkeypatch):
    def crash(*arguments):
        raise ValueError("a bug")

    monkeypatch.setattr("sw_driver.device.golden.GoldenDevice._infer_words", crash)
    result = clostorus("run", artifact)
    assert isinstance(result.exception, ValueError)
