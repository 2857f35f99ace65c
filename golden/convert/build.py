"""Sparse layers from what says how they are made, in values that JSON has."""

import base64
import binascii
import inspect
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from golden.arguments import items, mapping, shown, whole_number
from golden.clos.layer import ClosLinear
from golden.convert.attention import MAPS, ProjectedAttention
from golden.errors import ModelError
from golden.layers import (
    ClosConv1d,
    ClosConv2d,
    ClosGRU,
    ClosLSTM,
    LowRankConv2d,
    LowRankLinear,
    SparseCascade,
    SparseRandomConv2d,
)

__all__ = ["KINDS", "arguments_of", "built", "packed", "unpacked"]

KINDS: dict[str, type[nn.Module]] = {
    "ClosLinear": ClosLinear,
    "ClosConv1d": ClosConv1d,
    "ClosConv2d": ClosConv2d,
    "ClosLSTM": ClosLSTM,
    "ClosGRU": ClosGRU,
    "LowRankLinear": LowRankLinear,
    "LowRankConv2d": LowRankConv2d,
    "ProjectedAttention": ProjectedAttention,
    "SparseCascade": SparseCascade,
    "SparseRandomConv2d": SparseRandomConv2d,
}
"""The layers that replace others, by the names that a record has."""

_OWN = ("self", "device", "dtype", "generator")
_MOST_CELLS = 1 << 34


def arguments_of(layer: nn.Module, **given: object) -> dict[str, object]:
    """Return what a layer is made with again, but for its device and type; `given` as it is.

    Each argument of its class is the attribute of the same name; a bias is whether there is one.
    """
    found: dict[str, object] = {}
    for name in inspect.signature(type(layer).__init__).parameters:
        if name in given:
            found[name] = given[name]
        elif name not in _OWN and hasattr(layer, name):
            value: object = getattr(layer, name)
            if name == "bias" and not isinstance(value, bool):
                value = value is not None
            found[name] = list(cast(Sequence[object], value)) if isinstance(value, tuple) else value
    return found


def built(
    kind: str, arguments: Mapping[str, object], device: torch.device, dtype: torch.dtype
) -> nn.Module:
    """Make the layer of a kind of `KINDS`.

    Raises
    ------
    GoldenError
        If there is no such kind, or these are not its arguments.
    """
    made = KINDS.get(kind)
    if made is None:
        raise ModelError(f"kind must be one of {', '.join(KINDS)}, not {shown(kind)}")
    known = set(inspect.signature(made.__init__).parameters) - set(_OWN)
    if made is SparseRandomConv2d:
        known.add("channels")
    for name in arguments:
        if name not in known:
            raise ModelError(
                f"arguments of {kind} must be among {', '.join(sorted(known))}, not {shown(name)}"
            )
    values = {name: _tuples(value) for name, value in arguments.items()}
    try:
        if made is ProjectedAttention:
            return _attention(values, device, dtype)
        if made is SparseCascade:
            return _cascade(values, device, dtype)
        if made is SparseRandomConv2d:
            return _random_convolution(values, device, dtype)
        return cast(Any, made)(**values, device=device, dtype=dtype)
    except TypeError as error:  # Of an argument that is missing.
        reason = str(error).partition("\n")[0]
        raise ModelError(f"arguments of {kind} must make a layer: {reason}") from error


def packed(mask: Tensor) -> dict[str, object]:
    """Write a bool matrix: its shape, and its bits, row by row, compressed, as a text."""
    bits = np.packbits(mask.detach().cpu().numpy())
    text = base64.b64encode(zlib.compress(bits.tobytes(), 9)).decode()
    return {"shape": list(mask.shape), "bits": text}


