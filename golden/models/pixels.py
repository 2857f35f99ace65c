"""Images and the torus: a pointwise Clos convolution is a Clos net at every pixel."""

import torch
from torch import Tensor, nn

from golden.clos.net import ClosNet
from golden.errors import ModelError, ShapeError
from golden.models.read import clos_chain

__all__ = ["from_pixels", "pixel_net", "to_pixels"]


def to_pixels(images: Tensor) -> Tensor:
    """Turn images [N, C, H, W] into samples [N H W, C], one a pixel, row by row.

    Raises
    ------
    ShapeError
        If there are no such images.
    """
    if images.ndim != 4 or 0 in images.shape:
        raise ShapeError(
            f"images must have shape [N, C, H, W], none of them 0, not {list(images.shape)}"
        )
    return images.movedim(1, 3).flatten(0, 2)


def from_pixels(samples: Tensor, height: int, width: int) -> Tensor:
    """Turn samples [N H W, C] back into images [N, C, H, W].

    Raises
    ------
    ShapeError
        If the samples are not those of whole images of this size.
    """
    pixels = height * width
    if samples.ndim != 2 or pixels < 1 or len(samples) % pixels:
        raise ShapeError(
            f"samples must have shape [N * {height} * {width}, C], not {list(samples.shape)}"
        )
    return samples.reshape(-1, height, width, samples.shape[1]).movedim(3, 1)


def pixel_net(model: nn.Module) -> ClosNet:
    """Return the net that `model` applies to every pixel or sample, with a copy of its weights.

    That is what a model file holds (`save_model`), so what `clostorus compile` takes.

    Parameters
    ----------
    model
        Pointwise `ClosConv2d`, or `ClosLinear`, with a ReLU after each but the last; see
        `golden.quantise` for what may stand between them.

    Raises
    ------
    ModelError
        If the model is anything else; the message names the layer.
    """
    chain = clos_chain(model)
    for item in chain[:-1]:
        if not item.relu:
            raise ModelError(
                f"{item.where} must be followed by a ReLU: all layers of a ClosNet are, but the "
                "last"
            )
    last = chain[-1]
    if not last.activation.is_none:
        raise ModelError(
            f"{last.where} must not be followed by a {last.activation}: the last layer of a "
            "ClosNet is followed by nothing"
        )
    with torch.device("meta"):  # Its weights are not drawn, so no random number is used up.
        net = ClosNet([item.layer.shape for item in chain])
    state = {
        f"layers.{index}.{name}": parameter.detach().clone()
        for index, item in enumerate(chain)
        for name, parameter in item.layer.named_parameters()
    }
    weight = chain[0].layer.input_weight
    for index, item in enumerate(chain):
        state.setdefault(f"layers.{index}.bias", weight.new_zeros(item.layer.out_features))
    net.load_state_dict(state, assign=True)
    return net.to(weight)
