"""Programs as the model reads them: queues of ops, and how long each takes to fetch."""

import dataclasses
from collections.abc import Iterator, Sequence

from hw.config import PROGRAM_BLOCK_WORDS, TorusConfig
from hw.op_fields import END, LOOP, Fields, gateway_fields, op_lines, pe_fields
from sw_driver.program.image import Op, unpack_image
from sw_driver.program.program import Program

__all__ = ["HEADER", "PROGRAM", "PROGRAM_BLOCK_WORDS", "Place", "Queue", "Tables"]

# In the place of an op's index: the built-in op, bringing the header and the rest of a program.
HEADER, PROGRAM = -1, -2

Place = tuple[int, int]
"""What an engine is at: index of an op in its queue, and repetition."""


@dataclasses.dataclass(frozen=True)
class Queue:
    """A queue of a program.

    Parameters
    ----------
    lines
        Lines of program memory that an op takes.
    ops
        Its ops, an END last; the target of a LOOP is an index in this list.
    """

    lines: int
    ops: tuple[Op, ...]

    def is_end(self, index: int) -> bool:
        """Whether an op is the END."""
        return self.ops[index]["kind"] == END

    def is_loop(self, index: int) -> bool:
        """Whether an op is a LOOP."""
        return self.ops[index]["kind"] == LOOP

    def engine_ops(self) -> Iterator[tuple[int, Op]]:
        """The ops that reach an engine, with their indices."""
        for index, op in enumerate(self.ops):
            if op["kind"] not in (END, LOOP):
                yield index, op


@dataclasses.dataclass(frozen=True)
class Tables:
    """A program, taken apart.

    Parameters
    ----------
    pe, gateway
        The queues of both parts; those of the PEs are empty if they have no program.
    pe_blocks, gateway_blocks
        Blocks of both parts, headers left out; 0 if there is none.
    """

    pe: tuple[Queue, ...]
    gateway: tuple[Queue, ...]
    pe_blocks: int
    gateway_blocks: int

    @classmethod
    def of_program(cls, config: TorusConfig, program: Program) -> "Tables":
        """Read a program from its images."""

        def queues(fields: Sequence[Fields], image: list[int]) -> tuple[Queue, ...]:
            none: list[list[Op]] = [[] for _ in fields]
            lists = unpack_image(config, fields, image) if image else none
            return tuple(
                Queue(op_lines(config, one), (*ops, {"kind": END}))
                for one, ops in zip(fields, lists, strict=True)
            )

        return cls(
            pe=queues(pe_fields(config), program.pe_image),
            gateway=queues(gateway_fields(config), program.gateway_image),
            pe_blocks=max(len(program.pe_image) // PROGRAM_BLOCK_WORDS - 1, 0),
            gateway_blocks=len(program.gateway_image) // PROGRAM_BLOCK_WORDS - 1,
        )
