"""`Sequencer` and `Loader`: programs in, ops out in the order that a list walker gives."""

from random import Random

import pytest

from hw.config import PROGRAM_BLOCK_WORDS, QUEUES, TorusConfig
from hw.op_fields import END, JUMP, LOOP, GatherKind, op_lines, pe_fields
from hw.ops import pe_queues
from hw.pe.loader import Loader
from hw.sequencer import Sequencer
from tests.support.hw_bench import get, put, simulate, watcher
from tests.support.program_blocks import program_blocks, split

BOOT = {"kind": GatherKind.PROGRAM, "recv": PROGRAM_BLOCK_WORDS, "lag": 1}


def ref_walk(ops):
    """The ops that reach the engine; ("loop", target index, count) jumps `count` times."""
    walked, turns, position = [], {}, 0
    while position < len(ops):
        op = ops[position]
        if isinstance(op, dict):
            walked.append(op)
        else:
            left = turns.setdefault(position, op[2])
            if left:
                turns[position] -= 1
                position = op[1]
                continue
            del turns[position]
        position += 1
    return walked


def random_queues(config, random):
    queues = []
    for fields in pe_fields(config):
        kinds = [value for value in range(8) if value not in (END, LOOP, JUMP)]

        def op(fields=fields, kinds=kinds):
            values = {name: random.getrandbits(width) for name, width in fields.items()}
            return values | {"kind": random.choice(kinds)}

        ops = [op() for _ in range(random.randint(0, 3))]
        for _ in range(random.randint(0, 2)):
            body = len(ops)
            ops += [op() for _ in range(random.randint(1, 3))]
            ops.append(("loop", body, random.randint(1, 4)))
        ops += [op() for _ in range(random.randint(0, 2))]
        queues.append(ops)
    return queues


def transfers(config, words):
    """The words of blocks as links move them: `link_words` at once, the first one lowest."""
    return [sum(word << (config.word_bits * at) for at, word in enumerate(piece))
            for piece in zip(*[iter(words)] * config.link_words, strict=True)]


@pytest.mark.parametrize("word_bits, seed, link_words", [
    (16, 1, 1), (16, 2, 1), (5, 3, 1), (18, 4, 1), (16, 5, 2), (5, 6, 2)])
def test_two_programs_in_turn(word_bits, seed, link_words):
    config = TorusConfig(act_bits=word_bits, weight_bits=word_bits, program_words=1024,
                         lanes_in=link_words, link_words=link_words)
    random = Random(seed)
    programs = [random_queues(config, random) for _ in range(2)]
    dut = Sequencer(config, dict(enumerate(pe_queues(config))), boot=(0, BOOT))
    taken = [[] for _ in range(QUEUES)]
    starts = []

    async def load(ctx):
        for program in programs:
            blocks = program_blocks(config, pe_queues(config), program)
            for part in (blocks[:1], blocks[1:]):
                op = await get(ctx, dut.queue_0)
                ctx.set(dut.idle, 0)
                expected = pe_queues(config)[0].const(BOOT | {"reps": len(part) - 1})
                assert op.as_bits() == expected.as_bits()
                for word in transfers(config, [word for block in part for word in block]):
                    while random.random() < 0.2:
                        await ctx.tick()
                    await put(ctx, dut.load, word)
                await ctx.tick().repeat(random.randint(1, 5))
                ctx.set(dut.idle, 1)
            await take(ctx, program)

    async def take(ctx, program):
        wanted = [len(ref_walk(queue)) for queue in program]
        counts = [0] * QUEUES
        readies = [getattr(dut, f"queue_{number}").ready for number in range(QUEUES)]
        while counts != wanted:
            for ready in readies:
                ctx.set(ready, random.random() < 0.7)
            samples = await ctx.tick().sample(*(
                part for number in range(QUEUES)
                for part in (getattr(dut, f"queue_{number}").valid,
                             getattr(dut, f"queue_{number}").payload)))
            for number, ready in enumerate(readies):
                valid, payload = samples[2 + 2 * number:4 + 2 * number]
                if valid and ctx.get(ready):
                    taken[number].append(payload.as_bits())
                    counts[number] += 1
        for ready in readies:
            ctx.set(ready, 0)

    async def count_starts(ctx):
        while True:
            _, _, start = await ctx.tick().sample(dut.start)
            if start:
                starts.append(start)

    simulate(dut, load, background=[count_starts])
    for number, layout in enumerate(pe_queues(config)):
        expected = [layout.const(op).as_bits() for program in programs
                    for op in ref_walk(program[number])]
        assert taken[number] == expected
    assert len(starts) == 2


