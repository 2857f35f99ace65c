"""Whether a program ends in the RTL: it runs in the native model, and then another one must."""

import functools

import numpy as np

from hw.op_fields import HostInKind
from hw.tops import TOPS
from sim.errors import Unfinished
from sim.model.emitted import emitted_torus
from sim.model.native import NativeModel
from sim.model.transfers import Stalls
from sw_driver.program.host_stream import decode_id, program_beats
from sw_driver.program.loops import repetitions
from sw_driver.program.program import id_program
from tests.support.deadlock.untimed import ENDED, STUCK

__all__ = ["CASES", "run_rtl"]

CASES = (0, 11, 4, 60, 73)
"""Programs of `cases.sound` whose tori are built: two infer, one of them with links of two words,
and three train, one of them stale by one."""
_MOST_CYCLES = 60_000


@functools.lru_cache(maxsize=len(CASES))
def model_of(config):
    """The native model of a torus."""
    return NativeModel(emitted_torus(config), TOPS["torus"])


def run_rtl(config, program, host, seed):
    """Say whether a program ends: ENDED or STUCK.

    The host gives zeros, and rests at random. After the program the torus is asked for its id,
    which it gives only if all of its queues have come to their end.
    """
    model = model_of(config)
    model.reset()
    stalls = Stalls(in_per_mille=200 * (seed % 3), out_per_mille=200 * (seed % 2), seed=seed)
    try:
        for beats, count in _host(config, program, host):
            model.run(beats, count, max_cycles=_MOST_CYCLES, stalls=stalls)
        asked = model.run(program_beats(id_program(config)), 64 // config.host_bits or 1,
                          max_cycles=_MOST_CYCLES)
    except Unfinished:
        return STUCK
    assert decode_id(asked.beats) == config.hardware_id
    return ENDED


def _host(config, program, host):
    """Go through what the host does: beats that it sends, and how many it takes meanwhile."""
    beats = program_beats(program)
    width = beats.shape[1]
    loads = len(program.pe_image) * bool(program.pe_image) // 16
    sent = [op["beats"] * (config.rows if op["kind"] == HostInKind.SCATTER else 1)
            for op, _ in repetitions(program.gateway[1])][loads:]
    taken = [op["beats"] * config.rows
             for op, _ in repetitions(program.gateway[2])]
    if host is None:
        yield np.concatenate([beats, np.zeros((sum(sent), width), np.uint32)]), sum(taken)
        return
    yield beats, 0
    queues = {"in": iter(sent), "out": iter(taken)}
    for kind, reps in host:
        count = sum(next(queues[kind]) for _ in range(reps))
        none = np.zeros((0, width), np.uint32)
        yield (np.zeros((count, width), np.uint32), 0) if kind == "in" else (none, count)
