"""Exported files: the words of the images, ops in words, and never half of them."""

import json
import xml.etree.ElementTree

import numpy as np
import pytest

from golden import ClosShape
from golden.vectors.nets import random_net
from hw.op_fields import GATEWAY_QUEUES, PE_QUEUES
from hw.tops import top_verilog
from sw_driver import DriverError, compile, export_files
from sw_driver.files.export import PROGRAM_SAMPLES
from sw_driver.predict import schedule_picture as picture
from sw_driver.predict.op_table import op_table
from sw_driver.predict.steady_spans import steady_spans
from tests.support.verilog_text import memory_words

SHAPES = (ClosShape(13, 9, 4, 3, 2), ClosShape(9, 5, 3, 2, 4))


@pytest.fixture(scope="module")
def compiled():
    return compile(random_net(SHAPES, seed=3, act_bits=12, weight_bits=9), "2x3")


@pytest.fixture
def folder(compiled, tmp_path):
    export_files(compiled, tmp_path / "out")
    return tmp_path / "out"


def read_words(path, bits):
    lines = path.read_text().splitlines()
    assert {len(line) for line in lines} == {-(-bits // 4)}
    return [int(line, 16) for line in lines]


def test_all_files_are_there(compiled, folder):
    pes = [f"r{row}_c{col}" for row in range(2) for col in range(3)]
    wanted = {f"{name}_{pe}.mem" for name in ("weights", "biases") for pe in pes}
    wanted |= {"program_pe.mem", "program_gateway.mem", "schedule.json", "schedule.svg"}
    assert {path.name for path in folder.iterdir()} == wanted
    assert set(export_files(compiled, folder)) == wanted


def test_memory_words(compiled, folder):
    images = compiled.executable.images
    bias_bits = compiled.config.bias_bits
    for row in range(2):
        for col in range(3):
            weights = read_words(folder / f"weights_r{row}_c{col}.mem", 9)
            biases = read_words(folder / f"biases_r{row}_c{col}.mem", bias_bits)
            assert weights == [word % (1 << 9) for word in images.weights[row, col].tolist()]
            assert biases == [word % (1 << bias_bits) for word in images.biases[row, col].tolist()]


def test_memory_words_are_those_of_the_baked_verilog(compiled, folder):
    images = compiled.executable.images
    verilog = top_verilog("torus", compiled.config, weights=images.weights, biases=images.biases)
    for row in range(2):
        for col in range(3):
            mac = f"clostorus.torus.pe_{row}_{col}.mac"
            for name, module, memory in (
                ("weights", f"{mac}.weight_memory", "words"),
                ("biases", mac, "bias_memory"),
            ):
                found = memory_words(verilog, module, memory)
                text = (folder / f"{name}_r{row}_c{col}.mem").read_text().split()
                exported = [int(line, 16) for line in text]
                assert found[: len(exported)] == exported
                assert not any(found[len(exported) :])


def test_program_words(compiled, folder):
    program = compiled.executable.loop.program(compiled.config, PROGRAM_SAMPLES)
    assert read_words(folder / "program_pe.mem", 12) == program.pe_image
    assert read_words(folder / "program_gateway.mem", 12) == program.gateway_image


def test_schedule_in_words(compiled, folder):
    schedule = json.loads((folder / "schedule.json").read_text())
    assert schedule["hardware_id"] == f"{compiled.config.hardware_id:016x}"
    assert schedule["layers"] == ["(13, 9, 4, 3, 2)", "(9, 5, 3, 2, 4)"]
    assert sorted(schedule["order"]) == sorted(stage.name for stage in compiled.stages)
    names = [op["name"] for op in schedule["ops"]]
    assert names[0] == "layer 0 H1"
    assert names[-1] == "layer 1 out"
    first = schedule["ops"][0]
    # 13 inputs in 4 blocks on 2 rows: 2 blocks a row, of up to 4 words, all from the host.
    assert (first["axis"], first["source"], first["blocks"]) == ("row", "host", 2)
    assert (first["own_words"], first["received_words"]) == (0, 4)
    queues = schedule["programs"]["queues"]
    assert list(queues) == [*PE_QUEUES, *GATEWAY_QUEUES]
    assert {op["kind"] for op in queues["mac"]} == {"RUN", "LOOP"}
    assert {op["axis"] for op in queues["mac"] if op["kind"] == "RUN"} == {"ROW", "COL"}
    assert queues["host_out"][0]["kind"] == "COLLECT"


def test_op_table_adds_up(compiled):
    rows = op_table(compiled)
    assert sum(row.blocks for row in rows) == sum(stage.reps for stage in compiled.stages)
    products = sum(row.blocks * row.outputs * (row.own_words + row.received_words) for row in rows)
    assert products == compiled.prediction.bounds["MAC"]
    assert rows[0].ring_start_cycle == 0
    assert all(row.ring_start_cycle < row.ring_end_cycle for row in rows)
    assert [row.name for row in rows if row.mac_end_cycle is None] == ["layer 1 out"]
    ends = [row.ring_end_cycle for row in rows]
    assert ends == sorted(ends)


def test_spans_of_a_lane_do_not_overlap(compiled):
    spans = steady_spans(compiled, 3)
    assert {span.step.sample for span in spans} == {0, 1, 2}
    for lane in ("row", "col", "mac"):
        times = sorted((span.start, span.end) for span in spans if span.lane == lane)
        assert times
        assert all(end <= start for (_, end), (start, _) in zip(times, times[1:], strict=False))


def test_the_picture_is_whole_and_the_same_each_time(compiled, folder):
    text = (folder / "schedule.svg").read_bytes()
    root = xml.etree.ElementTree.fromstring(text)
    labels = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"host input", "row ring", "column ring", "MAC", "host output"} <= labels
    assert {"H1: input blocks", "V: middle blocks", "out: results to the host"} <= labels
    # Only bars that are long enough have a name.
    assert labels & {f"{stage.layer}.{stage.kind.value}" for stage in compiled.stages}
    assert picture.schedule_svg(compiled) == text


def test_same_bytes(compiled, folder, tmp_path):
    export_files(compiled, tmp_path / "again")
    for path in folder.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


def test_files_of_a_larger_torus_do_not_stay(compiled, folder):
    (folder / "notes.txt").write_text("mine")
    export_files(compile(compiled.net, "1x2"), folder)
    names = {path.name for path in folder.iterdir()}
    assert {name for name in names if name.startswith("weights")} == {
        "weights_r0_c0.mem", "weights_r0_c1.mem"
    }  # fmt: skip
    assert "notes.txt" in names


def test_a_failure_leaves_the_old_files(compiled, folder, monkeypatch):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def fail(compiled):
        raise DriverError("no picture")

    monkeypatch.setattr("sw_driver.files.export.schedule_svg", fail)
    with pytest.raises(DriverError, match="no picture"):
        export_files(compile(compiled.net, "3x2"), folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_folder_that_cannot_be_made(compiled, tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "out"):
        with pytest.raises(DriverError, match="cannot be written"):
            export_files(compiled, folder)


def test_labels_say_what_is_drawn(compiled):
    """Every kind of stage has a colour, so that no schedule fails to draw."""
    assert {stage.kind for stage in compiled.stages} <= picture._COLOURS.keys()
    assert np.isfinite(compiled.prediction.cycles)
