"""cocotb benches pass on a right design, fail on wrong ones, and say what happened."""

import pytest

from hw.ring.link import Link
from sim.errors import BenchFailed
from sim.testbenches.runner import run_bench
from tests.support.toys import BrokenLink

pytestmark = [pytest.mark.cocotb, pytest.mark.usefixtures("toolchain")]

BENCH = "tests.support.toy_bench"
PARAMETERS = {"per_mille": 400}


@pytest.mark.parametrize("seed", [1, 2])
def test_a_right_design_passes(tmp_path, waves, capfd, seed):
    run_bench(Link(16), BENCH, folder=tmp_path, seed=seed, parameters=PARAMETERS, waves=waves)
    log = capfd.readouterr().out
    assert f"Seeding Python random module with {seed}" in log
    assert "PASS=3 FAIL=0" in log
    print(log)


@pytest.mark.parametrize(("mistake", "complaint"), [
    ("valid_falls", "o: valid fell before the word was taken"),
    pytest.param("data_changes", "o: the data changed from 0x", marks=pytest.mark.slow),
])
def test_a_broken_rule_is_found(tmp_path, waves, capfd, mistake, complaint):
    with pytest.raises(BenchFailed, match="with seed 3: failed: .*random_stalls_lose_no_word"):
        run_bench(BrokenLink(16, mistake), BENCH, folder=tmp_path, seed=3, parameters=PARAMETERS,
                  waves=waves)
    assert complaint in capfd.readouterr().out


@pytest.mark.slow
def test_waveforms_are_written_on_request(tmp_path, capfd):
    run_bench(Link(16), BENCH, folder=tmp_path, seed=1, parameters=PARAMETERS, waves=True)
    assert f"waveforms: {tmp_path / 'dump.vcd'}" in capfd.readouterr().out
    assert "spare_full" in (tmp_path / "dump.vcd").read_text()


def test_a_bench_without_tests_fails(tmp_path):
    with pytest.raises(BenchFailed, match="no test was found|ended before"):
        run_bench(Link(16), "tests.support.toys", folder=tmp_path, seed=0)


def test_a_bench_with_no_such_module_fails(tmp_path):
    with pytest.raises(BenchFailed):
        run_bench(Link(16), "tests.no_such_bench", folder=tmp_path, seed=0)
