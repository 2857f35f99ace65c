"""The theorem of docs/deadlock.md on small programs, and that weaker checks break it."""

from random import Random

import pytest

from sim.deadlock import __main__ as command
from sim.deadlock import search as searching
from sim.deadlock.machine import machine
from sim.deadlock.nodes import PeSteps
from sim.deadlock.search import Found, kind_of, same_end, search, sound
from sim.deadlock.small import ORDERS, TORI, small_programs
from sim.deadlock.steps import Actor, Fifo, Steps
from sw_driver.check.waits import program_waits
from sw_driver.errors import DriverError, ProgramError
from tests.support.deadlock.breaks import broken
from tests.support.deadlock.cases import sound as sound_program
from tests.support.deadlock.untimed import ENDED, STUCK, run_untimed

SIZE = 3
# Kinds of waits without which the check accepts one of these programs that locks up.
NEEDED = {
    ("MAC: read", "MAC: start"), ("MAC: read", "ring: open"), ("MAC: start", "MAC: read"),
    ("MAC: start", "MAC: sums taken"), ("MAC: sums taken", "host in: moved"),
    ("MAC: sums taken", "host out: moved"), ("MAC: sums taken", "ring: words move"),
    ("host in: moved", "MAC: sums taken"), ("host in: moved", "ring: words move"),
    ("host out: moved", "host in: moved"), ("result: landed", "ring: own words here"),
    ("ring: done", "MAC: read"), ("ring: done", "MAC: start"), ("ring: done", "MAC: sums taken"),
    ("ring: done", "host out: moved"),
    ("ring: gradients here", "MAC: start"), ("ring: open", "ring: own words here"),
    ("ring: words move", "MAC: read"), ("ring: words move", "ring: done"),
    ("ring: words move", "ring: gradients here"), ("gradient: landed", "MAC: start"),
    ("MAC: start", "gradient: landed"),
}


@pytest.fixture(scope="module")
def found():
    """What came of all programs of up to three repetitions, by the names of the tori."""
    came = {}
    for name, torus in TORI.items():
        came[name] = Found()
        for size in range(1, SIZE + 1):
            search(torus, small_programs(torus, size), came[name])
    return came


def test_no_accepted_program_locks_up(found):
    for one in found.values():
        assert one.locked == []
        assert one.programs == one.counts + one.cycles + one.accepted
        assert one.accepted >= 100 and one.cycles - one.strict >= 50


