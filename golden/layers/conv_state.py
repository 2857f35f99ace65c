"""States of Clos convolutions that were saved in a former form."""

from torch import Tensor, nn

__all__ = ["take_former"]


def take_former(
    layer: nn.Module,
    state_dict: dict[str, Tensor],
    prefix: str,
    _metadata: object,
    _strict: bool,
    _missing: list[str],
    _unexpected: list[str],
    errors: list[str],
) -> None:
    """Take a state in which the layer at every pixel was "pointwise"; say what cannot be taken."""
    former = f"{prefix}pointwise."
    names = [name for name in state_dict if name.startswith(former)]
    kernels = state_dict.pop(f"{prefix}depthwise_weight", None)
    if kernels is not None:
        errors.append(
            f"{prefix}depthwise_weight belongs to a former form of {type(layer).__name__}, a "
            "depthwise convolution before a Clos layer, which this one cannot hold: make a new "
            "layer from_dense of the nn.Conv2d with the former to_dense()"
        )
    for name in names:
        tensor = state_dict.pop(name)
        if kernels is None:
            state_dict[f"{prefix}parts.0.{name.removeprefix(former)}"] = tensor
