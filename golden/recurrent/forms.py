"""The forms in which a walk through time can be computed, and which of them is used."""

from typing import Any, cast

import torch
from torch import Tensor, nn

from golden.clos.layer import ClosLinear
from golden.recurrent.function import WalkCall, fast_walk
from golden.recurrent.operator import compiled_walk
from golden.recurrent.plain import STEPS, plain_walk
from golden.tensors.autocast import as_operands
from golden.tensors.tracing import serves_any_batch

__all__ = ["walk"]

_PLAIN = (Tensor, nn.Parameter)  # Classes of tensors of others see each operation.


def walk(
    cell: str,
    input_map: nn.Module,
    state_map: nn.Module,
    x: Tensor,
    states: tuple[Tensor, ...],
    all_cells: bool,
    training: bool,
) -> tuple[Tensor, ...]:
    """Compute the outputs [T, N, H], and c of an LSTM [T, N, H], or at least the last of it.

    Parameters
    ----------
    cell
        "lstm" or "gru".
    input_map, state_map
        `ClosLinear` to all gates.
    x, states
        Inputs [T, N, I] and states [N, H] before.
    all_cells
        Whether c of an LSTM is wanted at all times.
    training
        Whether a graph that is exported is to have gradients: it then has the steps one by one, and
        serves sequences of one length.
    """
    exports = _exports()
    if _is_plain(input_map) and _is_plain(state_map) and not _is_transformed(x):
        maps = cast(Any, input_map), cast(Any, state_map)
        parts = [(*one.weights, one.bias) for one in maps]
        given: list[Any] = [x, *parts[0], *parts[1], *states]
        if cell == "lstm":  # Under autocast a GRU of PyTorch's keeps the type of its state.
            given = [None if one is None else as_operands(one, device=x.device)[0] for one in given]
        call = WalkCall(cell, (maps[0].shape, maps[1].shape), all_cells)
        if exports and not training:
            return call.scanned(given[0], tuple(given[1:]))
        types = {one.dtype for one in given if one is not None}
        if not exports and len(types) == 1 and not _is_autocast_gru(cell, x):
            if torch.compiler.is_compiling():
                return compiled_walk(call, *given)
            if all(one is None or type(one) in _PLAIN for one in given):
                return fast_walk(call, *given)
    return plain_walk(STEPS[cell], input_map, state_map, x, states)


def _is_autocast_gru(cell: str, x: Tensor) -> bool:
    kind = x.device.type
    if cell != "gru" or not torch.amp.is_autocast_available(kind):
        return False
    return torch.is_autocast_enabled(kind)


def _exports() -> bool:
    """Whether a graph is exported, which is to hold PyTorch's own operations alone."""
    return bool(getattr(torch.compiler, "is_exporting", bool)())  # Not before PyTorch 2.7.


def _is_plain(module: nn.Module) -> bool:
    """Whether calling the module does nothing but to compute its map."""
    hooks = cast(Any, module)
    return type(module) is ClosLinear and not (
        hooks._forward_hooks
        or hooks._forward_pre_hooks
        or hooks._backward_hooks
        or hooks._backward_pre_hooks
    )


def _is_transformed(x: Tensor) -> bool:
    """Whether steps are recorded, mapped over or differentiated forwards."""
    if torch.compiler.is_compiling():
        return False
    if serves_any_batch(x):
        return True
    private = cast(Any, torch)
    return (
        private._C._are_functorch_transforms_active()
        or private.autograd.forward_ad._current_level >= 0
    )
