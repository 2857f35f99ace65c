"""Programs that lock up or race, made by hand and by chance."""

import copy
import re
from random import Random

import numpy as np
import pytest

from golden import ClosShape
from golden.vectors.nets import random_net, random_words
from hw.op_fields import gateway_fields, pe_fields
from sw_driver.check.waits import check_program
from sw_driver.compiler import compile
from sw_driver.errors import ProgramError
from sw_driver.program.host_stream import encode, output_beats
from sw_driver.program.image import unpack_image
from sw_driver.program.program import Program
from sw_driver.schedule.queues import build_queues
from sw_driver.schedule.scheduler import schedule
from tests.support.knobs import mostly_slow
from tests.support.torus_interpreter import Interpreter, Stuck

ROW, COL, MAC, RING = range(4)
SAMPLES = 5


@pytest.fixture(scope="module", params=["program", "best"])
def compiled(request):
    net = random_net([ClosShape(8, 8, 4, 2, 4), ClosShape(8, 6, 4, 3, 2)], seed=1)
    return compile(net, "2x2", order=request.param)


def queues_of(compiled):
    """Lists of ops without a loop, free to be spoilt."""
    steps = schedule(compiled.config, compiled.plan, SAMPLES)
    return copy.deepcopy(list(build_queues(compiled.config, steps))), SAMPLES


def refusal(compiled, queues):
    """What the check has to say about queues, packed and unpacked again; None if nothing."""
    config = compiled.config
    program = Program.build(config, tuple(queues))
    try:
        check_program(config, unpack_image(config, pe_fields(config), program.pe_image),
                      unpack_image(config, gateway_fields(config), program.gateway_image))
    except ProgramError as error:
        return str(error)
    return None


def test_the_compilers_programs_pass(compiled):
    assert refusal(compiled, queues_of(compiled)[0]) is None


def test_a_cycle_is_printed(compiled):
    """The first gather of the columns waits for all that the MAC will ever write there."""
    queues, _ = queues_of(compiled)
    rest = sum(op["need_first"] + op["reps"] * op["need_step"] for op in queues[COL][1:])
    queues[COL][0]["need_first"] += rest
    for op in queues[COL][1:]:
        op["need_first"] = op["need_step"] = 0
    message = refusal(compiled, queues)
    assert message.startswith("the program would lock up, since each of these comes before")
    assert "col repetition 0 own words here" in message and " -> mac repetition " in message


def test_queues_in_orders_of_their_own_are_refused(compiled):
    queues, _ = queues_of(compiled)
    # The columns gather for the last layer before the first.
    queues[COL][0], queues[COL][1] = queues[COL][1], queues[COL][0]
    assert refusal(compiled, queues) is not None


@pytest.mark.parametrize("queue, field, value, message", [
    (COL, "need_first", 99, "waits for 99 results in its buffer, but there are"),
    (MAC, "need_free", 200, "waits for 2.. ops to retire, but there are"),
    (ROW, "lag", 0, "must have a lag of at least 1, not 0"),
    (ROW, "recv", 9, "needs a gateway op"),
    (RING, "send", 9, "needs a gateway op"),
    (COL, "recv", 9, "must receive the . own words of the other PEs, not 9"),
    (MAC, "last_word", 8, "must read the words that"),
    (MAC, "x_base", 99, "must read the words that"),
    (MAC, "w_base", 1023, "needs weight_words of at least"),
    (MAC, "b_base", 63, "needs bias_words of at least"),
])
def test_counts_that_cannot_be(compiled, queue, field, value, message):
    queues, _ = queues_of(compiled)
    op = max(queues[queue], key=lambda op: op.get("bias", 0))
    op[field] = value
    assert re.search(message, refusal(compiled, queues))


@pytest.fixture(scope="module")
def paired():
    """A net on a torus whose links move two words at once, with padding."""
    net = random_net([ClosShape(9, 8, 3, 3, 2), ClosShape(8, 6, 2, 3, 2)], seed=1)
    return compile(net, "3x2", lanes_in=2, link_words=2)


@pytest.mark.parametrize("queue, field, value", [
    (ROW, "base", 1), (ROW, "recv", 7), (COL, "own", 3), (COL, "base", 5)])
def test_words_of_a_ring_are_whole_transfers(paired, queue, field, value):
    queues, _ = queues_of(paired)
    queues[queue][0][field] = value
    message = rf"must have a multiple of 2 \(link_words\) as {field}, not {value}: a link moves"
    assert re.search(message, refusal(paired, queues))


@pytest.mark.parametrize("seed", mostly_slow(range(40), range(12)))
def test_what_is_not_refused_runs_right_with_two_words_a_link(paired, seed):
    queues, samples = spoilt(paired, Random(seed))
    if refusal(paired, queues) is None:
        assert runs_right(paired, queues, samples, seed), f"seed {seed}"


def test_a_missing_op_is_refused(compiled):
    for queue in (ROW, COL, MAC, RING):
        queues, _ = queues_of(compiled)
        del queues[queue][-1]
        assert refusal(compiled, queues) is not None


WAITS = {ROW: ("need_first", "lag"), COL: ("need_first", "lag"), MAC: ("need_free",)}


def spoilt(compiled, random):
    """One wait, or the order of two ops of a queue and their gateway, changed by chance."""
    queues, samples = queues_of(compiled)
    queue = random.choice(list(WAITS))
    if random.random() < 0.3 and len(queues[queue]) > 1:
        index = random.randrange(len(queues[queue]) - 1)
        for line in (queue, RING) if queue == ROW else (queue,):
            ops = queues[line]
            ops[index], ops[index + 1] = ops[index + 1], ops[index]
    else:
        op = random.choice(queues[queue])
        field = random.choice(WAITS[queue])
        op[field] = min(max(op[field] + random.choice([-2, -1, 1, 2]), 0), 255)
    return queues, samples


@pytest.mark.parametrize("seed", range(60))
def test_what_is_not_refused_runs_right(compiled, seed):
    """No spoilt program passes the check and then locks up or computes a wrong word."""
    queues, samples = spoilt(compiled, Random(seed))
    if refusal(compiled, queues) is None:
        assert runs_right(compiled, queues, samples, seed), f"seed {seed}"


def test_the_check_refuses_what_goes_wrong(compiled):
    """Among spoilt programs are some that do go wrong, and the check refuses those."""
    wrong = refused = 0
    for seed in range(25):
        queues, samples = spoilt(compiled, Random(seed))
        if refusal(compiled, queues) is not None:
            refused += 1
            wrong += not runs_right(compiled, queues, samples, seed)
    assert refused >= 5 and wrong >= 2


def runs_right(compiled, queues, samples, seed):
    """Whether a program gives the golden words on the interpreter."""
    executable = compiled.executable
    config = executable.config
    interpreter = Interpreter(config, seed)
    load = executable.load()
    interpreter.run(load.beats, load.output_beats)
    x = random_words(compiled.net, samples, seed=seed)
    program = Program.build(config, tuple(queues))
    blocks = [executable.words.input_words(x.numpy())]
    try:
        beats = interpreter.run(encode(program, blocks), output_beats(program))
    except (Stuck, AssertionError, TypeError):
        return False
    return bool(np.array_equal(executable.decode(beats), compiled.net.forward_words(x).numpy()))
