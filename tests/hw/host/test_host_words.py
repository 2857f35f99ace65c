"""`Unpack` and `Pack`: beats to words and back, every block on beats of its own."""

from random import Random

import pytest

from hw.config import TorusConfig
from hw.host.host_words import Pack, Unpack
from tests.support.hw_bench import get, getter, put, putter, simulate


def ref_beats(config, block):
    beats = []
    for start in range(0, len(block), config.beat_words):
        beats.append(sum(word << (config.word_bits * index)
                         for index, word in enumerate(block[start:start + config.beat_words])))
    return beats


def random_blocks(config, random):
    return [[random.getrandbits(config.word_bits) for _ in range(random.randint(1, 20))]
            for _ in range(12)]


@pytest.mark.parametrize("stall, seed", [(0.0, 1), (0.4, 2)])
@pytest.mark.parametrize("host_bits, word_bits", [(32, 18), (32, 16), (64, 5), (256, 4)])
def test_pack(host_bits, word_bits, stall, seed):
    config = TorusConfig(host_bits=host_bits, act_bits=word_bits, weight_bits=word_bits)
    blocks = random_blocks(config, Random(seed))
    expected = [beat for block in blocks for beat in ref_beats(config, block)]
    words = [{"word": word, "last": index == len(block) - 1}
             for block in blocks for index, word in enumerate(block)]
    dut = Pack(config)
    received = []
    simulate(dut, putter(dut.i, words, stall, seed),
             getter(dut.o, len(expected), received, stall, seed + 1))
    assert received == expected


PAIRS = [(32, 16), (64, 18), (128, 5)]


def pairs_of(config, block):
    """Two words at once, as links of two words move them; blocks have no odd word."""
    return [low | high << config.word_bits
            for low, high in zip(block[::2], block[1::2], strict=True)]


@pytest.mark.parametrize("stall, seed", [(0.0, 1), (0.4, 2)])
@pytest.mark.parametrize("host_bits, word_bits", PAIRS)
def test_pairs(host_bits, word_bits, stall, seed):
    """Two words a cycle to beats and back; a beat has whole pairs, and may have room for a word."""
    config = TorusConfig(host_bits=host_bits, act_bits=word_bits, weight_bits=word_bits,
                         lanes_in=2, link_words=2)
    blocks = [block + block[:len(block) % 2] for block in random_blocks(config, Random(seed))]
    beats = [beat for block in blocks for beat in ref_beats(config, block)]
    pack, packed = Pack(config), []
    simulate(pack, putter(pack.i, [
        {"word": pair, "last": index == len(block) // 2 - 1}
        for block in blocks for index, pair in enumerate(pairs_of(config, block))], stall, seed),
        getter(pack.o, len(beats), packed, stall, seed + 1))
    assert packed == beats
    unpack, received = Unpack(config), []

    async def take(ctx):
        for block in blocks:
            for index in range(len(block) // 2):
                ctx.set(unpack.last, index == len(block) // 2 - 1)
                received.append(await get(ctx, unpack.o))

    simulate(unpack, putter(unpack.i, beats, stall, seed), take)
    assert received == [pair for block in blocks for pair in pairs_of(config, block)]


@pytest.mark.parametrize("stall, seed", [(0.0, 1), (0.4, 2)])
@pytest.mark.parametrize("host_bits, word_bits", [(32, 18), (32, 16), (64, 5), (256, 4)])
def test_unpack(host_bits, word_bits, stall, seed):
    config = TorusConfig(host_bits=host_bits, act_bits=word_bits, weight_bits=word_bits)
    blocks = random_blocks(config, Random(seed))
    beats = [beat for block in blocks for beat in ref_beats(config, block)]
    dut = Unpack(config)
    received = []

    async def take(ctx):
        random = Random(seed)
        for block in blocks:
            words = []
            for index in range(len(block)):
                while random.random() < stall:
                    await ctx.tick()
                ctx.set(dut.last, index == len(block) - 1)
                words.append(await get(ctx, dut.o))
            received.append(words)

    simulate(dut, putter(dut.i, beats, stall, seed), take)
    assert received == blocks


def test_unpack_gives_a_word_every_cycle():
    config = TorusConfig(host_bits=64)
    dut = Unpack(config)
    beats = ref_beats(config, list(range(1, 41)))
    gaps = []

    async def take(ctx):
        ctx.set(dut.o.ready, 1)
        while len(gaps) < 40:
            _, _, valid = await ctx.tick().sample(dut.o.valid)
            if valid or gaps:
                gaps.append(not valid)

    async def feed(ctx):
        for beat in beats:
            await put(ctx, dut.i, beat)

    simulate(dut, feed, take)
    assert not any(gaps)
