"""Packing of programs, and the loop over samples."""

from random import Random

import pytest

from golden import ClosShape
from golden.vectors.nets import random_net
from hw.config import TorusConfig
from hw.op_fields import LOOP, gateway_fields, pe_fields
from sw_driver.compiler import compile, place_net
from sw_driver.errors import ProgramError
from sw_driver.plan.forward import reordered
from sw_driver.program.image import pack_image, unpack_image
from sw_driver.program.loops import expand
from sw_driver.program.program import Program
from sw_driver.program.sample_loop import find_sample_loop
from sw_driver.schedule.loops import schedule_loops
from sw_driver.schedule.queues import build_queues
from sw_driver.schedule.scheduler import schedule


def random_queue(random, fields, kinds):
    queue = []
    for index in range(random.randint(0, 5)):
        op = {name: random.getrandbits(width) for name, width in fields.items()}
        op["kind"] = random.choice(kinds)
        queue.append(op)
        if random.random() < 0.3:
            queue.append({"kind": LOOP, "target": random.randint(0, index), "count": 7})
    return queue


@pytest.mark.parametrize("seed", range(30))
def test_unpacking_gives_back_what_was_packed(seed):
    random = Random(seed)
    act_bits, weight_bits = random.randint(4, 18), random.randint(4, 18)
    config = TorusConfig(act_bits=act_bits, weight_bits=weight_bits, host_bits=64,
                         program_words=1024)
    for layouts, kinds in ((pe_fields(config), ([2, 3], [2, 3], [2])),
                           (gateway_fields(config), ([2, 3, 4], [2, 3], [2, 3]))):
        queues = [random_queue(random, layout, some)
                  for layout, some in zip(layouts, kinds, strict=True)]
        image = pack_image(config, layouts, queues)
        assert len(image) % 16 == 0
        assert all(0 <= word < 1 << config.word_bits for word in image)
        assert unpack_image(config, layouts, image) == queues, f"seed {seed}"


def test_a_field_that_does_not_fit():
    config = TorusConfig()
    layouts = gateway_fields(config)
    with pytest.raises(ProgramError, match="send must fit 10 bits of an op, not 1024"):
        pack_image(config, layouts, [[{"kind": 2, "send": 1024}], [], []])
    with pytest.raises(ProgramError, match="reps must fit 8 bits of an op, not -1"):
        pack_image(config, layouts, [[{"kind": 2, "reps": -1}], [], []])


def test_a_program_that_does_not_fit():
    config = TorusConfig(program_words=64)
    queue = [{"kind": 2, "send": 1}] * 40
    with pytest.raises(ProgramError, match="program_words must be at least 96 for this program"):
        Program.build(config, ([], [], [], queue, [], []))


def test_an_image_without_an_end():
    config = TorusConfig()
    image = pack_image(config, gateway_fields(config), [[{"kind": 2, "send": 1}], [], []])
    with pytest.raises(ProgramError, match="has no END op"):
        unpack_image(config, gateway_fields(config), image[:22] + [2] * 10)


@pytest.mark.parametrize("order", ["program", "best"])
@pytest.mark.parametrize("torus", ["2x2", "3x5", "1x1"])
def test_the_loop_is_the_flat_list(order, torus):
    """Carried out, the loop over further samples is what each of them adds."""
    net = random_net([ClosShape(20, 18, 4, 3, 6), ClosShape(18, 11, 4, 2, 3)], seed=1)
    for loop in compile(net, torus, order=order).executable.loop.loops:
        regular = loop.flat[-1]
        for turns in (0, 1, 2, 9):
            for queue, body, cut, looped in zip(
                    regular, loop.body, loop.cut, loop.queues(len(loop.flat) + turns), strict=True):
                plain = queue[:cut] + turns * body + queue[cut:]
                assert [op for _, op in expand(looped)] == plain


def test_a_period_of_two_samples():
    """Runs of odd and of even lengths have loops of their own, which add two samples a turn."""
    net = random_net([ClosShape(20, 18, 4, 3, 6)], seed=1)
    config = TorusConfig(rows=2, cols=2, program_words=1024)
    plan = place_net(net, 2, 2)[1]
    deeper = reordered(plan, (0, 3, 2, 1), (0, 1, 0, 1))
    loops = schedule_loops(config, deeper)
    assert loops.period == 2 and loops.max_samples >= 2 * 65536
    for samples in (1, 2, 3, 8, 9, 30, 31):
        wanted = build_queues(config, schedule(config, deeper, samples))
        found = loops.queues(samples)
        assert [[op for _, op in expand(queue)] for queue in found] == list(wanted)
    looped = loops.looped_samples[(loops.max_samples - 1) % 2]
    short, long = loops.queues(looped), loops.queues(loops.max_samples)
    for one, other in zip(short, long, strict=True):
        assert [{**op, "count": 0} for op in one] == [{**op, "count": 0} for op in other]


def test_number_of_samples():
    net = random_net([ClosShape(4, 4, 2, 2, 2)], seed=1)
    executable = compile(net, "2x2", order="program").executable
    loop, most = executable.loop, executable.max_samples
    assert most >= 65536
    program = loop.program(executable.config, most)
    assert program.gateway_image
    for samples in (0, -1, most + 1):
        with pytest.raises(ProgramError, match=f"samples must be 1 to {most}, not {samples}"):
            loop.queues(samples)


def test_a_schedule_that_never_repeats():
    def queues_of(samples):
        return tuple([{"kind": 2, "send": index * samples} for index in range(samples)]
                     for _ in range(6))
    with pytest.raises(ProgramError, match="does not become regular within 5 samples"):
        find_sample_loop(queues_of, 5)
