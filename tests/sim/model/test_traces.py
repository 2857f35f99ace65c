"""Waveforms: what is in them, in both formats, and what becomes of them on a full disk."""

import contextlib
import errno
import os

import numpy as np
import pytest

import sim.model.fst_libraries
from golden import ClosShape
from golden.system.status import BAD_INPUT, TOOL_MISSING, exit_status
from golden.vectors.nets import random_net, random_words
from hw.config import TorusConfig
from hw.emit import emit_verilog
from sim.device.device import SimDevice
from sim.device.verify import verify
from sim.errors import ToolMissing
from sim.model.build import Kind, Waveforms, build_model
from sim.model.fst_libraries import check_fst_libraries
from sim.model.native import NativeModel
from sim.model.trace_file import check_trace
from sim.toolchain import find_toolchain
from sw_driver import GoldenDevice, compile
from sw_driver.errors import StorageError
from tests.support.disks import small_disk
from tests.support.toys import TOP, HostToy

pytestmark = pytest.mark.usefixtures("toolchain")


@pytest.fixture(scope="module")
def verilog():
    return emit_verilog(HostToy(32), TOP)


@pytest.fixture(scope="module")
def fst(tmp_path_factory):
    """The ending of an FST file, where this machine can write one."""
    try:
        check_fst_libraries(find_toolchain(), tmp_path_factory.mktemp("probe"))
    except ToolMissing as error:
        pytest.skip(str(error))
    return "waves.fst"


def beats(count, seed=0):
    return np.random.default_rng(seed).integers(0, 1 << 32, (count, 1), dtype=np.uint32)


def play(model, count, seed=0):
    done = model.run(beats(count, seed), count, max_cycles=10 * count + 100)
    np.testing.assert_array_equal(done.beats, ~beats(count, seed))


def changes(path):
    """The values of a VCD file, without its head."""
    return path.read_text().partition("$enddefinitions")[2].splitlines()


def times(path):
    return [int(line[1:]) for line in changes(path) if line.startswith("#")]


@pytest.mark.parametrize("name, waveforms", [
    ("a.vcd", Waveforms.VCD), ("a", Waveforms.VCD), ("a.fst", Waveforms.FST),
    ("A.FST", Waveforms.FST), ("a.fst.vcd", Waveforms.VCD), ("fst", Waveforms.VCD)])
def test_the_name_of_the_file_says_the_format(tmp_path, name, waveforms):
    assert Waveforms.of(tmp_path / name) is waveforms


def test_every_cycle_is_there_once(verilog, tmp_path, capfd):
    path = tmp_path / "waves.vcd"
    with NativeModel(verilog, TOP, trace=path) as model:
        model.reset()
        play(model, 20)
        cycles = model.cycles
    assert times(path) == [*range(2 * cycles)]
    assert capfd.readouterr() == ("", "")


def test_what_is_untraced_leaves_nothing(verilog, tmp_path):
    whole, part = tmp_path / "whole.vcd", tmp_path / "part.vcd"
    with NativeModel(verilog, TOP, trace=whole) as model:
        play(model, 20)
    with NativeModel(verilog, TOP, trace=part) as model:
        play(model, 20)
        with model.untraced():
            play(model, 5000, seed=1)
        untraced = model.cycles
    assert changes(part) == changes(whole)
    # It goes on where it is then, with the values of then.
    with NativeModel(verilog, TOP, trace=part) as model:
        play(model, 20)
        with pytest.raises(ZeroDivisionError), model.untraced():
            play(model, 5000, seed=1)
            raise ZeroDivisionError
        play(model, 20, seed=2)
        end = model.cycles
    assert times(part) == [*times(whole), *range(2 * untraced, 2 * end)]
    last = int(~beats(20, seed=2)[-1, 0])
    assert any(line.startswith(f"b{last:032b} ") for line in changes(part))


def test_a_device_traces_what_it_is_asked_to_compute(tmp_path, monkeypatch):
    """The load of the net and the samples, not what is measured beside them."""
    runs, untraced = [], []
    run, traceless = NativeModel.run, NativeModel.untraced

    @contextlib.contextmanager
    def noted(model):
        with traceless(model):
            untraced.append(model)
            yield
            untraced.pop()

    def noting(model, beats, *arguments, **options):
        runs.append((len(beats), bool(untraced)))
        return run(model, beats, *arguments, **options)

    monkeypatch.setattr(NativeModel, "untraced", noted)
    monkeypatch.setattr(NativeModel, "run", noting)
    net = random_net((ClosShape(20, 12, 5, 3, 4), ClosShape(12, 7, 3, 4, 2)), seed=0)
    compiled = compile(net, TorusConfig(rows=2, cols=2))
    x = random_words(net, 3, seed=1).numpy()
    with SimDevice() as device, GoldenDevice() as golden:
        for one in (device, golden):
            one.load(compiled)
        verdict = verify(device, x, golden.infer_words(x))
    assert verdict.comparison.first is None
    # The hardware id, the weights, the samples; then three runs that measure the steady state.
    assert [hidden for _, hidden in runs] == [False] * 3 + [True] * 3


