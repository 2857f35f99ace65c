"""The waveforms of docs/waveforms.md, as text, from simulations of the blocks.

    python -m tests.support.waveforms            # Prints them.
    python -m tests.support.waveforms --write    # Puts them into the page.

`tests/docs/test_waveforms.py` holds what stands in the page against them.
"""

import sys

from hw.cells.credits import Credits
from hw.mac.mac import READ_CYCLES, Mac
from hw.op_fields import GatherKind
from hw.presets import TEST
from hw.ring.gather import RingGather
from tests.support.hw_bench import putter
from tests.support.link_waveforms import (
    bytes_text,
    damaged_answer,
    damaged_words,
    frame_and_answer,
    frames_text,
)
from tests.support.pe_waveforms import engines, read_again
from tests.support.pictures import fenced, print_or_write
from tests.support.project import ROOT
from tests.support.traces import later, settings, trace

__all__ = ["PAGE", "WAVEFORMS", "credit_counter", "forwarded_words", "main", "own_words",
           "step_to_result"]

PAGE = ROOT / "docs" / "waveforms.md"


def _hop(node):
    return {
        "i.valid": node.i.valid, "i.ready": node.i.ready,
        "i.payload": (node.i.payload, node.i.valid, "{:X}".format),
        "o.valid": node.o.valid, "o.ready": node.o.ready,
        "o.payload": (node.o.payload, node.o.valid, "{:X}".format),
        "retired": node.pe.retired,
    }


def _gather(own, recv):
    return {"kind": GatherKind.GATHER, "own": own, "recv": recv, "need_first": own > 0, "lag": 1}


def forwarded_words():
    """A node without own words passes four words on; its neighbour waits for two cycles."""
    node = RingGather(TEST)
    return trace(node, 13, _hop(node), [
        putter(node.pe.op, [_gather(0, 4)]),
        later(1, putter(node.i, [0xB0, 0xB1, 0xB2, 0xB3])),
        settings((0, [(node.o.ready, 1)]), (3, [(node.o.ready, 0)]), (5, [(node.o.ready, 1)])),
    ])


def own_words():
    """A node receives while its own words land, and sends these first."""
    node = RingGather(TEST)
    write = node.pe.write
    shown = {"write": write.valid, "landed": node.pe.landed, **_hop(node)}
    return trace(node, 13, shown, [
        putter(node.pe.op, [_gather(2, 4)]),
        later(1, putter(node.i, [0xB0, 0xB1, 0xC0, 0xC1])),
        settings(
            (0, [(node.o.ready, 1)]),
            (2, [(write.valid, 1), (write.p.word, 0xA0), (write.p.addr, 0)]),
            (3, [(write.p.word, 0xA1), (write.p.addr, 1), (node.pe.landed, 1)]),
            (4, [(write.valid, 0), (node.pe.landed, 0)])),
    ])


def step_to_result():
    """Two sums without a gap, of three products and of two."""
    words, lengths = [1, 2, 3, 10, 20], [3, 2]
    mac = Mac(TEST, weights=[1, 1, 1, 1, 1])
    firsts = {sum(lengths[:index]) for index in range(len(lengths))}
    lasts = {sum(lengths[:index + 1]) - 1 for index in range(len(lengths))}
    step = mac.step
    shown = {
        "step.valid": step.valid, "step.first": step.p.first, "step.last": step.p.last,
        "row_word": (mac.row_word, mac.row_word != 0, str),
        "result.valid": mac.result.valid,
        "result.word": (mac.result.p.word, mac.result.valid, str),
        "for_row": mac.for_row, "idle": mac.idle,
    }
    steps = [(cycle, [(step.valid, cycle < len(words)), (step.p.first, cycle in firsts),
                      (step.p.last, cycle in lasts), (step.p.w_addr, cycle)])
             for cycle in range(len(words) + 1)]
    read = [(cycle + READ_CYCLES, [(mac.row_word, word)])
            for cycle, word in enumerate([*words, 0])]
    return trace(mac, 14, shown, [settings(*steps), settings(*read)])


def credit_counter():
    """Two credits are asked for when one is there; the second one comes later."""
    counter = Credits(2)
    shown = {"add": counter.add, "take": (counter.take, counter.take != 0, str),
             "enough": counter.enough}
    return trace(counter, 9, shown, [settings(
        (1, [(counter.add, 1)]), (2, [(counter.add, 0)]), (3, [(counter.take, 2)]),
        (4, [(counter.take, 0)]), (6, [(counter.add, 1)]), (7, [(counter.add, 0)]))])


_TRACES = {
    "forwarded words": forwarded_words, "own words": own_words, "step to result": step_to_result,
    "credits": credit_counter, "engines": engines, "read again": read_again,
}
WAVEFORMS = {
    **{name: lambda draw=draw: fenced("", draw().text()) for name, draw in _TRACES.items()},
    "frame and answer": lambda: fenced("", bytes_text(frame_and_answer())),
    "damaged words": lambda: fenced("", frames_text(damaged_words())),
    "damaged answer": lambda: fenced("", frames_text(damaged_answer())),
}
"""What draws each waveform, by the name in the marks that it stands between."""


def main(arguments):
    """Print all waveforms, or write them into the page."""
    print_or_write(PAGE, WAVEFORMS, arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
