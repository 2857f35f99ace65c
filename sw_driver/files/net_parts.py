"""The net of an artifact as arrays and fields of its manifest: written, read and checked."""

from typing import Any

import torch
from numpy.typing import NDArray

from golden import ClosShape, QuantisedLayer, QuantisedNet
from golden.fixed.dense import QuantisedDense
from golden.layers.dense import DenseShape
from sw_driver.files.members import Members

__all__ = ["finish_fields", "net_arrays", "net_fields", "read_net"]

# The tensors of a layer of each kind, and their dimensions.
_CLOS_TENSORS = {"input_weight": 2, "middle_weight": 3, "output_weight": 2, "bias": 1}
_DENSE_TENSORS = {"weight": 2, "bias": 1}


def net_fields(net: QuantisedNet) -> dict[str, Any]:
    """What the manifest says of a net."""
    return {
        "act_bits": net.act_bits,
        "weight_bits": net.weight_bits,
        "layers": [
            {
                "shape": list(layer.shape.as_tuple()),
                **_cuts(layer),
                "relu": layer.relu,
                "activation_fraction_bits": list(layer.activation_fraction_bits),
                "weight_fraction_bits": list(layer.weight_fraction_bits),
                **finish_fields(layer),
            }
            for layer in net.layers
        ],
    }


def finish_fields(layer: QuantisedLayer | QuantisedDense) -> dict[str, Any]:
    """What a manifest or report says of a layer's leak and bounds, where it has them."""
    found: dict[str, Any] = {"leak_shift": layer.leak_shift} if layer.leak_shift else {}
    return found if layer.bounds is None else {**found, "bounds": list(layer.bounds)}


def net_arrays(net: QuantisedNet) -> dict[str, NDArray[Any]]:
    """The arrays of a net."""
    return {
        f"layer{index}.{name}": getattr(layer, name).numpy()
        for index, layer in enumerate(net.layers)
        for name in (*layer.weight_names, "bias")
    }


def _cuts(layer: QuantisedLayer | QuantisedDense) -> dict[str, list[int]]:
    """What tells a dense layer from a Clos layer: where its sums are cut."""
    return {"cuts": list(layer.shape.cuts)} if isinstance(layer, QuantisedDense) else {}


def read_net(members: Members, fields: dict[str, Any]) -> QuantisedNet:
    """Read a net from its arrays and `net_fields`; it checks itself."""
    layers: list[QuantisedLayer | QuantisedDense] = []
    for index, layer in enumerate(fields["layers"]):
        if not isinstance(layer["relu"], bool):
            members.fail(f"relu must be true or false, not {layer['relu']!r}")
        dense = "cuts" in layer
        tensors = {
            name: torch.as_tensor(members.take(f"layer{index}.{name}", *[None] * dimensions))
            for name, dimensions in (_DENSE_TENSORS if dense else _CLOS_TENSORS).items()
        }
        if dense:
            layers.append(_dense(members, layer, tensors))
            continue
        x, h1, h2, y = members.integers("activation_fraction_bits", layer, 4)
        w1, w2, w3 = members.integers("weight_fraction_bits", layer, 3)
        layers.append(
            QuantisedLayer(
                shape=ClosShape(*members.integers("shape", layer, 5)),
                **tensors,
                relu=layer["relu"],
                activation_fraction_bits=(x, h1, h2, y),
                weight_fraction_bits=(w1, w2, w3),
                **_finish(members, layer),
            )
        )
    return QuantisedNet(tuple(layers), fields["act_bits"], fields["weight_bits"])


def _dense(
    members: Members, fields: dict[str, Any], tensors: dict[str, torch.Tensor]
) -> QuantisedDense:
    """Put a dense layer together from its fields and tensors."""
    inputs, outputs = members.integers("shape", fields, 2)
    cuts = members.integers("cuts", fields, len(fields["cuts"]))
    stages = 2 if cuts else 1
    return QuantisedDense(
        shape=DenseShape(inputs, outputs, cuts),
        **tensors,
        relu=fields["relu"],
        activation_fraction_bits=members.integers("activation_fraction_bits", fields, stages + 1),
        weight_fraction_bits=members.integers("weight_fraction_bits", fields, stages),
        **_finish(members, fields),
    )


def _finish(members: Members, fields: dict[str, Any]) -> dict[str, Any]:
    """Read what `finish_fields` gives."""
    bounds = members.integers("bounds", fields, 2) if "bounds" in fields else None
    return {"leak_shift": fields.get("leak_shift", 0), "bounds": bounds}
