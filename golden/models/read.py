"""Which layers a model chains, where a torus could compute it."""

from collections.abc import Sequence

import torch
from torch import fx, nn
from torch.nn.utils import parametrize

from golden.clos.layer import ClosLinear
from golden.errors import ModelError
from golden.models.layers import ActivatedLayer, AnyLayer, hooks
from golden.models.reader import read_graph
from golden.models.trace import check_as_it_stands, evaluation_copy, place_of, trace, unwrapped

__all__ = ["checked_module", "clos_chain", "read_chain"]


def read_chain(
    model: nn.Module, *, training: bool = False, sample_shape: Sequence[int] | None = None
) -> list[ActivatedLayer[AnyLayer]]:
    """Return the layers of a model in the order in which a sample passes them.

    A layer that is called twice is there twice. BatchNorms, scales and shifts are in the weights.
    The model stays as it is: a copy of it is traced, in evaluation mode.

    Parameters
    ----------
    model
        Any module whose forward is a chain of what docs/models.md lists, however it is written.
    training
        Whether the layers are to be trained. Weights that two places share, that are masked or
        computed from others, BatchNorms, scales, activations other than ReLU, and hooks on
        gradients are then refused: a torus has one weight in one place, and changes all of them.
    sample_shape
        Shape of one sample, such as (1, 28, 28); by default as many features as the first layer
        takes, in one dimension, or pixels [C, H, W] for a convolution.

    Raises
    ------
    ModelError
        If the model does something else; the message names the layer or the node of the graph, its
        line in the model's forward, and what comes nearest to it.
    ShapeError
        If the layers do not fit together.
    """
    inner = checked_module(model)
    check_as_it_stands(inner, training=training)
    root, graph = trace(evaluation_copy(inner))
    shape = None if sample_shape is None else tuple(sample_shape)
    chain = list(read_graph(root, graph, shape))
    for item in chain:
        _check_weights(item)
    if training:
        _check_trainable(root, graph)
        for item in chain:
            _check_trainable_layer(item)
    return chain


def clos_chain(
    model: nn.Module, *, training: bool = False, sample_shape: Sequence[int] | None = None
) -> list[ActivatedLayer[ClosLinear]]:
    """Return what `read_chain` does, of a model without dense layers; errors as there."""
    found: list[ActivatedLayer[ClosLinear]] = []
    for item in read_chain(model, training=training, sample_shape=sample_shape):
        layer = item.layer
        if not isinstance(layer, ClosLinear):
            raise ModelError(
                f"{item.where} is a dense layer of {layer.in_features} inputs and "
                f"{layer.out_features} outputs, which must be a Clos layer here: the nearest is "
                "ClosLinear, which ClosLinear.from_dense fits to it"
            )
        found.append(item.of(layer))
    return found


def checked_module(model: object) -> nn.Module:
    """Return a model without what wraps it.

    Raises
    ------
    ModelError
        If it is no module.
    """
    if not isinstance(model, nn.Module):
        raise ModelError(
            "model must be a torch module, such as a ClosNet or what load_model(path) returns, "
            f"not a {type(model).__name__}"
        )
    return unwrapped(model)


def _check_weights(item: ActivatedLayer[AnyLayer]) -> None:
    for name, parameter in item.layer.named_parameters():
        if not parameter.is_floating_point():
            raise ModelError(f"{item.where}: {name} must be of real numbers, not {parameter.dtype}")
        if not bool(torch.isfinite(parameter).all()):
            raise ModelError(f"{item.where}: {name} must be finite, but holds NaN or infinity")


def _check_trainable(root: nn.Module, graph: fx.Graph) -> None:
    """Refuse weights that a torus cannot train, as they are in another place, too, or computed."""
    seen: dict[int, str] = {}
    for node in graph.nodes:
        if node.op != "call_module":
            continue
        module, place = root.get_submodule(str(node.target)), place_of(node)
        if isinstance(module, nn.modules.batchnorm._BatchNorm):  # pyright: ignore[reportPrivateUsage]
            raise ModelError(
                f"{place} is a {type(module).__name__}, which no torus trains: "
                "golden.fold_batch_norm(model.eval()) returns the net with it in the weights, to "
                "be trained further"
            )
        masked = any(hooks(inner, "_forward_pre_hooks") for inner in module.modules())
        if masked or any(parametrize.is_parametrized(inner) for inner in module.modules()):
            raise ModelError(
                f"{place} has weights that are masked or computed from others, which a torus "
                "cannot train: it changes every weight; make them plain first, with "
                "torch.nn.utils.prune.remove or parametrize.remove_parametrizations"
            )
        for name, parameter in module.named_parameters():
            use = f"{name.rpartition('.')[2]} of {place}"
            if id(parameter) in seen:
                raise ModelError(
                    f"{use} is {seen[id(parameter)]}, too, and a torus cannot train weights that "
                    "two places share: give each place a layer of its own"
                )
            seen[id(parameter)] = use


def _check_trainable_layer(item: ActivatedLayer[AnyLayer]) -> None:
    if item.folded:
        raise ModelError(
            f"{item.where} is scaled or shifted by {' and '.join(item.folded)}, which no torus "
            "trains: golden.fold_batch_norm(model.eval()) returns the net with it in the weights, "
            "to be trained further"
        )
    if not (item.activation.is_none or item.activation.is_relu):
        raise ModelError(
            f"{item.where} is followed by {item.activation}, which no torus trains: the nearest is "
            "ReLU, and a net that was trained elsewhere is compiled for inference with it"
        )
