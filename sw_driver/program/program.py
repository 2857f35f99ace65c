"""Programs of the torus, and those that load weights and ask for the hardware id."""

import dataclasses
from collections.abc import Mapping
from enum import IntEnum

from hw.config import PROGRAM_BLOCK_WORDS, TorusConfig
from hw.op_fields import (
    GATEWAY_QUEUES,
    LOOP,
    PE_QUEUES,
    GatherKind,
    HostInKind,
    HostOutKind,
    MacKind,
    RingKind,
    gateway_fields,
    pe_fields,
)
from sw_driver.program.image import Op, pack_image

__all__ = [
    "OP_KINDS",
    "QUEUE_NAMES",
    "Program",
    "Queues",
    "id_program",
    "load_program",
    "load_runs",
]

# Row, column and MAC queue of the PEs; ring, host input and host output queue of the gateways.
Queues = tuple[list[Op], ...]

QUEUE_NAMES = (*PE_QUEUES, *GATEWAY_QUEUES)
"""All queues of a program, in the order of `Queues`."""

OP_KINDS: Mapping[str, type[IntEnum]] = {
    "row": GatherKind,
    "col": GatherKind,
    "mac": MacKind,
    "ring": RingKind,
    "host_in": HostInKind,
    "host_out": HostOutKind,
}
"""The kinds of op of each queue."""

_NO_QUEUES: Queues = ([], [], [])


@dataclasses.dataclass(frozen=True, eq=False)
class Program:
    """One program of the torus, as its host must send it.

    Parameters
    ----------
    config
        The torus that it is for.
    pe_image
        Link words of the PEs' program, header block first; empty if the PEs have none.
    gateway_image
        Link words of the gateways' program, header block first.
    gateway
        The queues of the gateways' program.
    """

    config: TorusConfig
    pe_image: list[int]
    gateway_image: list[int]
    gateway: Queues

    @classmethod
    def build(cls, config: TorusConfig, queues: Queues) -> "Program":
        """Pack queues; those of the gateways begin with the ops that load the PEs' program.

        Raises
        ------
        ProgramError
            If an op does not fit its fields, or a program does not fit its memory.
        """
        pe, (ring, host_in, host_out) = queues[:3], queues[3:]
        pe_image: list[int] = []
        if any(pe):
            pe_image = pack_image(config, pe_fields(config), pe)
            blocks = len(pe_image) // PROGRAM_BLOCK_WORDS
            chunks = _chunks(blocks, 1 << config.rep_bits)
            send = {"kind": RingKind.SEND.value, "recv": 0, "send": PROGRAM_BLOCK_WORDS}
            deal = {"kind": HostInKind.BROADCAST.value, "beats": config.block_beats}
            ring = _after([{**send, "reps": chunk - 1} for chunk in chunks], ring)
            host_in = _after([{**deal, "reps": chunk - 1} for chunk in chunks], host_in)
        gateway = ring, host_in, host_out
        image = pack_image(config, gateway_fields(config), gateway)
        return cls(config, pe_image, image, gateway)


def _after(first: list[Op], queue: list[Op]) -> list[Op]:
    """Return a queue with ops put before it; targets of LOOPs move on."""
    return first + [
        {**op, "target": op["target"] + len(first)} if op["kind"] == LOOP else op for op in queue
    ]


def _chunks(total: int, most: int) -> list[int]:
    """Cut `total` into parts of `most`, and a rest if there is one."""
    return [most] * (total // most) + [total % most] * (total % most > 0)


def load_runs(config: TorusConfig, words: int) -> list[tuple[int, int]]:
    """List the pieces in which `words` words of a row are loaded, as (words, number of pieces).

    Each has whole transfers, equally many for every PE.
    """
    unit = config.cols * config.link_words
    most = config.buffer_words // unit * unit
    whole, rest = divmod(words, most)
    return [(most, whole)] * (whole > 0) + [(rest, 1)] * (rest > 0)


def load_program(config: TorusConfig, weights: int, biases: int) -> Program:
    """Make the program that loads `weights` weights and `biases` biases into every PE.

    The host sends it first [R, weights * C] words, where word a * C + c is for address a of column
    c, and then [R, biases * bias_chunks * C] words in the same order, the low chunk of a bias
    first. Where links move two words at once they are dealt to the columns two by two, and an odd
    number of words for a PE is made even. Where a torus trains, each weight and each bias is a
    record with all its words, and after them come the `lfsr_chunks` words of every random
    generator.
    """
    row: list[Op] = []
    ring: list[Op] = []
    host_in: list[Op] = []
    kinds = [
        (GatherKind.WEIGHTS, weights * config.weight_chunks),
        (GatherKind.BIASES, biases * config.bias_record_chunks),
    ]
    free = {"lag": 1}
    if config.training is not None:
        kinds.append((GatherKind.LFSR, config.lfsr_chunks))
        free = {}
    for kind, count in kinds:
        for words, total in load_runs(config, config.whole_transfers(count) * config.cols):
            for reps in _chunks(total, 1 << config.rep_bits):
                row.append({"kind": kind.value, "reps": reps - 1, "recv": words, **free})
                ring.append(
                    {"kind": RingKind.SEND.value, "reps": reps - 1, "recv": 0, "send": words}
                )
                beats = -(-words // config.beat_words)
                host_in.append({"kind": HostInKind.SCATTER.value, "reps": reps - 1, "beats": beats})
    return Program.build(config, (row, [], [], ring, host_in, []))


def id_program(config: TorusConfig) -> Program:
    """Make the program that asks for the hardware id."""
    host_out: list[Op] = [{"kind": HostOutKind.ID.value, "reps": 0, "beats": 0}]
    return Program.build(config, (*_NO_QUEUES, [], [], host_out))
