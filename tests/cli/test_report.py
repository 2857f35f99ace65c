"""`clostorus report`: a page of a net or of a build, and what is refused before it is made."""

import json

import pytest

from fpga.board_build import build
from fpga.board_design import board_config
from fpga.boards import BOARDS
from sw_driver.files.archive import read_archive, write_archive
from tests.support.board_builds import build_flow
from tests.support.command_line import fail, succeed
from tests.support.reports import Read

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """A build without tools, with no net."""
    build_flow(monkeypatch)
    board = BOARDS["icebreaker"]
    build(board, board_config(board, 1, 1), tmp_path / "build")
    return tmp_path / "build"


@pytest.fixture(scope="module")
def page(made, tmp_path_factory):
    """The page of a net, with its float model; and what was printed."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    values = json.loads(succeed("report", made / "model.ctz", "--model", made / "model.pt",
                                "-o", path, "--json").stdout)
    return values, path


def test_the_page_of_a_net(page):
    values, path = page
    text = path.read_text()
    found = Read(text)
    assert values["bytes"] == len(text.encode()) < 2_000_000
    assert values["sections"] == [one["id"] for one in found.of("section")] == [
        "net", "placement", "heat", "timeline", "cycles", "precision", "energy", "torus", "board"]
    assert f"reached: {values['cycles_per_sample']:g} cycles" in found.text
    assert f"{100 * values['fixed_point_accuracy']:.1f} % of the samples" in found.text
    assert "mean error" in found.text and "Not built: area and paths" in found.text
    assert values["fmax_mhz"] is None


def test_the_same_input_makes_the_same_page(page, artifact, model, tmp_path):
    _, path = page
    out = succeed("report", artifact, "--model", model, "-o", tmp_path / "again.html").stdout
    assert out == f"{tmp_path / 'again.html'} written: any browser\n"
    assert (tmp_path / "again.html").read_bytes() == path.read_bytes()


def test_samples_and_names_of_a_strangers_file(artifact, tmp_path):
    """Names of classes are text, and samples that are not here are no reason to give up."""
    manifest, arrays = read_archive(artifact)
    manifest["preparation"] = {**dict.fromkeys(("features", "label", "mean", "scale", "split")),
                               "classes": [EVIL, *map(str, range(1, 10))]}
    path = tmp_path / "model.ctz"
    write_archive(path, manifest, arrays)
    succeed("report", path, "--samples", 20, "-o", tmp_path / "page.html")
    found = Read((tmp_path / "page.html").read_text())
    assert EVIL in found.text and "20 of digits test split" in found.text
    assert len(found.of("script")) == 2  # The page's own, and its data.
    for data, said in ((EVIL, f"it was made from {EVIL}"), (None, "it does not say from which")):
        write_archive(path, {**manifest, "data": data}, arrays)
        succeed("report", path, "-o", tmp_path / "page.html")
        text = Read((tmp_path / "page.html").read_text()).text
        assert "Not measured: the file names no samples" in text and said in text
        fail(2, "--data must name the samples to run", "report", path, "--samples", 5,
             "-o", tmp_path / "no.html")
    assert not (tmp_path / "no.html").exists()


def test_the_page_of_a_build(folder, artifact, tmp_path):
    values = json.loads(succeed("report", folder, "-o", folder / "report.html", "--json").stdout)
    assert values["sections"] == ["board", "area", "paths", "net"]
    assert values["fmax_mhz"] == 50.0 and values["cycles_per_sample"] is None
    found = Read((folder / "report.html").read_text())
    assert "--net model.ctz" in found.text
    succeed("report", folder, "-o", folder / "report.html")  # Its own page is no input.
    fail(2, "--net must be compiled for the torus of the build, whose hardware id is .* is for",
         "report", folder, "--net", artifact, "-o", tmp_path / "no.html")
    fail(2, "--output must not be a file that SOURCE reads", "report", folder,
         "-o", folder / "design.v")
    fail(2, "--samples needs a net: .* holds none, so name it with --net", "report", folder,
         "--samples", 3, "-o", tmp_path / "no.html")
    assert not (tmp_path / "no.html").exists()


def test_a_build_and_its_net_are_one_page(folder, artifact, tmp_path):
    manifest, _ = read_archive(artifact)
    report = json.loads((folder / "report.json").read_text())
    report |= {"torus": manifest["config"], "hardware_id": manifest["hardware_id"]}
    (folder / "report.json").write_text(json.dumps(report))
    (folder / "model.ctz").write_bytes(artifact.read_bytes())
    values = json.loads(succeed("report", folder, "--samples", 5, "-o", tmp_path / "page.html",
                                "--json").stdout)
    assert values["sections"][:4] == ["board", "area", "paths", "net"]
    assert values["sections"][-1] == "torus" and len(values["sections"]) == 11
    assert "samples a second of the torus, at this clock" in (tmp_path / "page.html").read_text()


def test_what_is_refused(artifact, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    for message, arguments in (
        ("SOURCE must be a compiled model or the folder of a build, but there is no none",
         ["none"]),
        ("SOURCE must be a compiled model or the folder of a build, but empty has no report.json",
         ["empty"]),
        ("it is not an artifact", [model]),
        ("--net needs the folder of a build as SOURCE", [artifact, "--net", artifact]),
        ("--output must not be a file that SOURCE reads", [artifact, "-o", artifact]),
        ("--output must not be a file that --model reads",
         [artifact, "--model", model, "-o", model]),
        ("there is no folder", [artifact, "-o", tmp_path / "none" / "page.html"]),
        ("--label needs --data", [artifact, "--label", "x"]),
        ("--samples must be at most 360", [artifact, "--samples", 1000]),
    ):
        fail(2, message, "report", *arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]