@pytest.mark.slow
def test_the_trace_of_a_device_ends_with_its_samples(tmp_path):
    net = random_net((ClosShape(20, 12, 5, 3, 4),), seed=0)
    compiled = compile(net, TorusConfig(rows=1, cols=1))
    x, found = random_words(net, 2, seed=1).numpy(), []
    for measured in (False, True):
        path = tmp_path / f"{measured}.vcd"
        with SimDevice(trace=path) as device:
            device.load(compiled)
            device.infer_words(x)
            if measured:
                device.steady_cycles()
        found.append(changes(path))
    assert found[0] == found[1]


# FST.


def test_what_fst_needs_is_named_in_one_line(verilog, tmp_path, monkeypatch):
    monkeypatch.setenv("CLOSTORUS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sim.model.fst_libraries, "_PROBE", "#include <no-such-lz4.h>\n")
    with pytest.raises(ToolMissing) as error:
        NativeModel(verilog, TOP, trace=tmp_path / "waves.fst")
    message = str(error.value)
    assert "apt-get install liblz4-dev zlib1g-dev" in message and "\n" not in message
    assert message.endswith("a name that ends in .vcd, which needs nothing")
    assert exit_status(error.value) == TOOL_MISSING
    assert not (tmp_path / "waves.fst").exists()


def test_an_fst_file_is_whole_and_small(verilog, tmp_path, fst):
    sizes = []
    for name in ("waves.vcd", fst):
        path = tmp_path / name
        with NativeModel(verilog, TOP, trace=path) as model:
            play(model, 2000)
        sizes.append(path.stat().st_size)
    assert sizes[1] < sizes[0] / 4
    check_trace(path, 0)
    data = path.read_bytes()
    for spoiled in (b"", data[:-1], data[:400], data + b"\0", bytes(len(data))):
        path.write_bytes(spoiled)
        with pytest.raises(StorageError, match="a part of it is missing"):
            check_trace(path, 0)


def test_models_of_all_kinds_live_together(verilog, tmp_path, fst):
    """Each has a runtime of its own."""
    models = [NativeModel(verilog, TOP, trace=trace) for trace in (
        None, tmp_path / "a.vcd", tmp_path / fst, tmp_path / "b.vcd")]
    for model in models:
        play(model, 10)
    for index in (1, 0, 3, 2):
        models[index].close()
    assert changes(tmp_path / "a.vcd") == changes(tmp_path / "b.vcd")


# Disks.


def refused(error, path):
    message = str(error.value)
    assert message.startswith(f"trace {path} cannot be written: ") and "\n" not in message
    assert exit_status(error.value) == BAD_INPUT


def test_a_trace_that_cannot_be_begun(verilog, tmp_path):
    (tmp_path / "file").write_text("mine")
    for path, reason in ((tmp_path, "Is a directory"),
                         (tmp_path / "none" / "waves.vcd", "No such file or directory"),
                         (tmp_path / "file" / "waves.vcd", "Not a directory")):
        with pytest.raises(StorageError, match=reason) as error:
            NativeModel(verilog, TOP, trace=path)
        refused(error, path)


@pytest.mark.parametrize("where", ["while it runs", "when it is closed"])
def test_a_full_disk_ends_the_run_and_not_python(verilog, tmp_path, where):
    with small_disk(tmp_path / "disk", "200k") as disk:
        path = disk / "waves.vcd"
        model = NativeModel(verilog, TOP, trace=path)
        if where == "when it is closed":  # What is left in a buffer.
            (disk / "other").write_bytes(bytes(195 * 1024))
            play(model, 100)
        else:
            with pytest.raises(StorageError, match="No space left on device") as error:
                for seed in range(100):
                    play(model, 1000, seed)
            refused(error, path)
        with pytest.raises(StorageError, match="No space left on device") as error:
            model.close()
        refused(error, path)
        model.close()
    with NativeModel(verilog, TOP) as other:
        play(other, 10)


def test_a_full_disk_under_an_fst_file(verilog, tmp_path, fst):
    with small_disk(tmp_path / "disk", "40k") as disk:
        model = NativeModel(verilog, TOP, trace=disk / fst)
        for seed in range(10):
            play(model, 1000, seed)
        with pytest.raises(StorageError, match="No space left on device") as error:
            model.close()
        refused(error, disk / fst)
    with NativeModel(verilog, TOP, trace=tmp_path / fst) as other:
        play(other, 10)


def test_a_file_that_may_not_grow(verilog, tmp_path):
    """As a disk quota: nothing else tells that it is full."""
    resource = pytest.importorskip("resource")
    path = tmp_path / "waves.vcd"
    build_model(verilog, TOP, Kind.NATIVE, waveforms=Waveforms.VCD)
    model = NativeModel(verilog, TOP, trace=path)
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, former[1]))
    try:
        for call in (lambda: play(model, 1000), model.close):
            with pytest.raises(StorageError, match=os.strerror(errno.EFBIG)) as error:
                call()
            refused(error, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
    assert path.stat().st_size == 10_000
