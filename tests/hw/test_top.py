"""The papers' own example, (4, 4, 2, 2, 2) on a 2x2 torus, with a program written by hand.

Nothing of the compiler is used: programs, word order and host stream follow docs/architecture.md
line by line (ClosNets, section III, figures 4 and 5).
"""

from random import Random

import pytest

from hw.config import PROGRAM_BLOCK_WORDS, TorusConfig
from hw.op_fields import (
    Axis,
    GatherKind,
    HostInKind,
    HostOutKind,
    MacKind,
    RingKind,
)
from hw.ops import gateway_queues, pe_queues
from hw.top import ClostorusTop
from tests.support.hw_bench import getter, putter, simulate
from tests.support.program_blocks import program_blocks, split

SHIFT = 6


def beats(config, words):
    per_beat = config.beat_words
    padded = words + [0] * (-len(words) % per_beat)
    return [sum(word % (1 << config.word_bits) << (config.word_bits * index)
                for index, word in enumerate(padded[start:start + per_beat]))
            for start in range(0, len(padded), per_beat)]


def example(config, weights, inputs):
    """The host's beats for loading `weights[row][col]` (6 each) and running one sample."""
    pe = program_blocks(config, pe_queues(config), [
        [dict(kind=GatherKind.WEIGHTS, recv=12, lag=1),
         dict(kind=GatherKind.GATHER, recv=2, base=0, lag=1),
         dict(kind=GatherKind.GATHER, own=1, recv=1, to_gateway=1, base=4, need_first=1, lag=2),
         dict(kind=GatherKind.PASS, own=1, recv=1, to_gateway=1, base=8, need_first=1, lag=3)],
        [dict(kind=GatherKind.GATHER, own=1, recv=1, base=0, need_first=1, lag=1)],
        [dict(kind=MacKind.RUN, axis=Axis.ROW, dest=Axis.COL, last_word=1, last_output=0,
              x_base=0, y_base=0, w_base=0, shift=SHIFT),
         dict(kind=MacKind.RUN, axis=Axis.COL, dest=Axis.ROW, last_word=1, last_output=0,
              x_base=0, y_base=4, w_base=2, shift=SHIFT),
         dict(kind=MacKind.RUN, axis=Axis.ROW, dest=Axis.ROW, last_word=1, last_output=0,
              x_base=4, y_base=8, w_base=4, shift=SHIFT, relu=1)],
    ])
    gateway = program_blocks(config, gateway_queues(config), [
        [dict(kind=RingKind.SEND, send=PROGRAM_BLOCK_WORDS, reps=len(pe) - 1),
         dict(kind=RingKind.SEND, send=12),
         dict(kind=RingKind.SEND, send=2),
         dict(kind=RingKind.FORWARD, recv=2, send=1),
         dict(kind=RingKind.SINK, recv=2, send=1)],
        [dict(kind=HostInKind.BROADCAST, beats=config.block_beats, reps=len(pe) - 1),
         dict(kind=HostInKind.SCATTER, beats=len(beats(config, [0] * 12))),
         dict(kind=HostInKind.SCATTER, beats=len(beats(config, [0] * 2)))],
        [dict(kind=HostOutKind.ID),
         dict(kind=HostOutKind.COLLECT, beats=len(beats(config, [0] * 2)))],
    ])
    stream = []
    for block in gateway + pe:
        stream += beats(config, block)
    for row in range(2):
        dealt = [weights[row][col][index] for index in range(6) for col in range(2)]
        stream += beats(config, dealt)
    for row in range(2):
        stream += beats(config, inputs[2 * row:2 * row + 2])
    return stream


def ref_example(weights, inputs):
    """Three stages of 2x2 blocks; the weights of a PE lie in the order in which it sees words."""
    def finish(acc):
        quotient, remainder = divmod(acc, 1 << SHIFT)
        half = 1 << (SHIFT - 1)
        up = remainder > half or (remainder == half and quotient % 2)
        return min(max(quotient + up, -32768), 32767)

    h1 = [[finish(sum(weights[r][c][i] * inputs[2 * r + i] for i in range(2)))
           for c in range(2)] for r in range(2)]
    v = [[finish(weights[r][c][2] * h1[r][c] + weights[r][c][3] * h1[1 - r][c])
          for c in range(2)] for r in range(2)]
    return [max(0, finish(weights[r][c][4] * v[r][c] + weights[r][c][5] * v[r][1 - c]))
            for r in range(2) for c in range(2)]


@pytest.mark.parametrize("host_bits, link_stages, stall, seed", [
    (256, 2, 0.3, 4),
    *(pytest.param(*case, marks=pytest.mark.slow)
      for case in ((32, 0, 0.0, 1), (64, 0, 0.4, 2), (128, 1, 0.0, 3))),
])
def test_papers_example_twice(host_bits, link_stages, stall, seed):
    """Two programs, one after the other: the node loads the second when the first has ended."""
    config = TorusConfig(rows=2, cols=2, host_bits=host_bits, link_stages=link_stages,
                         buffer_words=16, max_fan_in=16, weight_words=8, bias_words=2,
                         program_words=128)
    random = Random(seed)
    stream, expected = [], []
    for _ in range(2):
        weights = [[[random.randint(-900, 900) for _ in range(6)] for _ in range(2)]
                   for _ in range(2)]
        inputs = [random.randint(-3000, 3000) for _ in range(4)]
        stream += example(config, weights, inputs)
        expected.append(ref_example(weights, inputs))

    dut = ClostorusTop(config)
    id_beats = -(-64 // host_bits)
    per_run = id_beats + 2
    received = []
    simulate(dut, putter(dut.host_in, stream, stall, seed),
             getter(dut.host_out, 2 * per_run, received, stall, seed + 1), deadline_cycles=5_000)

    for run in range(2):
        answer = received[run * per_run:(run + 1) * per_run]
        hardware_id = sum(
            beat << (host_bits * index) for index, beat in enumerate(answer[:id_beats]))
        assert hardware_id == config.hardware_id
        words = []
        for beat in answer[id_beats:]:
            # A gateway sees the last column's word first.
            right, left, *rest = split(beat, 16, config.beat_words)
            assert not any(rest)
            words += [left, right]
        signed = [word - (word >> 15 << 16) for word in words]
        assert signed == expected[run], f"seed {seed}"
    assert any(word for run in expected for word in run)
