"""An exported testbench and cocotb test find that the Verilog is right, and where it is not."""

import dataclasses
import functools
import re
import subprocess
import sys

import numpy as np
import pytest

from golden import ClosShape
from golden.layers.dense import DenseShape
from golden.vectors.nets import random_net
from hw.config import TorusConfig, TrainingConfig
from hw.tops import top_verilog
from sim.model.emitted import emitted_torus
from sim.testbenches.script_bench_files import write_script_bench
from sw_driver import compile, export_files
from sw_driver.device.targets import TargetGradients
from sw_driver.script.inference import inference_script
from sw_driver.script.training import Lesson, training_script
from tests.support.icarus_bench import EDITIONS
from tests.support.training_nets import (
    random_format,
    random_gradients,
    random_inputs,
    random_state,
)
from tests.support.training_runs import widths
from tests.support.training_targets import with_targets

slow = pytest.mark.slow
SHAPES = [ClosShape(9, 7, 3, 2, 2), ClosShape(7, 5, 2, 3, 2)]
TRAINING = TorusConfig(
    rows=2, cols=1, act_bits=8, weight_bits=8, host_bits=32, buffer_words=64, max_fan_in=64,
    weight_words=128, bias_words=16, program_words=2048, rep_bits=8,
    training=TrainingConfig(master_bits=12, grad_bits=10, velocity_bits=16, result_words=16,
                            reduce_words=4))
ALONE = ["env", "-i", "PATH=/usr/bin:/bin"]  # No package of ours, and no Python of ours.


def played(folder, edition="2005", stalls=0):
    """Compile in a folder, and run; the exit status, and the line that says PASS or FAIL."""
    built = subprocess.run(
        [*ALONE, "iverilog", f"-g{edition}", "-Wall", "-P", f"tb.STALLS={stalls}", "-o", "tb.vvp",
         "tb.v", "torus.v"],
        cwd=folder, capture_output=True, text=True, check=False)
    assert (built.returncode, built.stdout + built.stderr) == (0, "")
    return again(folder)


def again(folder):
    done = subprocess.run([*ALONE, "vvp", "-n", "tb.vvp"], cwd=folder, capture_output=True,
                          text=True, check=False)
    [line] = re.findall(r"^(?:PASS|FAIL).*", done.stdout, re.M)
    return done.returncode, line


def exported(folder, compiled, script, *, baked=False):
    export_files(compiled, folder, script, baked=baked)
    images = compiled.executable.images if baked else None
    held = {"weights": images.weights, "biases": images.biases} if images else {}
    (folder / "torus.v").write_text(emitted_torus(compiled.config, **held))


def inference(folder, torus, *, shapes=SHAPES, baked=False, act_bits=8, samples=3, **options):
    net = random_net(shapes, seed=7, act_bits=act_bits, weight_bits=8)
    compiled = compile(net, torus, **options)
    x = np.random.default_rng(1).integers(-99, 99, (samples, shapes[0].in_features))
    exported(folder, compiled, inference_script(compiled, x, baked=baked), baked=baked)
    return compiled


def spoil(folder):
    """Make the last bit that is compared another one; the line that it is in, from 1."""
    lines, masks = ((folder / name).read_text().split()
                    for name in ("host_out.mem", "host_mask.mem"))
    last = max(at for at, mask in enumerate(masks) if int(mask, 16))
    lowest = int(masks[last], 16) & -int(masks[last], 16)
    lines[last] = f"{int(lines[last], 16) ^ lowest:0{len(lines[last])}x}"
    (folder / "host_out.mem").write_text("".join(f"{line}\n" for line in lines))
    return last + 1


@pytest.fixture(scope="module")
def made(tmp_path_factory, icarus):
    """A folder of a torus of one PE, whose testbench has passed."""
    folder = tmp_path_factory.mktemp("made") / "net"
    inference(folder, "1x1")
    status, line = played(folder)
    assert (status, line[:4]) == (0, "PASS")
    return folder


@slow
@pytest.mark.parametrize("torus, options", [
    ("2x3", {"host_bits": 32}),
    ("3x2", {"host_bits": 256, "act_bits": 12}),
    ("2x2", {"lanes_in": 2, "lanes_out": 2, "baked": True}),
    ("2x2", {"lanes_in": 2, "link_words": 2}),
    ("2x1", {"shapes": [DenseShape(9, 6), ClosShape(6, 5, 2, 3, 2)], "host_bits": 128}),
], ids=["narrow", "wide", "lanes, baked", "two words a link", "dense"])
def test_inference(torus, options, tmp_path, icarus):
    inference(tmp_path, torus, **options)
    for edition, stalls in zip(EDITIONS, (0, 300), strict=True):
        status, line = played(tmp_path, edition, stalls)
        assert (status, line[:4]) == (0, "PASS"), line


