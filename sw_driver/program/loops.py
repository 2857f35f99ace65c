"""The ops of a queue as they are run, with LOOPs carried out, and their repetitions."""

import itertools
from collections.abc import Iterator, Sequence

from hw.op_fields import LOOP
from sw_driver.program.image import Op

__all__ = ["expand", "repetitions"]


def expand(queue: Sequence[Op]) -> Iterator[tuple[int, Op]]:
    """Go through the ops of a queue as they are run, as (index, op); LOOPs are carried out."""
    numbered = list(enumerate(queue))
    for index, op in numbered:
        if op["kind"] == LOOP:
            body = numbered[op["target"] : index]
            yield from itertools.chain.from_iterable(itertools.repeat(body, op["count"]))
        else:
            yield index, op


def repetitions(queue: Sequence[Op]) -> list[tuple[Op, int]]:
    """List the repetitions of a queue as they are run: each with its op, and its number in it."""
    return [(op, rep) for _, op in expand(queue) for rep in range(op["reps"] + 1)]
