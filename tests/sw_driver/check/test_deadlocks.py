"""Programs that lock up for a reason that the check of waits once did not see."""

import re
from random import Random

import pytest

from hw.op_fields import GatherKind, MacKind, RingKind
from sw_driver.check.waits import check_program
from sw_driver.errors import ProgramError
from sw_driver.program.program import Program
from tests.support.deadlock.breaks import BREAKS, Broken, broken
from tests.support.deadlock.cases import sound
from tests.support.deadlock.untimed import ENDED, STUCK, run_untimed
from tests.support.deadlock.verdicts import ACCEPTED, UNPACKED, WAITS, verdict

ROW, COL, MAC, RING, HOST_IN, HOST_OUT = range(6)
# Trains on 2x2 and gives gradients of its inputs, on 1x1, and infers on 2x2.
TRAINS, ALONE, INFERS = 11, 19, 0


def refusal(one, queues, host):
    """What the check says of a program that fits its memories."""
    Program.build(one.config, tuple(queues))
    with pytest.raises(ProgramError) as caught:
        # As packed, with ops that load the program before those of the gateways.
        program = Program.build(one.config, tuple(queues))
        check_program(one.config, queues[:3], program.gateway, host)
    return str(caught.value)


def becomes(one, queues, host):
    return {run_untimed(one.config, queues, host, seed) for seed in range(2)}


def indices(queue, kind):
    return [index for index, op in enumerate(queue) if op["kind"] == kind.value]


@pytest.mark.parametrize("number", [TRAINS, ALONE, INFERS])
def test_sound_programs_end(number):
    one = sound(number)
    assert verdict(one, Broken((), *one.copy()))[0] == ACCEPTED
    assert becomes(one, *one.copy()) == {ENDED}


@pytest.mark.parametrize("number", [TRAINS, ALONE])
def test_gateways_that_wait_for_sums_hold_up_the_words_before_them(number):
    """The MAC waits for words behind the sums in the gateways, and gives the sums after them."""
    one = sound(number)
    queues, host = one.copy()
    sums = indices(queues[RING], RingKind.GRADIENT)[0]
    outputs = [index for index in indices(queues[RING], RingKind.SINK) if index < sums]
    assert queues[RING][outputs[-1] + 1]["kind"] == RingKind.SEND.value
    queues[RING].insert(outputs[-1] + 1, queues[RING].pop(sums))
    assert refusal(one, queues, host).startswith("the program would lock up")
    assert becomes(one, queues, host) == {STUCK}


def test_a_host_that_takes_sums_first_holds_up_its_words():
    one = sound(TRAINS)
    queues, host = one.copy()
    last = max(index for index, action in enumerate(host) if action[0] == "out")
    inputs = [index for index, action in enumerate(host) if action[0] == "in"][-1]
    assert inputs < last
    host.insert(inputs, host.pop(last))
    assert refusal(one, queues, host).startswith("the program would lock up")
    assert becomes(one, queues, host) == {STUCK}


def test_gradients_that_wait_for_results_do_not_reach_the_next_column():
    """A PE sends words of the host on when its own are there, and none is; but it may wait."""
    one = sound(TRAINS)
    queues, host = one.copy()
    first = indices(queues[ROW], GatherKind.GRADIENT)[0]
    later = next(op for op in queues[ROW][first + 1:] if op["need_first"])
    moved, later["need_first"] = later["need_first"], 0
    queues[ROW][first]["need_first"] = moved
    assert refusal(one, queues, host).startswith("the program would lock up")
    assert becomes(one, queues, host) == {STUCK}


@pytest.mark.parametrize("number", [TRAINS, INFERS])
@pytest.mark.parametrize("queue, name", [(HOST_IN, "in"), (HOST_OUT, "out")])
@pytest.mark.parametrize("more", [1, -1])
def test_beats_are_those_of_the_words(number, queue, name, more):
    one = sound(number)
    queues, host = one.copy()
    op = max(queues[queue], key=lambda op: op["beats"])
    beats = op["beats"]
    op["beats"] += more
    assert re.search(rf"queue host_{name} must move {beats} beats a gateway in repetition \d+, for "
                     rf".*, not {beats + more}$", refusal(one, queues, host))


def test_too_few_beats_lock_up():
    one = sound(INFERS)
    for queue in (HOST_IN, HOST_OUT):
        queues, host = one.copy()
        for op in queues[queue]:
            op["beats"] += -1 if queue == HOST_IN else 1
        assert becomes(one, queues, host) == {STUCK}


