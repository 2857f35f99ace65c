"""`Sequencer` and `Loader`: programs in, ops out in the order that a list walker gives."""

from random import Random

import pytest

from hw.config import PROGRAM_BLOCK_WORDS, TorusConfig
from hw.loader import Loader
from hw.ops import GatherKind, loop_op, op_words, pe_queues
from hw.sequencer import Sequencer
from tests.hw_bench import get, put, simulate, watcher
from tests.test_hw_top import program_blocks, split


def ref_walk(ops):
    """The ops that reach the engine; ("loop", target index, count) jumps `count` times."""
    walked, turns, position = [], {}, 0
    while position < len(ops):
        op = ops[position]
        if op[0] != "loop":
            walked.append(op[1])
        else:
            left = turns.setdefault(position, op[2])
            if left:
                turns[position] -= 1
                position = op[1]
                continue
            del turns[position]
        position += 1
    return walked


def image(config, queues):
    """Blocks of a program whose queues hold ("op", fields) and ("loop", index, count)."""
    layouts = pe_queues(config)
    start, resolved = 0, []
    for layout, ops in zip(layouts, queues, strict=True):
        size = op_words(config, layout)
        bits = []
        for op in ops:
            if op[0] == "op":
                bits.append(op[1])
            else:
                loop = loop_op(config).const(
                    {"kind": GatherKind.LOOP.value, "target": start + op[1] * size, "count": op[2]})
                bits.append(layout.from_bits(loop.as_bits()))
        resolved.append(bits)
        start += (len(ops) + 1) * size
    return program_blocks(config, layouts, resolved)


def random_queues(config, random):
    queues = []
    for layout in pe_queues(config):
        kind = layout["kind"].shape
        real = [member for member in kind if member.value > 1]
        def op(layout=layout, real=real):
            bits = random.getrandbits(layout.size) >> 3 << 3
            return ("op", layout.from_bits(bits | random.choice(real).value))
        ops = [op() for _ in range(random.randint(0, 3))]
        for _ in range(random.randint(0, 2)):
            body = len(ops)
            ops += [op() for _ in range(random.randint(1, 3))]
            ops.append(("loop", body, random.randint(1, 4)))
        ops += [op() for _ in range(random.randint(0, 2))]
        queues.append(ops)
    return queues


@pytest.mark.parametrize("word_bits, seed", [(16, 1), (16, 2), (5, 3), (18, 4)])
def test_two_programs_in_turn(word_bits, seed):
    config = TorusConfig(act_bits=word_bits, weight_bits=word_bits, program_words=1024)
    random = Random(seed)
    programs = [random_queues(config, random) for _ in range(2)]
    dut = Sequencer(config, dict(enumerate(pe_queues(config))))
    taken = [[] for _ in range(3)]
    starts = []

    async def load(ctx):
        ctx.set(dut.idle, 1)
        for program in programs:
            blocks = image(config, program)
            for part in (blocks[:1], blocks[1:]):
                count = await get(ctx, dut.boot)
                assert count == len(part) - 1
                for word in (word for block in part for word in block):
                    while random.random() < 0.2:
                        await ctx.tick()
                    await put(ctx, dut.load, word)
        wanted = [sum(len(ref_walk(program[index])) for program in programs) for index in range(3)]
        while [len(ops) for ops in taken] != wanted:
            await ctx.tick()

    def take(index):
        async def testbench(ctx):
            stalls = Random(seed + index)
            while True:
                while stalls.random() < 0.3:
                    await ctx.tick()
                op = await get(ctx, getattr(dut, f"queue_{index}"))
                taken[index].append(op.as_bits())
        return testbench

    async def count_starts(ctx):
        while True:
            _, _, start = await ctx.tick().sample(dut.start)
            if start:
                starts.append(start)

    simulate(dut, load, background=[take(0), take(1), take(2), count_starts])
    for index in range(3):
        expected = [op.as_bits() for program in programs for op in ref_walk(program[index])]
        assert taken[index] == expected
    assert len(starts) == 2


@pytest.mark.parametrize("col, seed", [(0, 1), (2, 2)])
def test_loader_deals_words_out_by_position(col, seed):
    config = TorusConfig(cols=3, weight_words=64, bias_words=8, max_fan_in=16)
    random = Random(seed)
    weights = [[random.randint(-32768, 32767) for _ in range(3)] for _ in range(20)]
    biases = [[random.randint(-1 << 34, 1 << 34) for _ in range(3)] for _ in range(5)]
    program = [random.getrandbits(16) for _ in range(PROGRAM_BLOCK_WORDS)]
    dut = Loader(config)
    written, bias_written, program_written = [], [], []

    async def feed(ctx):
        ctx.set(dut.col, col)
        for _ in range(2):
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            words = [(GatherKind.WEIGHTS, word) for deal in weights for word in deal]
            for deal in biases:
                parts = [split(bias, 16, config.bias_chunks) for bias in deal]
                words += [(GatherKind.BIASES, part) for chunk in zip(*parts, strict=True)
                          for part in chunk]
            words += [(GatherKind.PROGRAM, word) for word in program]
            words += [(GatherKind.PASS, 1), (GatherKind.GATHER, 2)]
            for kind, word in words:
                while random.random() < 0.2:
                    await ctx.tick()
                await put(ctx, dut.tap, {"kind": kind, "word": word % 65536})

    simulate(dut, feed, background=[watcher(dut.weight, written), watcher(dut.bias, bias_written),
                                    watcher(dut.program, program_written)])
    once = [(index, deal[col]) for index, deal in enumerate(weights)]
    assert [(item.addr, item.weight) for item in written] == once * 2
    once = [(index, deal[col]) for index, deal in enumerate(biases)]
    assert [(item.addr, item.bias) for item in bias_written] == once * 2
    assert program_written == program * 2