def training(batches=False, samples=4, *, stale=False):
    form = random_format(SHAPES, seed=3, **widths(TRAINING))
    compiled = compile(form, TRAINING, batches=batches, momentum=2 if batches else None,
                       stale=stale)
    x, g = (some(form, samples, seed=3).numpy() for some in (random_inputs, random_gradients))
    lessons = [Lesson(x[at:at + 2], lambda sample, y, at=at: g[at + sample])
               for at in range(0, samples, 2)]
    state = random_state(compiled.format, TRAINING.rows, TRAINING.cols, seed=3)
    return compiled, training_script(compiled, state, lessons)


@slow
@pytest.mark.parametrize("batches, stale", [(False, False), (True, False), (False, True)])
def test_training(batches, stale, tmp_path, icarus):
    exported(tmp_path, *training(batches, stale=stale))
    status, line = played(tmp_path, stalls=200 * batches)
    assert (status, line[:4]) == (0, "PASS"), line
    # A weight at the end that is another is found.
    wrong = spoil(tmp_path)
    status, line = again(tmp_path)
    assert status != 0 and line.startswith(f"FAIL: line {wrong} of host_out.mem is ")


@slow
def test_training_on_targets(tmp_path, icarus):
    config = with_targets(TRAINING)
    form = random_format(SHAPES, seed=4, **widths(config))
    form = dataclasses.replace(form, error_shift=1)
    compiled = compile(form, config)
    rate = 2.0**(form.output_fraction_bits - form.gradient_fraction_bits - 2)
    x = random_inputs(form, 3, seed=4).numpy()
    wanted = random_inputs(form, 3, seed=5)[:, :5] * 2.0**-form.output_fraction_bits
    targets = TargetGradients(form, wanted, rate)
    assert targets.shift == 2, "the program has another shift than the format"
    state = random_state(compiled.format, config.rows, config.cols, seed=4)
    exported(tmp_path, compiled, training_script(compiled, state, [Lesson(x, targets)]))
    status, line = played(tmp_path)
    assert (status, line[:4]) == (0, "PASS"), line


FAULTS = {
    "a wrong word": "FAIL: line {size} of host_out.mem is [0-9a-f]+, but [0-9a-f]+ comes;",
    "a beat too many": "FAIL: [0-9a-f]+ comes after the last",
    "a beat too few": "FAIL: no beat for 3000 cycles: .*, {size} of {given} came",
}


@slow
@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_found(fault, made, tmp_path):
    for path in made.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    bench, out = tmp_path / "tb.v", tmp_path / "host_out.mem"
    size = len(out.read_text().split())
    given = size
    if fault == "a wrong word":
        size = spoil(tmp_path)
    else:
        given = size + (1 if fault == "a beat too few" else -1)
        text = re.sub(r"GIVEN = \d+", f"GIVEN = {given}", bench.read_text())
        bench.write_text(re.sub(r"PATIENCE = \d+", "PATIENCE = 3000", text))
        script = tmp_path / "host_script.mem"
        script.write_text(re.sub(r"1 \w+ // the outputs", f"1 {given - 1:08x} // the outputs",
                                 script.read_text()))
        out.write_text("\n".join([*out.read_text().split(), "0"][:given]))
        (tmp_path / "host_mask.mem").write_text("0\n" * given)
    status, line = played(tmp_path)
    wanted = FAULTS[fault].format(size=size, given=given)
    assert status != 0 and re.match(wanted, line), line


@slow
def test_verilator_plays_it_too(made, tmp_path, toolchain):
    for path in made.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    toolchain.run(["verilator", "--binary", "-Wno-lint", "-Wno-INITIALDLY", "-CFLAGS", "-std=c++20",
                   "--output-split", "0", "--top-module", "tb", "-GSTALLS=100", "tb.v", "torus.v"],
                  tmp_path)
    done = subprocess.run(["obj_dir/Vtb"], cwd=tmp_path, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0 and "PASS: " in done.stdout, done.stdout
    spoil(tmp_path)
    done = subprocess.run(["obj_dir/Vtb"], cwd=tmp_path, capture_output=True, text=True,
                          check=False)
    assert done.returncode != 0 and "FAIL: line " in done.stdout, done.stdout


def run_cocotb(folder, simulator, environment):
    """Run the test where nothing of ours can be imported."""
    environment = {name: value for name, value in environment.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, folder / "runner.py", "--sim", simulator, folder.parent / "torus.v"],
        cwd=folder.parent, env=environment, capture_output=True, text=True, check=False)


