"""Programs that read all memories of a torus that trains."""

import dataclasses
from collections.abc import Iterator

from hw.config import TorusConfig
from hw.op_fields import Axis, GatherKind, HostOutKind, MacKind, Memory, RingKind
from sw_driver.program.image import Op
from sw_driver.program.program import Program

__all__ = ["Dump", "dump_program", "list_dumps"]


@dataclasses.dataclass(frozen=True)
class Dump:
    """Repetitions that read `records` records each from one memory, from record `first` on."""

    memory: Memory
    first: int
    records: int
    reps: int
    chunks: int

    @property
    def words(self) -> int:
        """Words that one PE gives in a repetition."""
        return self.records * self.chunks


def list_dumps(config: TorusConfig, weights: int, biases: int) -> Iterator[Dump]:
    """List the dumps that read `weights` weights, `biases` biases and the LFSR of every PE."""
    most_words = config.buffer_words // config.cols
    for memory, count, chunks in (
        (Memory.WEIGHTS, weights, config.weight_chunks),
        (Memory.BIASES, biases, config.bias_record_chunks),
        (Memory.LFSR, 1, config.lfsr_chunks),
    ):
        records = min(count, most_words // chunks)
        first = 0
        while first < count:
            size = min(records, count - first)
            reps = min((count - first) // size, 1 << config.rep_bits)
            yield Dump(memory, first, size, reps, chunks)
            first += size * reps


def dump_program(config: TorusConfig, weights: int, biases: int) -> Program:
    """Make the program that reads `weights` weights, `biases` biases and the LFSR of every PE.

    It gives, for every repetition of every dump of `list_dumps`, a row of words from each gateway:
    the words of column C - 1, then those of column C - 2, and so on, each in address order.
    """
    row: list[Op] = []
    mac: list[Op] = []
    ring: list[Op] = []
    host_out: list[Op] = []
    for dump in list_dumps(config, weights, biases):
        reps = {"reps": dump.reps - 1}
        total = dump.words * config.cols
        recv = total - dump.words
        row.append(
            {
                "kind": GatherKind.PASS.value,
                **reps,
                "own": dump.words,
                "recv": recv,
                "to_gateway": 1,
                "need_first": 1,
                "need_step": 1 if dump.reps > 1 else 0,
            }
        )
        op: Op = {
            "kind": MacKind.DUMP.value,
            "dest": Axis.ROW.value,
            "w_base": dump.first,
            "last_word": dump.records - 1,
            "memory": dump.memory.value,
        }
        # All repetitions use the same words of the buffer, so each but the very first waits until
        # the words of the one before have been sent.
        further = dump.reps
        if not mac:
            mac.append({**op, "reps": 0, "need_free": 0})
            further -= 1
            op["w_base"] = dump.first + dump.records
        if further:
            mac.append({**op, "reps": further - 1, "need_free": 1})
        ring.append({"kind": RingKind.SINK.value, **reps, "recv": total, "send": recv})
        beats = -(-total // config.beat_words)
        host_out.append({"kind": HostOutKind.COLLECT.value, **reps, "beats": beats})
    return Program.build(config, (row, [], mac, ring, [], host_out))
