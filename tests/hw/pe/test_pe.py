"""One PE between links that the bench drives: a program by hand, and links that stall."""

import pytest

from hw.config import TorusConfig
from hw.op_fields import Axis, GatherKind, MacKind
from hw.ops import pe_queues
from hw.pe.pe import PE
from tests.support.hw_bench import get, putter, simulate
from tests.support.program_blocks import program_blocks

CONFIG = TorusConfig(rows=2, cols=2, buffer_words=16, max_fan_in=16, weight_words=8, bias_words=2,
                     program_words=128)
# Two results, one after the other, become the own word at address 4 and are sent on. The second may
# be written when two row ops have retired: the one that gathered the inputs, and the one that sent
# the first result.
RESULT = dict(kind=GatherKind.PASS, own=1, recv=1, base=4, need_first=1, lag=4)
SUM = dict(kind=MacKind.RUN, dest=Axis.ROW, last_word=1, last_output=0, y_base=4)
PROGRAM = [
    [dict(kind=GatherKind.GATHER, recv=2, lag=1), RESULT, RESULT],
    [dict(kind=GatherKind.GATHER, recv=2, lag=1)],
    [dict(axis=Axis.ROW, w_base=0, **SUM), dict(axis=Axis.COL, w_base=2, need_free=2, **SUM)],
]


@pytest.mark.parametrize("words_left", [1, 2, 3, 8])
def test_neighbour_that_is_slow_to_take_the_program(words_left):
    """What is left of the loading of a program must not count as progress of that program."""
    program = [word for block in program_blocks(CONFIG, pe_queues(CONFIG), PROGRAM)
               for word in block]
    dut = PE(CONFIG, weights=[1, 0, 1, 0])
    sent = []

    async def neighbour(ctx):
        while len(sent) < len(program) + 4:
            if len(sent) == len(program) - words_left:
                await ctx.tick().repeat(30)
            if len(sent) == len(program):
                await ctx.tick().repeat(150)  # All results could be there before one is taken.
            sent.append(await get(ctx, dut.east))

    simulate(dut, neighbour, putter(dut.west, [*program, 111, 7, 901, 902]),
             putter(dut.north, [222, 8]), deadline_cycles=3000)
    assert sent[:len(program)] == program
    assert sent[len(program):] == [111, 7, 111, 222]