def test_the_id_is_no_output():
    one = sound(INFERS)
    queues, host = one.copy()
    queues[HOST_OUT][0]["kind"] = 3
    assert "queue host_out must collect the words of row op" in refusal(one, queues, host)


def test_sums_of_columns_have_no_gateway():
    one = sound(TRAINS)
    queues, host = one.copy()
    op = next(op for op in queues[MAC] if op["kind"] == MacKind.BACK.value and op["host"])
    op["axis"] = 1
    assert "must give its sums to the host on axis 0" in refusal(one, queues, host)
    assert becomes(one, queues, host) == {STUCK}


def test_the_sums_of_all_blocks_are_taken():
    """Found by 1 of 100,000 broken programs: a BACK op gives the sums of each of its blocks."""
    one = sound(40)
    queues, host = one.copy()
    op = next(op for op in queues[MAC] if op["kind"] == MacKind.BACK.value and op["host"])
    assert op["reduce"] and not op["last_block"]
    op["last_block"] = 2
    assert "the gateways must take the sums that BACK ops give" in refusal(one, queues, host)
    assert becomes(one, queues, host) == {STUCK}


def test_blocks_of_a_ring_of_one_fit_its_fifos_too():
    one = sound(ALONE)
    queues, host = one.copy()
    words = one.config.training.reduce_words
    op = next(op for op in queues[MAC] if op["kind"] == MacKind.BACK.value and not op["host"])
    op.update(reduce=1, last_block=1, last_word=2 * words + 4)
    assert f"needs reduce_words of at least {2 * words + 5}" in refusal(one, queues, host)
    assert becomes(one, queues, host) == {STUCK}


def test_gateways_send_nothing_while_they_take_sums():
    """The RTL would wait for ever: its gateway has sent fewer words than the op says."""
    one = sound(TRAINS)
    queues, host = one.copy()
    op = queues[RING][indices(queues[RING], RingKind.GRADIENT)[0]]
    op["send"] = 2
    assert "and send no words meanwhile" in refusal(one, queues, host)


def test_gradients_come_for_every_column():
    one = sound(TRAINS)
    queues, host = one.copy()
    index = indices(queues[ROW], GatherKind.GRADIENT)[0]
    queues[ROW][index]["recv"] = queues[RING][index]["send"] = 1
    assert "must bring equally many words for each of 2 columns, not 1" in refusal(one, queues,
                                                                                    host)


def test_columns_have_no_gradients_of_the_host():
    one = sound(TRAINS)
    queues, host = one.copy()
    queues[COL][0]["kind"] = GatherKind.GRADIENT.value
    assert "must be of the row ring, which has a gateway" in refusal(one, queues, host)


def test_an_op_of_a_ring_moves_words():
    one = sound(INFERS)
    queues, host = one.copy()
    queues[COL][0].update(own=0, recv=0)
    assert "must move a word at least: own and recv are both 0" in refusal(one, queues, host)


def test_ops_that_load_bring_blocks():
    one = sound(INFERS)
    queues, host = one.copy()
    program = Program.build(one.config, tuple(queues))
    program.gateway[0][0]["send"] = 15
    with pytest.raises(ProgramError, match=r"by ops with \(kind, recv, send\) ="):
        check_program(one.config, queues[:3], program.gateway, host)


@pytest.mark.parametrize("part", range(4))
def test_broken_programs_that_pass_end(part):
    """Of all that pass the check of waits none locks up, and what it refuses mostly does."""
    came = []
    for number in range(part, 60, 6):
        one = sound(number)
        for draw in range(6):
            made = broken(one, Random(f"test/{number}/{draw}"))
            said, _ = verdict(one, made)
            if said != UNPACKED:
                came.append((said, run_untimed(one.config, made.queues, made.host, draw)))
    passed = [became for said, became in came if said != WAITS]
    assert len(passed) >= 8 and STUCK not in passed
    assert {became for said, became in came if said == ACCEPTED} == {ENDED}
    assert sum(became == STUCK for _, became in came) >= 10


def test_every_kind_of_break_breaks():
    """Each kind changes something of some program, and makes one that locks up or is refused."""
    refused = dict.fromkeys(BREAKS, 0)
    for number in (TRAINS, INFERS, ALONE):
        one = sound(number)
        for kind, spoil in BREAKS.items():
            for draw in range(12):
                queues, host = one.copy()
                done = spoil(one.config, queues, host, Random(f"{kind}/{draw}"))
                assert done == ((queues, host) != one.copy()) or not done
                refused[kind] += done and verdict(one, Broken((kind,), queues, host))[0] != ACCEPTED
    assert all(refused.values()), refused