def bench(folder, top):
    """Write the Verilog of a top into a folder, and the test of it into a folder there."""
    net = random_net(SHAPES, seed=7, act_bits=8, weight_bits=8)
    compiled = compile(net, "1x1")
    x = np.random.default_rng(1).integers(-99, 99, (2, 9))
    names = write_script_bench(folder / "bench", compiled, inference_script(compiled, x),
                               baked=False, top=top)
    assert set(names) == {path.name for path in (folder / "bench").iterdir()}
    for path in (folder / "bench").glob("*.py"):
        assert not re.search(r"^ *(?:from|import) (?:sim|hw|sw_driver|golden)\b",
                             path.read_text(), re.M)
    (folder / "torus.v").write_text(verilog_of(top, compiled.config))
    return folder / "bench"


@functools.cache
def verilog_of(top, config):
    return top_verilog(top, config)


@slow
@pytest.mark.cocotb
@pytest.mark.parametrize("simulator, top", [
    ("icarus", "torus"), ("icarus", "axi"), ("icarus", "wishbone"), ("verilator", "axi")])
def test_cocotb(simulator, top, tmp_path, toolchain, request):
    if simulator == "icarus":
        request.getfixturevalue("icarus")
    folder = bench(tmp_path, top)
    done = run_cocotb(folder, simulator, toolchain.environment)
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["2 of 2 tests passed"]), done
    if simulator == "verilator":
        return  # What is compared is the same, and another build takes long.
    spoil(folder)
    done = run_cocotb(folder, simulator, toolchain.environment)
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (1, ["0 of 2 tests passed"]), done
    assert re.search(r"line \d+ of host_out\.mem, of the outputs of samples 0 to 1: ",
                     done.stdout + done.stderr)


@slow
@pytest.mark.cocotb
@pytest.mark.parametrize("top", ["axi", "wishbone"])
def test_cocotb_of_a_training(top, tmp_path, toolchain, icarus):
    compiled, script = training(samples=2)
    write_script_bench(tmp_path / "bench", compiled, script, baked=False, top=top)
    (tmp_path / "torus.v").write_text(top_verilog(top, compiled.config))
    done = run_cocotb(tmp_path / "bench", "icarus", toolchain.environment)
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["2 of 2 tests passed"]), done


BUS_FAULTS = {
    "tlast": ("axi", "assign m_axis_tlast = ", "assign m_axis_tlast = ~", "comes with tlast "),
    "tkeep": ("axi", r"assign m_axis_tkeep = \S+;", "assign m_axis_tkeep = 1;", "bytes lack"),
    "rresp": ("axi", r"assign s_axil_rresp = ", "assign s_axil_rresp = 2 | ",
              "a read of VERSION ends with response 2"),
    "another torus": ("axi", r"assign s_axil_rdata = ", "assign s_axil_rdata = 1 | ",
                      "the torus has the hardware id [0-9a-f]{16}, the beats are for "),
    "irq": ("wishbone", r"\.irq\(irq\),([\s\S]*?)assign wb_err = ",
            r".irq(),\1assign irq = 1; assign wb_err = ",
            "irq says that a beat waits after the last"),
    "ack": ("wishbone", "assign wb_ack = ", "assign wb_ack = wb_err | ",
            "ends with ack 1 and err 1"),
    "err": ("wishbone", "assign wb_err = ", "assign wb_err = 0 & ", "ends with ack 0 and err 0"),
}


@slow
@pytest.mark.cocotb
@pytest.mark.parametrize("fault", BUS_FAULTS)
def test_faults_of_a_bus_are_found(fault, tmp_path, toolchain, icarus):
    top, right, wrong, message = BUS_FAULTS[fault]
    folder = bench(tmp_path, top)
    text, count = re.subn(right, wrong, (tmp_path / "torus.v").read_text(), count=1)
    assert count == 1
    (tmp_path / "torus.v").write_text(text)
    done = run_cocotb(folder, "icarus", toolchain.environment)
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (1, ["0 of 2 tests passed"]), done
    assert re.search(message, done.stdout + done.stderr), done