def test_the_check_is_hardly_too_strict(found):
    """Waits that are refused for a cycle lock up; some hold only of longer words or FIFOs."""
    assert found["2x2 infers"].strict == 0
    assert all(one.strict <= one.cycles // 50 for one in found.values())


def test_a_check_without_a_kind_of_wait_is_wrong(found):
    shown = {kind for one in found.values() for kind, text in one.kinds.items() if text}
    assert NEEDED <= shown, NEEDED - shown


@pytest.mark.parametrize("kind", sorted(NEEDED)[::3], ids=str)
def test_a_weaker_check_is_caught(kind, monkeypatch):
    """The search itself finds a check that forgets a kind: programs it accepts lock up."""
    def weaker(*program):
        waits = program_waits(*program)
        for pairs in (waits.sure, waits.further):
            pairs[:] = [pair for pair in pairs if kind_of(*pair) != kind]
        return waits

    monkeypatch.setattr(searching, "program_waits", weaker)
    locked = []
    for torus in list(TORI.values())[1:]:
        locked += search(torus, small_programs(torus, 2)).locked
        locked = locked or search(torus, small_programs(torus, 3)).locked
    assert locked


@pytest.mark.parametrize("name", ORDERS)
def test_every_order_of_turns_has_one_end(name):
    ends = {same_end(ORDERS[name], program) for size in (1, 2)
            for program in small_programs(ORDERS[name], size)}
    assert ends == {True}


def test_orders_of_turns_are_walked():
    """Two actors of two steps: one end if neither waits, and one where both wait in a circle."""
    steps = Steps()
    one, other = Actor(steps, "one"), Actor(steps, "other")
    word, answer = Fifo(1), Fifo(1)
    word.put.append(one.do("asks"))
    word.taken.append(other.do("hears", *word.may_take()))
    answer.put.append(other.do("answers"))
    answer.taken.append(one.do("hears", *answer.may_take()))
    assert list(steps.ends()) == [frozenset(range(4))] and steps.left() == []
    steps.add("never", [(one.done, 5)])
    assert steps.left() == ["never"] and list(steps.ends()) == [frozenset(range(4))]


def test_a_full_link_waits():
    steps = Steps()
    sender, receiver = Actor(steps, "sender"), Actor(steps, "receiver")
    link, way_back = Fifo(2), Fifo(9)
    for _ in range(3):
        link.put.append(sender.do("sends", *link.may_put()))
    way_back.put.append(sender.do("tells"))
    receiver.do("hears", *way_back.may_take())
    for _ in range(3):
        link.taken.append(receiver.do("receives", *link.may_take()))
    assert steps.left()[0] == "sender sends"
    assert len(steps.left()) == 6


def test_the_machine_is_that_of_the_interpreter():
    """Both say the same of broken programs; turns at random make no difference."""
    came = []
    for number in range(0, 60, 5):
        one = sound_program(number)
        for draw in range(6):
            made = broken(one, Random(f"machine/{number}/{draw}"))
            became = {run_untimed(one.config, made.queues, made.host, seed) for seed in range(2)}
            if became <= {ENDED, STUCK}:
                left = machine(one.config, made.queues[:3], made.queues[3:], made.host).left()
                came.append((became, {STUCK if left else ENDED}))
    assert len(came) >= 60
    assert all(became == said for became, said in came)
    assert {ENDED} in [said for _, said in came] and {STUCK} in [said for _, said in came]


@pytest.mark.parametrize("forgets", ["_send", "_back"])
def test_a_machine_that_forgets_steps_is_another_one(forgets, monkeypatch):
    """What nodes wait for each other matters: without it a sound program does not end."""
    one = sound_program(11)
    assert machine(one.config, one.queues[:3], one.queues[3:], one.host).left() == []
    monkeypatch.setattr(PeSteps, forgets, lambda self, *given: [])
    assert machine(one.config, one.queues[:3], one.queues[3:], one.host).left()


def test_cycles_are_cycles():
    one, other = ("row", 0, "open"), ("mac", 0, "start")
    assert sound([(one, other)]) and not sound([(one, other), (other, one)])
    assert sound([(one, other), (other, one)], ("MAC: start", "ring: open"))


def test_the_command(capsys):
    assert command.main(["--size", "2"]) == 0
    said = capsys.readouterr().out
    assert "2x2 trains, up to 2 repetitions: 408 programs" in said and "0 of them lock up" in said
    assert "a check without one kind of wait is wrong for" in said
    for size in ("0", "7", "x"):
        with pytest.raises(DriverError, match="--size must be a whole number from 1 to 6, not"):
            command.main(["--size", size])


def test_the_command_fails_if_the_check_is_wrong(monkeypatch, capsys):
    def refusing_nothing(*program):
        waits = program_waits(*program)
        waits.further.clear()
        return waits

    monkeypatch.setattr(searching, "program_waits", refusing_nothing)
    assert command.main(["--size", "2"]) == 1
    assert "FAIL: accepted, and locks up: " in capsys.readouterr().out


def test_counts_that_disagree_are_refused():
    torus = TORI["2x2 infers"]
    refused = 0
    for program in small_programs(torus, 2):
        try:
            program_waits(torus.config, program.pe, program.gateway, program.host)
        except ProgramError:
            refused += 1
    assert refused == search(torus, small_programs(torus, 2)).counts > 0
