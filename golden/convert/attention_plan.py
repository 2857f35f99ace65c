"""How the four projections of `nn.MultiheadAttention` are replaced."""

from typing import Any, cast

import torch
from torch import Tensor, nn

from golden.convert.attention import MAPS, ProjectedAttention
from golden.convert.dense_forms import as_linear
from golden.convert.plan import LayerSpec, Plan
from golden.errors import GoldenError, ModelError

__all__ = ["attention_plan"]


def attention_plan(layer: nn.MultiheadAttention, spec: LayerSpec) -> Plan:
    """Return the plan by which `spec` replaces each of the projections.

    Raises
    ------
    ModelError
        If the attention has learned keys and values, or `spec` cannot replace a projection; the
        message names it.
    """
    held = cast(Any, layer)
    if held.bias_k is not None or held.bias_v is not None or layer.add_zero_attn:
        raise ModelError(
            "the attention must have no add_bias_kv and no add_zero_attn: its replacement has none"
        )
    plans: list[Plan] = []
    for name, projection in zip(MAPS, _projections(held), strict=True):
        try:
            plan = spec.plan(projection)
        except GoldenError as error:
            raise ModelError(f"{name}: {error}") from error
        if plan is None:
            raise ModelError(f"{name}: {type(spec).__name__} has nothing for it")
        plans.append(plan)
    options: dict[str, Any] = {
        "num_heads": layer.num_heads,
        "dropout": layer.dropout,
        "batch_first": layer.batch_first,
    }
    entries: dict[str, object] = {
        name: {"kind": plan.kind, "arguments": plan.arguments}
        for name, plan in zip(MAPS, plans, strict=True)
    }

    def make(given: Tensor | None) -> nn.Module:
        maps = [plan.make(None) for plan in plans]
        return ProjectedAttention(maps[0], maps[1], maps[2], maps[3], **options)

    weights = sum(plan.weights for plan in plans)
    fitted = all(plan.fitted for plan in plans)
    return Plan("ProjectedAttention", entries | options, weights, make, fitted)


def _projections(layer: Any) -> list[nn.Linear]:
    size = layer.embed_dim
    with torch.enable_grad():  # So that a part of what is trained says that it is.
        if layer.in_proj_weight is not None:
            weights = layer.in_proj_weight.split(size)
        else:
            weights = [layer.q_proj_weight, layer.k_proj_weight, layer.v_proj_weight]
        biases = [None] * 3 if layer.in_proj_bias is None else layer.in_proj_bias.split(size)
        found = [as_linear(w, b) for w, b in zip(weights, biases, strict=True)]
        return [*found, as_linear(layer.out_proj.weight, layer.out_proj.bias)]
