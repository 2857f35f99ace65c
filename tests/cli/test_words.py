"""What the command line says: options by their names, tables of 100 columns, what was written."""

import io
import json
import re
import shlex
import subprocess
import sys

import pytest
import typer.main

from fpga.boards import BOARDS
from sim.measure.tables import TABLES
from sw_driver import load_artifact
from sw_driver.cli import app
from sw_driver.cli.spelling import spelled
from sw_driver.cycle_model import record
from sw_driver.predict.timeline import timeline_json
from sw_driver.system.console import Output
from tests.support.command_line import COMMANDS, LAYERS, clostorus, fail, succeed

GROUP = typer.main.get_command(app)
WIDTH = 100


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a small trained model.pt and its model.ctz for a 1x2 torus."""
    folder = tmp_path_factory.mktemp("made")
    succeed("train", *LAYERS, "--epochs", 1, "-o", folder / "model.pt")
    succeed("compile", folder / "model.pt", "--torus", "1x2", "-o", folder / "model.ctz")
    return folder


def parameters(command):
    return GROUP.commands[command].params


# Refusals


@pytest.mark.parametrize("command", COMMANDS)
def test_every_parameter_is_spelled_as_it_is_written(command):
    for parameter in parameters(command):
        long = [option for option in parameter.opts if option.startswith("--")]
        written = long[0] if long else parameter.name.upper()
        for name in (parameter.name, parameter.name.replace("_", "-")):
            found = spelled(f"{name} must be 1 to 4, not 9", parameters(command), {})
            assert found == f"{written} must be 1 to 4, not 9"


@pytest.mark.parametrize(
    ("command", "said", "expected"),
    [
        ("train", "learning rate must be positive", "--lr must be positive"),
        ("train", "batch_size must be 1, not 2", "--batch must be 1, not 2"),
        ("train", "a frozen layer must be 0", "--freeze must be 0"),
        ("train", "layer 1: a sum is too wide", "layer 1: a sum is too wide"),
        ("train", "layer 1 (9, 9): in_features must", "--layer: layer 1 (9, 9): in_features must"),
        ("train", "torus 65x1: rows must be 1", "--torus 65x1: rows must be 1"),
        ("train", "epochs_done must be 1", "epochs_done must be 1"),
        ("compile", "act_bits must be 4 to 18", "--word-bits must be 4 to 18"),
        ("run", "layers must be five", "layers must be five"),
        ("verilog", "bake and config-from both name", "--bake and --config-from both name"),
        ("build", "seed and tries must be 1", "--seed and --tries must be 1"),
        ("bench", "name must be one of area, not 'aera'",
         "NAME must be one of area, not 'aera' (did you mean area?)"),
        ("run", "device must be golden, sim or serial, not 'x'; see",
         "--device must be golden, sim or serial, not 'x'; see"),
        ("run", "device must be golden, sim or serial, not 'si'; see",
         "--device must be golden, sim or serial, not 'si' (did you mean sim?); see"),
    ],
)  # fmt: skip
def test_refusals_name_the_option(command, said, expected):
    assert spelled(said, parameters(command), {}) == expected


def test_a_path_is_said_with_its_option(tmp_path):
    values = {"output": tmp_path / "a.pt", "data": "x.npy"}
    found = spelled(f"{tmp_path}/a.pt cannot be written", parameters("compile"), values)
    assert found == f"--output {tmp_path}/a.pt cannot be written"
    found = spelled("x.npy: its values must be real", parameters("compile"), values)
    assert found == "--data x.npy: its values must be real"


def test_what_build_refuses_compile_refuses_at_once(made, tmp_path, monkeypatch):
    def work(*_, **__):
        raise AssertionError("nothing may be computed")

    monkeypatch.setattr("golden.load_checkpoint", work)
    for board in BOARDS:
        built = clostorus("build", "--board", board, "--torus", "16x16", "-o", tmp_path / "b")
        assert built.exit_code == 2
        compiled = clostorus("compile", made / "model.pt", "--board", board, "--torus", "16x16",
                             "-o", tmp_path / "m.ctz")
        assert compiled.exit_code == 2 and "does not fit" in compiled.stderr
        assert compiled.stderr == built.stderr
    assert not list(tmp_path.iterdir())


# Tables and lists


@pytest.mark.parametrize("command", ["bench", "experiment", "analyse"])
def test_lists_hold_a_sentence_or_two_each(command):
    text = succeed(command, "--list").stdout
    assert "Raises" not in text and "---" not in text
    assert max(map(len, text.splitlines())) <= WIDTH


def test_every_table_says_how_long_it_takes():
    listed = json.loads(succeed("bench", "--list", "--json").stdout)["tables"]
    assert list(listed) == list(TABLES)
    assert all("minute" in text for text in listed.values())


def test_info_fits_a_hundred_columns(tmp_path, made):
    succeed("compile", made / "model.pt", "--torus", "4x4", "--export", tmp_path / "e", "-o",
            tmp_path / "m.ctz")
    for path in (made / "model.ctz", tmp_path / "m.ctz"):
        text = succeed("info", path).stdout
        assert max(map(len, text.splitlines())) <= WIDTH
        assert re.search(r"layer 1 V .* \d+-\d+ ", text)


def test_a_table_in_a_pipe_is_not_cut(monkeypatch):
    text = io.StringIO()
    monkeypatch.setattr(sys, "stdout", text)
    wide = [f"{'wide' * 10}{number}" for number in range(4)]
    Output(as_json=False, quiet=False).table("title", wide, [wide])
    lines = text.getvalue().splitlines()
    assert sum(all(word in line for word in wide) for line in lines) == 2
    assert "…" not in text.getvalue()


def test_the_largest_bound_is_said_with_its_share(made):
    prediction = load_artifact(made / "model.ctz").prediction
    part = prediction.bound_by
    needed = prediction.bounds[part]
    assert needed < prediction.cycles
    text = succeed("info", made / "model.ctz").stdout
    assert re.search(rf"largest bound +the {part}: {needed} of {prediction.cycles:g} cycles", text)
    assert "bound by" not in text


# What was written


def test_commands_say_what_they_wrote(made, tmp_path):
    model, compiled = tmp_path / "m.pt", tmp_path / "m.ctz"
    train = ("train", *LAYERS, "--epochs", 1, "-o", model)
    compile_ = ("compile", made / "model.pt", "--torus", "1x2", "--export", tmp_path / "e", "-o",
                compiled)
    run = ("run", made / "model.ctz", "--samples", 1, "--timeline", tmp_path / "t.json", "-o",
           tmp_path / "y.npy")
    verilog = ("verilog", "--torus", "1x1", "-o", tmp_path / "v.v")
    analyse = ("analyse", "clos:8,8,2,2,2", "--quick", "-o", tmp_path / "p.png")
    for command, expected in (
        (train, {model: "clostorus compile .*m.pt --torus 4x4 -o .*m.ctz"}),
        (compile_, {compiled: "clostorus run .*m.ctz", tmp_path / "e": "schedule.svg .*"}),
        (run, {tmp_path / "t.json": ".*ui.perfetto.dev.*", tmp_path / "y.npy": "numpy.load"}),
        (verilog, {tmp_path / "v.v": "any simulator .*"}),
        (analyse, {tmp_path / "p.png": "a viewer of pictures"}),
    ):
        text = succeed(*command).stdout
        for path, opener in expected.items():
            assert path.exists()
            assert re.search(rf"^{re.escape(str(path))} written: {opener}$", text, re.M), text
    assert succeed(*run, "--quiet").stdout == ""
    assert "written: " not in succeed(*run, "--json").stdout


def test_what_opens_a_model_opens_it(tmp_path):
    text = succeed("train", *LAYERS, "--epochs", 1, "-o", tmp_path / "it's.pt").stdout
    command = shlex.split(text.split("written: clostorus ")[1].splitlines()[0])
    compiled = succeed(*command).stdout
    succeed(*shlex.split(compiled.split("written: clostorus ")[1].splitlines()[0]))


def test_a_training_that_is_done_says_so(made, tmp_path):
    path = tmp_path / "m.pt"
    path.write_bytes((made / "model.pt").read_bytes())
    text = succeed("train", "--resume", "--epochs", 1, "-o", path).stdout
    assert f"nothing to do: all 1 epochs of {path} are done, and it stays as it is\n" in text
    assert "written" not in text
    assert path.read_bytes() == (made / "model.pt").read_bytes()
    assert "nothing to do" not in succeed("train", "--resume", "--epochs", 2, "-o", path).stdout


def test_layers_that_nothing_holds_are_refused_before_memory_is_taken(tmp_path, monkeypatch):
    def work(*_, **__):
        raise AssertionError("nothing may be made")

    monkeypatch.setattr("sw_driver.train.model_file.new_net", work)
    monkeypatch.setattr("sw_driver.train.prepared.new_net", work)
    for device in ("torch", "golden"):
        for middle in (100_000_000, 1 << 40):
            fail(2, "--layer must have at most 4294967296 parameters together, .* not ", "train",
                 "--device", device, "--layer", f"64,10,8,{middle},5", "-o", tmp_path / "m.pt")
        fail(2, "--layer must have at most 4294967296 parameters together, .* not ", "train",
             "--device", device, "--layer", f"64,{1 << 40}", "--layer", f"{1 << 40},10", "-o",
             tmp_path / "m.pt")
    monkeypatch.setattr("os.sysconf", lambda _: 100)  # 10,000 bytes, and 16 a parameter.
    fail(2, "at most 625 parameters together, what the memory of this machine", "train", "--layer",
         "64,10,8,8,5", "-o", tmp_path / "m.pt")


# Timelines


def test_a_timeline_says_its_unit_and_numbers_from_1(made):
    compiled = load_artifact(made / "model.ctz")
    program = compiled.executable.loop.program(compiled.config, 1)
    trace = json.loads(timeline_json(compiled, record(compiled.config, program), 1))
    assert trace["otherData"] == {"unit": "clock cycles; viewers show each as a microsecond"}
    events = trace["traceEvents"]
    for key in ("pid", "tid"):
        found = {event[key] for event in events}
        assert found == set(range(1, len(found) + 1))
    of_thread = {(event["tid"], event["pid"]) for event in events}
    assert len(of_thread) == len({thread for thread, _ in of_thread})


# Help


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_a_help_text(command):
    for parameter in parameters(command):
        assert getattr(parameter, "help", None), parameter.name


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_are_taken_as_written(command):
    examples = succeed(command, "--help").stdout.split("Examples:")[1].strip().splitlines()
    for example in examples:
        words = shlex.split(example)
        assert words[:2] == ["clostorus", command]
        GROUP.commands[command].make_context(command, words[2:])


def test_help_takes_less_than_half_a_second():
    code = (
        "import time\n"
        "from sw_driver.cli import app\n"
        "try:\n    app(['--help'])\n"
        "except SystemExit:\n    print(time.process_time())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert float(done.stdout.split()[-1]) < 0.5
