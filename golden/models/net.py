"""Any model as layers and activations alone, to be saved or trained further."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import nn

from golden.clos.layer import ClosLinear
from golden.clos.net import ClosNet
from golden.clos.shape import ClosShape
from golden.layers.dense import LayerShape
from golden.models.activation import NONE, RELU
from golden.models.chain import ChainNet
from golden.models.layers import ActivatedLayer, AnyLayer
from golden.models.read import read_chain

__all__ = ["chain_net", "fold_batch_norm", "new_net"]


def chain_net(model: nn.Module) -> ClosNet | ChainNet:
    """Return the net that `model` applies to every pixel or sample, with a copy of its weights.

    Parameters
    ----------
    model
        What `golden.models.read.read_chain` takes; its errors are those of it.

    Returns
    -------
    ClosNet or ChainNet
        A `ClosNet` if that is what the model is: Clos layers with a ReLU between any two.
    """
    chain = read_chain(model)
    if _is_clos_net(chain):
        with torch.device("meta"):  # Its weights are not drawn, so no random number is used up.
            net = ClosNet([cast(ClosLinear, item.layer).shape for item in chain])
    else:
        net = ChainNet.of_operations(
            ChainNet(
                [item.layer for item in chain], [item.activation for item in chain]
            ).operations()
        )
    types = [one.dtype for one in model.parameters() if one.is_floating_point()]
    dtype = types[0] if types else torch.float32
    state = {
        f"layers.{index}.{name}": parameter.detach().to(dtype, copy=True)
        for index, item in enumerate(chain)
        for name, parameter in item.layer.named_parameters()
    }
    for name, parameter in net.named_parameters():  # A ClosNet has biases everywhere.
        state.setdefault(name, torch.zeros(parameter.shape, dtype=dtype))
    net.load_state_dict(state, assign=True)
    for parameter in net.parameters():
        parameter.requires_grad_()
    return net


def new_net(
    shapes: Sequence[LayerShape], generator: torch.Generator | None = None
) -> ClosNet | ChainNet:
    """Return a net of these layers with first weights, and with a ReLU between any two.

    A dense layer begins as `nn.Linear` does. `generator` is of the weights, PyTorch's global one by
    default.
    """
    clos = [shape for shape in shapes if isinstance(shape, ClosShape)]
    if len(clos) == len(shapes):
        return ClosNet(clos, generator=generator)
    layers: list[AnyLayer] = []
    for shape in shapes:
        if isinstance(shape, ClosShape):
            layer = ClosLinear.of_shape(shape)
            if generator is not None:
                layer.reset_parameters(generator)
        else:
            layer = nn.Linear(shape.in_features, shape.out_features)
            bound = shape.in_features**-0.5
            with torch.no_grad():
                for parameter in layer.parameters():
                    parameter.uniform_(-bound, bound, generator=generator)
        layers.append(layer)
    return ChainNet(layers, [RELU] * (len(layers) - 1) + [NONE])


def fold_batch_norm(model: nn.Module) -> ClosNet | ChainNet:
    """Return the same net as layers and activations alone, to be trained further on a torus.

    BatchNorms, scales and shifts are in the weights of the layers then, dropout is left out, and
    masked or normalised weights are plain. It computes what the model does in evaluation mode.

    Parameters
    ----------
    model
        What `golden.quantise` takes, dense layers too, in evaluation mode.

    Raises
    ------
    ModelError, ShapeError
        If it is anything else; the message names the layer or node.
    """
    return chain_net(model)


def _is_clos_net(chain: Sequence[ActivatedLayer[AnyLayer]]) -> bool:
    clos = all(isinstance(item.layer, ClosLinear) for item in chain)
    return clos and all(item.relu for item in chain[:-1]) and chain[-1].activation.is_none
