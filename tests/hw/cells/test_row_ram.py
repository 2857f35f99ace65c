"""`RowRam` against lists of words: written a word at a time, read a row at a time."""

from random import Random

import pytest

from hw.cells.row_ram import RowRam
from tests.support.hw_bench import simulate


def ref_rows(words, rows, init, accesses):
    """The rows that are read; an access is (address to write, word, row to read), each or None."""
    memory = [*init, *[0] * (words * rows - len(init))]
    found = []
    for write, word, read in accesses:
        if read is not None:
            found.append(memory[read * words:(read + 1) * words])
        if write is not None:
            memory[write] = word
    return found


def rtl_rows(width, words, rows, init, accesses):
    """The same from the hardware: a row is there two cycles after its address."""
    dut = RowRam(width, words, rows, init=init)
    found = []

    async def run(ctx):
        ctx.set(dut.out_en, 1)
        asked = [False, False]
        for write, word, read in [*accesses, *[(None, 0, None)] * 2]:
            if asked.pop(0):
                row = ctx.get(dut.read_data)
                found.append([row >> (width * at) & ((1 << width) - 1) for at in range(words)])
            asked.append(read is not None)
            ctx.set(dut.write_en, write is not None)
            ctx.set(dut.write_addr, write or 0)
            ctx.set(dut.write_data, word)
            ctx.set(dut.read_en, read is not None)
            ctx.set(dut.read_addr, read or 0)
            await ctx.tick()

    simulate(dut, run)
    return found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("width, words, rows", [(16, 2, 8), (5, 4, 6), (18, 2, 64)])
def test_random_accesses(width, words, rows, seed):
    random = Random(seed)
    init = [random.getrandbits(width) for _ in range(random.choice([0, words * rows - 1]))]
    accesses = []
    for _ in range(300):
        write = random.randrange(words * rows) if random.random() < 0.6 else None
        read = random.randrange(rows) if random.random() < 0.6 else None
        # A row that is read and written at once may be the old or the new one.
        if write is not None and read == write // words:
            read = None
        accesses.append((write, random.getrandbits(width), read))
    assert rtl_rows(width, words, rows, init, accesses) == ref_rows(words, rows, init, accesses)
