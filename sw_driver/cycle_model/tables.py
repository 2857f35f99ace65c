"""Programs as the model reads them: queues of ops, and how long each takes to fetch."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from hw.config import PROGRAM_BLOCK_WORDS, TorusConfig
from hw.ops import END, LOOP, gateway_queues, op_words, pe_queues
from sw_driver.program import Op, Program, unpack_image

__all__ = ["BLOCK_WORDS", "Queue", "Tables"]

BLOCK_WORDS = PROGRAM_BLOCK_WORDS


@dataclasses.dataclass(frozen=True)
class Queue:
    """A queue of a program.

    Parameters
    ----------
    words
        Link words of an op.
    ops
        Its ops, an END last; the target of a LOOP is an index in this list.
    """

    words: int
    ops: tuple[Op, ...]

    def is_end(self, index: int) -> bool:
        """Whether an op is the END."""
        return self.ops[index]["kind"] == END

    def is_loop(self, index: int) -> bool:
        """Whether an op is a LOOP."""
        return self.ops[index]["kind"] == LOOP


@dataclasses.dataclass(frozen=True)
class Tables:
    """A program, taken apart.

    Parameters
    ----------
    pe, gateway
        The queues of both parts; those of the PEs end at once if they have no program.
    pe_blocks, gateway_blocks
        Blocks of both parts, headers left out; 0 if there is none.
    """

    pe: tuple[Queue, ...]
    gateway: tuple[Queue, ...]
    pe_blocks: int
    gateway_blocks: int

    @classmethod
    def of(cls, config: TorusConfig, program: Program) -> "Tables":
        """Read a program from its images."""

        def queues(layouts: Sequence[Any], image: list[int]) -> tuple[Queue, ...]:
            lists = unpack_image(config, layouts, image) if image else [[]] * len(layouts)
            return tuple(
                Queue(op_words(config, layout), (*ops, {"kind": END}))
                for layout, ops in zip(layouts, lists, strict=True)
            )

        return cls(
            pe=queues(pe_queues(config), program.pe_image),
            gateway=queues(gateway_queues(config), program.gateway_image),
            pe_blocks=max(len(program.pe_image) // BLOCK_WORDS - 1, 0),
            gateway_blocks=len(program.gateway_image) // BLOCK_WORDS - 1,
        )
