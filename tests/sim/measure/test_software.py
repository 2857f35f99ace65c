"""`clostorus bench software`: every part is measured, told of, kept, and has its verdicts."""

import re

from sim.measure import software
from sim.measure.results import Bench


def test_a_quick_table_has_a_row_of_every_part_and_is_kept(tmp_path):
    told = []
    bench = Bench(tmp_path, lambda *step: told.append(step), quick=True)
    table = software.measure(bench)
    rows = re.findall(r"^\| (?!---)(.*?) \|", table.text, re.M)
    assert [row.split(",")[0].split(" ")[0] for row in rows] == [
        "layer", "ClosLinear", "ClosLinear", "ClosConv2d", "ClosLSTM", "ClosLSTM", "stages",
        "hypercube:64", "shape", "(1024", "shape", "(1024"]
    assert len(table.values) == len(told) - 1 == 5
    assert [step[1:] for step in told] == [(done, 5) for done in range(6)]
    lines = table.text.splitlines()
    for compiled, what, count in ((False, "", 9), (True, " compiled layers'", 4)):
        text = "\n".join(line for line in lines if (", compiled |" in line) is compiled)
        met, missed = len(re.findall(r"\bmet [|/]", text)), text.count("**missed**")
        said = f"Of{what} {met + missed} aims, {met} are met and {missed} missed."
        assert said in table.text.replace("\n", " ")
        assert met + missed == count
    names = sorted(path.name.rsplit("-", 1)[0] for path in tmp_path.iterdir())
    assert names == ["software-cascades", "software-convolutions", "software-linear",
                     "software-recurrent", "software-rivals"]
    assert software.measure(bench) == table  # From the raw results.


def test_names_of_rows_are_of_one_pair_each():
    names = [pair.name for pairs in software.PARTS.values() for pair in pairs]
    assert len(set(names)) == len(names)


def test_a_gpu_has_no_aims_and_one_thread(tmp_path, monkeypatch):
    """Its rows are those of the processor; what is timed there is not tried here."""
    monkeypatch.setattr(software.torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(software.torch.cuda, "get_device_name", lambda device: "a GPU")
    figures = {name: (2.0, 4.0) for name in
               ("dense", "ours", "products", "recompute", "gather", "matrix")}
    monkeypatch.setattr(software, "pair_times", lambda *_, **__: figures)
    monkeypatch.setattr(
        software, "rival_times", lambda *_, **__: dict.fromkeys(software.NAMES, (1.0, 2.0)))
    table = software.measure(Bench(tmp_path, torch_device="cuda"))
    assert "in float32 on a GPU, on" in table.text
    assert not re.search(r"\bmet\b|missed", table.text)
    assert {value.get("threads", 1) for value in table.values} == {1}
    pairs = sum(len(pair.aims) for group in software.PARTS.values() for pair in group)
    assert len(table.values) == pairs + 6
