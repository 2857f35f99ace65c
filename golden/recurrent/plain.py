"""The walk through time in PyTorch's own operations: what is differentiated twice, mapped over by
`torch.func`, traced or exported, and what the fast walk is compared with.
"""

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor

__all__ = ["STEPS", "Map", "Step", "plain_walk", "scanned_walk"]

Map = Callable[[Tensor], Tensor]
States = tuple[Tensor, ...]
Step = Callable[[Tensor, Tensor, States], States]
"""From the maps of input and state [N, gates H] and the states [N, H] to the next states."""


def plain_walk(
    step: Step, input_map: Map, state_map: Map, x: Tensor, states: States
) -> tuple[Tensor, ...]:
    """Compute inputs [T, N, I] and states [N, H] to all later states, each [T, N, H]."""
    given = input_map(x)  # Of all times at once: these do not wait for the state.
    found: list[States] = []
    for one in given.unbind():
        states = step(one, state_map(states[0]), states)
        found.append(states)
    return tuple(torch.stack(each) for each in zip(*found, strict=True))


def scanned_walk(
    step: Step, input_map: Map, state_map: Map, x: Tensor, states: States
) -> tuple[Tensor, ...]:
    """Compute the same by PyTorch's `scan`, which a graph holds as one node for any T."""
    from torch._higher_order_ops.scan import scan

    def combine(held: States, one: Tensor) -> tuple[States, States]:
        after = step(one, state_map(held[0]), held)
        return after, tuple(each.clone() for each in after)

    _, found = cast(Any, scan)(combine, tuple(one.clone() for one in states), input_map(x))
    return tuple(found)


def _lstm(given: Tensor, held: Tensor, state: States) -> States:
    keep_in, keep, new, out = (given + held).chunk(4, dim=-1)
    c = torch.sigmoid(keep) * state[1] + torch.sigmoid(keep_in) * torch.tanh(new)
    return torch.sigmoid(out) * torch.tanh(c), c


def _gru(given: Tensor, held: Tensor, state: States) -> States:
    """The reset gate acts behind the state's map, as in PyTorch."""
    reset_x, keep_x, new_x = given.chunk(3, dim=-1)
    reset_h, keep_h, new_h = held.chunk(3, dim=-1)
    keep = torch.sigmoid(keep_x + keep_h)
    new = torch.tanh(new_x + torch.sigmoid(reset_x + reset_h) * new_h)
    return (keep * state[0] + (1 - keep) * new,)


STEPS: dict[str, Step] = {"lstm": _lstm, "gru": _gru}
"""By the name of a cell of `golden.recurrent.cells`."""
