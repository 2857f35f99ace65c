"""Any model as layers and activations alone, to be saved or trained further."""

from collections.abc import Sequence

import torch
from torch import nn

from golden.clos.layer import ClosLinear
from golden.clos.net import ClosNet
from golden.clos.shape import ClosShape
from golden.layers.dense import LayerShape
from golden.models.activation import NONE, RELU, Activation
from golden.models.chain import ChainNet
from golden.models.layers import AnyLayer
from golden.models.read import read_chain

__all__ = ["chain_net", "empty_net", "fold_batch_norm", "new_net"]


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
    biases = [one.layer.bias is not None for one in chain]  # pyright: ignore[reportUnnecessaryComparison]
    net = empty_net([one.shape for one in chain], [one.activation for one in chain], biases)
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


def empty_net(
    shapes: Sequence[LayerShape], activations: Sequence[Activation], biases: Sequence[bool] = ()
) -> ClosNet | ChainNet:
    """Return the net of these layers on the meta device, without weights.

    It is a `ClosNet`, which has biases everywhere, if all are Clos layers with a ReLU between any
    two. `biases` says for each layer of a `ChainNet` whether it has one; by default all have.
    """
    clos = [shape for shape in shapes if isinstance(shape, ClosShape)]
    relus = all(activation.is_relu for activation in activations[:-1])
    with torch.device("meta"):  # No random number is used up.
        if len(clos) == len(shapes) and relus and activations[-1].is_none:
            return ClosNet(clos)
        layers = [
            ClosLinear.of_shape(shape, bias)
            if isinstance(shape, ClosShape)
            else nn.Linear(*shape.as_tuple(), bias=bias)
            for shape, bias in zip(shapes, biases or [True] * len(shapes), strict=True)
        ]
        return ChainNet(layers, activations)


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
