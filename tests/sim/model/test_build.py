"""Models are built once for each source, and a failure says why."""

import contextlib
import shutil
import subprocess
import sys

import pytest

import sim.model.build
from hw.emit import emit_verilog
from sim.errors import BuildFailed, ToolMissing
from sim.model.build import Kind, build_model
from sim.toolchain import cache_dir, find_toolchain
from tests.support.stopped import ended_with_the_test
from tests.support.toys import TOP, HostToy

pytestmark = pytest.mark.usefixtures("toolchain")


@pytest.fixture(scope="module")
def verilog():
    return emit_verilog(HostToy(32), TOP)


@pytest.fixture
def cache(monkeypatch, tmp_path, toolchain):
    """An empty cache, but for Verilator's runtime, which takes long to build."""
    runtime = sim.model.build._runtime(toolchain)
    monkeypatch.setenv("CLOSTORUS_CACHE", str(tmp_path))
    for path in runtime.parent.glob(f"{runtime.name}*"):
        shutil.copy(path, tmp_path)
    return tmp_path


def models(cache):
    return sorted(path.name for path in cache.glob("toy-*") if not path.suffix)


def test_a_model_is_built_once(cache, verilog):
    first = build_model(verilog, TOP, Kind.NATIVE)
    stamp = first.stat().st_mtime_ns
    assert build_model(verilog, TOP, Kind.NATIVE) == first
    assert first.stat().st_mtime_ns == stamp
    assert models(cache) == [first.name]


def test_a_model_is_built_again_when_asked(cache, verilog):
    first = build_model(verilog, TOP, Kind.NATIVE)
    stamp = first.stat().st_mtime_ns
    assert build_model(verilog, TOP, Kind.NATIVE, again=True) == first
    assert first.stat().st_mtime_ns != stamp


@pytest.mark.slow
def test_what_goes_in_decides_what_is_built(cache, verilog, monkeypatch):
    first = build_model(verilog, TOP, Kind.NATIVE)
    assert build_model(verilog + "\n", TOP, Kind.NATIVE) != first
    built = {first}
    harness, headers = sim.model.build._HARNESS, sim.model.build._HEADERS
    for path in (harness, *headers):
        (cache / path.name).write_text(path.read_text())
    monkeypatch.setattr(sim.model.build, "_HARNESS", cache / harness.name)
    monkeypatch.setattr(sim.model.build, "_HEADERS", tuple(cache / one.name for one in headers))
    for name in ("harness.cpp", "harness_stalls.h", "harness_trace.h"):
        with (cache / name).open("a") as file:
            file.write("// Altered.\n")
        built.add(build_model(verilog, TOP, Kind.NATIVE))
    assert len(built) == 4 and len(models(cache)) == 5


def test_two_processes_build_one_model(cache, verilog, tmp_path):
    """Programs of their own: a fork of this one would copy locks that its threads hold."""
    (tmp_path / "toy.v").write_text(verilog)
    build = ("import sys; from pathlib import Path; from sim.model.build import Kind, build_model; "
             "print(build_model(Path(sys.argv[1]).read_text(), sys.argv[2], Kind.NATIVE))")
    with contextlib.ExitStack() as stack:
        builders = [
            stack.enter_context(ended_with_the_test(subprocess.Popen(
                [sys.executable, "-c", build, tmp_path / "toy.v", TOP], text=True,
                stdout=subprocess.PIPE))) for _ in range(2)]
        built = {builder.communicate(timeout=300)[0].strip() for builder in builders}
    assert [str(cache / name) for name in models(cache)] == [*built]


def test_a_failed_build_leaves_nothing(cache, verilog):
    with pytest.raises(BuildFailed, match="yosys failed .*\n(.*\n)*.*syntax error"):
        build_model(verilog.replace("endmodule", "endmodul"), TOP, Kind.NATIVE)
    assert models(cache) == []
    assert list(cache.glob("building-*")) == []


def test_an_unlisted_warning_stops_the_build(cache):
    with pytest.raises(BuildFailed, match="UNDRIVEN"):
        build_model("module toy(input a, output y, z); assign z = ~a; endmodule\n", TOP,
                    Kind.NATIVE)


@pytest.mark.parametrize("tool", ["g++", "perl"])
def test_a_missing_tool_is_named_in_one_line(monkeypatch, tmp_path, tool):
    for other in {"g++", "perl"} - {tool}:
        (tmp_path / other).symlink_to(shutil.which(other))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing) as caught:
        find_toolchain()
    message = str(caught.value)
    assert message.startswith(f"{tool} is not on PATH: install {tool} (")
    assert "\n" not in message


def test_the_cache_lies_in_the_project_unless_chosen(monkeypatch, tmp_path):
    monkeypatch.delenv("CLOSTORUS_CACHE", raising=False)
    assert cache_dir().parts[-2:] == ("build", "verilator")
    monkeypatch.setenv("CLOSTORUS_CACHE", str(tmp_path))
    assert cache_dir() == tmp_path
