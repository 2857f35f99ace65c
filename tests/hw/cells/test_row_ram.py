"""`RowRam` against lists of words: written by words or pieces, read a row at a time."""

from random import Random

import pytest

from hw.cells.row_ram import RowRam
from tests.support.hw_bench import simulate


def ref_rows(words, rows, init, accesses):
    """The rows that are read; an access is (address to write, words, row to read).

    The address, counted in pieces, and the row may be None; of the words, each is None if it stays.
    """
    memory = [*init, *[0] * (words * rows - len(init))]
    found = []
    for write, word, read in accesses:
        if read is not None:
            found.append(memory[read * words:(read + 1) * words])
        if write is None:
            continue
        for place, one in enumerate(word):
            if one is not None:
                memory[write * len(word) + place] = one
    return found


def rtl_rows(width, words, rows, init, accesses, stored):
    """The same from the hardware: a row is there two cycles after its address."""
    dut = RowRam(width, words, rows, init=init, stored=stored)
    found = []

    async def run(ctx):
        ctx.set(dut.out_en, 1)
        asked = [False, False]
        for write, word, read in [*accesses, *[(None, [], None)] * 2]:
            if asked.pop(0):
                row = ctx.get(dut.read_data)
                found.append([row >> (width * at) & ((1 << width) - 1) for at in range(words)])
            asked.append(read is not None)
            stays = write is None
            ctx.set(dut.write_en, sum(
                (one is not None and not stays) << at for at, one in enumerate(word)))
            ctx.set(dut.write_addr, write or 0)
            ctx.set(dut.write_data, sum(
                (one or 0) << (width * at) for at, one in enumerate(word)))
            ctx.set(dut.read_en, read is not None)
            ctx.set(dut.read_addr, read or 0)
            await ctx.tick()

    simulate(dut, run)
    return found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("width, words, rows, stored", [
    (16, 2, 8, 1), (5, 4, 6, 1), (18, 2, 64, 1), (16, 2, 8, 2), (5, 4, 6, 2)])
def test_random_accesses(width, words, rows, stored, seed):
    random = Random(seed)

    def piece():
        """Words of a piece; all of a piece of one word, some of a larger one."""
        return [random.getrandbits(width) if stored == 1 or random.random() < 0.7 else None
                for _ in range(stored)]

    init = [random.getrandbits(width) for _ in range(random.choice([0, words * rows - 1]))]
    accesses = []
    for _ in range(300):
        write = random.randrange(words * rows // stored) if random.random() < 0.6 else None
        read = random.randrange(rows) if random.random() < 0.6 else None
        # A row that is read and written at once may be the old or the new one.
        if write is not None and read == write * stored // words:
            read = None
        accesses.append((write, piece(), read))
    found = rtl_rows(width, words, rows, init, accesses, stored)
    assert found == ref_rows(words, rows, init, accesses)
