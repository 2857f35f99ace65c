"""Flipped bits in a torus with `checks`: which are not found where they are."""

import re
from random import Random

import numpy as np

from golden import ClosShape
from golden.vectors.nets import random_net
from hw.config import TorusConfig
from sim.faults.bench import FaultBench

CHECKED = TorusConfig(rows=1, cols=2, host_bits=32, checks=1, link_stages=1, host_fifo_beats=4,
                      buffer_words=64, weight_bits=13, max_fan_in=16, weight_words=64,
                      bias_words=16, program_words=512)
"""Weights and biases lack an odd number of bits of the words that bring them, copies of a sign."""
SHAPES = [ClosShape(8, 6, 2, 3, 2), ClosShape(6, 5, 2, 2, 2)]
SAMPLES = 4
MEMORIES = {"weights": "the weight memory of", "buffers": "a gather buffer of",
            "biases": "the bias memory of", "program": "the program memory of"}
SLICES = {r"\.west_0_\d\.": "PE (0, 0)", r"\.east_0_0_0\.": "PE (0, 1)",
          r"\.east_0_\d\.": "gateway 0"}
"""Where the register slices of each link lead."""
_FOUND = ("masked", "flagged", "detected")


def small_net(config=CHECKED):
    return random_net(SHAPES, seed=5, act_bits=config.act_bits, weight_bits=config.weight_bits)


def node_of(name):
    """The node that a variable is in, as messages call it."""
    found = re.search(r"\.pe_(\d+)_(\d+)\.", name)
    if found:
        return f"PE ({found[1]}, {found[2]})"
    found = re.search(r"\.gateway_(\d+)\.", name)
    return f"gateway {found[1]}" if found else "the bridge"


def memory_flips(bench: FaultBench, kind, flips):
    """Flip bits of words that a program uses; return how many are flagged, and the first mistake.

    That is an output that is wrong without a flag, or a flag elsewhere; None if there is none.
    """
    random, flagged = Random(f"memory {kind}"), 0
    used = [(variable, word) for variable in bench.variables(kind)
            for word in np.nonzero(variable.read())[0].tolist()]
    for _ in range(flips):
        variable, word = random.choice(used)
        flip = bench.flip_bit(variable, word, random.randrange(variable.word_bits),
                              random.randrange(bench.cycles))
        wanted = f"{MEMORIES[kind]} {node_of(variable.name)}"
        if flip.outcome not in _FOUND or flip.faults and flip.faults[0] != wanted:
            return flagged, flip
        flagged += bool(flip.faults)
    return flagged, None


def link_flips(bench: FaultBench, flips):
    """Flip bits on links; return the places that are named first, and the first mistake, as above.

    Half of them are on the way to the gateway in the end, when outputs leave.
    """
    random, landed = Random("links"), set()
    to_gateway = [one for one in bench.variables("links")
                  if re.search(r"\.east_0_\d\.", one.name)]
    for number in range(flips):
        if number % 2:
            flip = bench.flip("links", random)
        else:
            variable = random.choice(to_gateway)
            flip = bench.flip_bit(variable, 0, random.randrange(variable.word_bits),
                                  bench.cycles - 1 - random.randrange(150))
        wanted = [node for slices, node in SLICES.items() if re.search(slices, flip.where)]
        if flip.outcome not in _FOUND or (
                flip.faults and wanted and flip.faults[0] != f"a link into {wanted[0]}"):
            return landed, flip
        landed.update(flip.faults[:1])
    return landed, None


def arithmetic_flips(bench: FaultBench, kind, flips):
    """Flip bits of a kind; return how many are detected, and the first mistake.

    That is an output that is wrong or does not come without a flag, or a flag in another node; None
    if there is none.
    """
    random, detected = Random(f"arithmetic {kind}"), 0
    for _ in range(flips):
        flip = bench.flip(kind, random)
        if flip.outcome not in _FOUND or (
                kind != "registers" and flip.faults and node_of(flip.where) not in flip.faults[0]):
            return detected, flip
        detected += flip.outcome == "detected"
    return detected, None