@pytest.mark.parametrize("busy", [False, True])
def test_fetch_is_a_barrel(busy):
    """A queue's ops come when docs/architecture.md, section 5, says, whatever the others do."""
    config = TorusConfig()
    fields = pe_fields(config)
    ops = [dict(kind=2), dict(kind=3), ("loop", 0, 2), dict(kind=4)]
    program = [[dict(kind=2)] * 6 * busy, ops, [dict(kind=2)] * 4 * busy]
    dut = Sequencer(config, dict(enumerate(pe_queues(config))), boot=(0, BOOT))
    cycles = []

    async def run(ctx):
        ctx.set(dut.idle, 1)
        for part in ([program_blocks(config, pe_queues(config), program)[0]],
                     program_blocks(config, pe_queues(config), program)[1:]):
            await get(ctx, dut.queue_0)
            ctx.set(dut.idle, 0)
            for word in (word for block in part for word in block):
                await put(ctx, dut.load, word)
            ctx.set(dut.idle, 1)
        ctx.set(dut.queue_0.ready, 1)
        ctx.set(dut.queue_1.ready, 1)
        cycle = started = 0
        while len(cycles) < 7:
            cycle += 1
            _, _, start, valid = await ctx.tick().sample(dut.start, dut.queue_1.valid)
            if start:
                started = cycle
            if started and valid:
                cycles.append(cycle - started)

    simulate(dut, run)
    lines = op_lines(config, fields[1])
    # Slots of queue 1 are 2, 5, 8, ... cycles after `start`. Its JUMP and every LOOP take one, and
    # each op `lines` and the one in which it is taken.
    slot = 2 + 3
    expected = []
    for kind in "oolooloolo":
        if kind == "o":
            expected.append(slot + 3 * lines)
            slot += 3 * (lines + 1)
        else:
            slot += 3
    assert cycles == expected


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


@pytest.mark.parametrize("cols, col", [(1, 0), (3, 2)])
def test_loader_deals_pairs_of_words_out_by_position(cols, col):
    """Two weights are loaded at once; a bias takes two transfers, with a word to spare."""
    config = TorusConfig(cols=cols, weight_words=64, bias_words=8, max_fan_in=16, lanes_in=2,
                         link_words=2)
    random = Random(col)
    weights = [[random.randint(-32768, 32767) for _ in range(12)] for _ in range(cols)]
    biases = [[random.randint(-1 << 34, 1 << 34) for _ in range(5)] for _ in range(cols)]
    program = [random.getrandbits(16) for _ in range(PROGRAM_BLOCK_WORDS)]
    dut = Loader(config)
    written, bias_written, program_written = [], [], []

    def dealt(of_columns):
        """The transfers of all columns in turn."""
        in_pairs = [transfers(config, [word % 65536 for word in words]) for words in of_columns]
        return [pair for turn in zip(*in_pairs, strict=True) for pair in turn]

    async def feed(ctx):
        ctx.set(dut.col, col)
        for _ in range(2):
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            parts = [[part for bias in words for part in split(bias, 16, config.bias_chunks)]
                     for words in biases]
            words = [(GatherKind.WEIGHTS, pair) for pair in dealt(weights)]
            words += [(GatherKind.BIASES, pair) for pair in dealt(parts)]
            words += [(GatherKind.PROGRAM, pair) for pair in transfers(config, program)]
            words += [(GatherKind.PASS, 1), (GatherKind.GATHER, 2)]
            for kind, word in words:
                await put(ctx, dut.tap, {"kind": kind, "word": word})

    simulate(dut, feed, background=[watcher(dut.weight, written), watcher(dut.bias, bias_written),
                                    watcher(dut.program, program_written)])
    mine = weights[col]
    once = [(at // 2, mine[at], mine[at + 1]) for at in range(0, len(mine), 2)]
    assert [(item.addr, item.weight[0], item.weight[1]) for item in written] == once * 2
    assert [(item.addr, item.bias) for item in bias_written] == [*enumerate(biases[col])] * 2
    assert program_written == transfers(config, program) * 2