def unpacked(value: object) -> Tensor:
    """Read what `packed` wrote.

    Raises
    ------
    ModelError
        If it is something else.
    """
    held = mapping("a mask", value, error=ModelError)
    size = [whole_number("shape of a mask", one, 1, error=ModelError)
            for one in items("shape of a mask", held.get("shape"), 2, error=ModelError)]
    cells = size[0] * size[1]
    if cells > _MOST_CELLS:
        raise ModelError(f"shape of a mask must have at most {_MOST_CELLS} cells, not {cells}")
    length = -(-cells // 8)
    text = held.get("bits")
    try:
        read = zlib.decompressobj()
        raw = read.decompress(base64.b64decode(cast(str, text), validate=True), length + 1)
    except (TypeError, ValueError, binascii.Error, zlib.error) as error:
        raise ModelError(f"bits of a mask must be as they were written, not {shown(text)}") \
            from error
    if len(raw) != length:
        raise ModelError(f"bits of a mask must be {length} bytes for shape {size}, not {len(raw)}")
    bits = np.unpackbits(np.frombuffer(raw, np.uint8), count=cells)
    return torch.as_tensor(bits).bool().reshape(size)


def _tuples(value: object) -> object:
    """Return lists as tuples, as arguments are spelled."""
    return tuple(cast(list[object], value)) if isinstance(value, list) else value


def _attention(
    values: dict[str, Any], device: torch.device, dtype: torch.dtype
) -> ProjectedAttention:
    for name in MAPS:
        entry = mapping(name, values.get(name), error=ModelError)
        kind = entry.get("kind")
        if not isinstance(kind, str) or kind == "ProjectedAttention":
            raise ModelError(f"kind of {name} must be that of a linear layer, not {shown(kind)}")
        arguments = mapping(f"arguments of {name}", entry.get("arguments"), error=ModelError)
        values[name] = built(kind, arguments, device, dtype)
    return ProjectedAttention(**values)


def _cascade(values: dict[str, Any], device: torch.device, dtype: torch.dtype) -> SparseCascade:
    masks = [unpacked(one) for one in items("masks", values.pop("masks", None), error=ModelError)]
    constants = values.pop("constants", None)
    if constants is not None:
        whole = items("constants", constants, len(masks), error=ModelError)
        constants = [_constants(one) for one in whole]
    made = SparseCascade(masks, constants, **values, device="cpu", dtype=dtype)
    return _moved(made, device)


def _constants(value: object) -> Tensor:
    held = mapping("a constant", value, error=ModelError)
    edges = unpacked(held.get("edges"))
    values = items("values", held.get("values"), int(edges.sum()), error=ModelError)
    try:
        numbers = torch.tensor(values, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"values of constants must be numbers, not {shown(values)}") from error
    return torch.zeros(edges.shape, dtype=torch.float64).masked_scatter(edges, numbers)


def _random_convolution(
    values: dict[str, Any], device: torch.device, dtype: torch.dtype
) -> SparseRandomConv2d:
    channels = unpacked(values.pop("channels", None))
    degrees = channels.sum(dim=1)
    if int(degrees.min()) != int(degrees.max()) or int(degrees.min()) < 1:
        raise ModelError("channels must be as many, at least 1, in each row of their mask")
    degree = int(degrees[0])
    alpha = degree / channels.shape[1]
    if 1 in channels.shape:
        alpha **= 2  # Of which the layer takes the root.
    generator = torch.Generator().manual_seed(0)
    made = SparseRandomConv2d(
        **values, alpha=alpha, generator=generator, device="cpu", dtype=dtype
    )
    if (made.out_channels, made.in_channels) != tuple(channels.shape):
        raise ModelError(
            f"channels must have shape [{made.out_channels}, {made.in_channels}], "
            f"not {list(channels.shape)}"
        )
    made.channels.copy_(channels.nonzero()[:, 1].reshape(made.channels.shape))
    made.reset_parameters()
    return _moved(made, device)


def _moved(layer: nn.Module, device: torch.device) -> Any:
    """Bring a layer to its device; to "meta" without its indices, which no state would bring."""
    if device.type != "meta":
        return layer.to(device)
    for module in layer.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            held = nn.Parameter(parameter.to(device), requires_grad=parameter.requires_grad)
            setattr(module, name, held)
    return layer
