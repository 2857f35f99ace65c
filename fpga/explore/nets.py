"""The nets that are searched, and what words cost them: given ones, or shapes that are trained."""

import dataclasses
import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from golden import QuantisedNet, Trainer, fixed_point_error, quantise
from golden.data.datasets import Split
from golden.data.loading import load_part, load_split
from golden.data.preparation import Preparation
from golden.data.source import Source
from golden.errors import GoldenError
from golden.fixed.precision import FixedPointError
from golden.layers.dense import LayerShape, parse_shape, without_cuts
from golden.models.net import new_net
from golden.models.read import read_chain
from golden.vectors.nets import random_net
from sw_driver.errors import DriverError
from sw_driver.files.given_nets import load_net
from sw_driver.files.kinds import own_model
from sw_driver.files.samples import check_features, data_of
from sw_driver.plan.placement import cut_dense, dense_cuts

__all__ = ["Nets", "float_net", "from_layers", "from_model", "judged", "layers_text",
           "parse_layers", "quantised"]

_SEED = 0
_HELD_BACK = 0.2  # Of the training samples: what a net that is trained here is judged on.


@dataclasses.dataclass(frozen=True)
class Nets:
    """Where nets come from.

    Parameters
    ----------
    layers
        Of the net that was asked for, as `layers_text` writes them.
    digest
        Of all that decides what its words are.
    model
        Its file, or FILE.py:FUNCTION; None for layers alone.
    data
        Samples that set the scales and judge the words; None if there are none.
    epochs
        For how long a net of other layers is trained; 0 if there are none.
    """

    layers: str
    digest: str
    model: Path | None = None
    data: Source | None = None
    epochs: int = 0


@dataclasses.dataclass(frozen=True, eq=False)
class _Judged:
    """A float model, samples that set its scales, and those that judge its words."""

    model: nn.Module
    x: np.ndarray
    judge_x: np.ndarray
    judge_y: np.ndarray | None
    preparation: Preparation | None


def layers_text(shapes: Sequence[LayerShape]) -> str:
    """Write layers as in "784,256,28,8,16 256,10": a Clos layer, and a dense one."""
    return " ".join(",".join(map(str, shape.as_tuple())) for shape in without_cuts(shapes))


def parse_layers(text: str) -> tuple[LayerShape, ...]:
    """Read what `layers_text` writes.

    Raises
    ------
    DriverError
        If it is something else, or a layer does not take the outputs of the one before.
    """
    try:
        shapes = tuple(map(parse_shape, text.split()))
    except GoldenError as error:
        raise DriverError(f"net must name a file, or layers: {error}") from error
    if not shapes:
        raise DriverError("net must name a file, or layers such as 784,256,28,8,16, not nothing")
    for left, right in zip(shapes, shapes[1:], strict=False):
        if left.out_features != right.in_features:
            raise DriverError(f"net must have layers that fit together, but {left} has "
                              f"{left.out_features} outputs, and {right} after it "
                              f"{right.in_features} inputs")
    return shapes


def from_layers(layers: str, data: Source | None = None, epochs: int = 0) -> Nets:
    """Return the net of some layers: of random weights, or trained for so many epochs on data.

    Raises
    ------
    DriverError, GoldenError
        As `parse_layers`, or the data do not fit.
    """
    layers = layers_text(parse_layers(layers))
    text = f"{layers} {epochs}"
    if data is not None:
        split = load_split(data)
        text += f" {_digest(split.train_x, split.train_y)}"
    return Nets(layers, hashlib.sha256(text.encode()).hexdigest()[:16], None, data, epochs)


def from_model(path: Path, data: Source | None = None) -> Nets:
    """Return the net of a file.

    Raises
    ------
    DriverError, GoldenError
        If there is none, nobody says which data set its scales, or they do not fit.
    """
    model, known, _ = load_net(path, None)
    source = data_of(data, known, path, "that set the scales")
    found = _given(path, source)
    shapes = [item.shape for item in read_chain(model, sample_shape=found.x.shape[1:])]
    own = own_model(str(path))
    parts = [(own.path if own else path).read_bytes(), _digest(found.x, found.judge_y).encode()]
    digest = hashlib.sha256(b"".join(parts)).hexdigest()[:16]
    return Nets(layers_text(shapes), digest, path, source)


def quantised(nets: Nets, layers: str, bits: int, rows: int, cols: int) -> QuantisedNet:
    """Return a net in words of a width, as a torus of this size cuts its dense layers."""
    shapes = parse_layers(layers)
    if nets.data is None:
        return random_net(cut_dense(shapes, rows, cols), seed=_SEED, act_bits=bits,
                          weight_bits=bits)
    found = _found(nets, layers)
    return quantise(found.model, found.x, act_bits=bits, weight_bits=bits,
                    dense_cuts=dense_cuts(shapes, rows, cols))


def judged(nets: Nets, layers: str, bits: int, rows: int, cols: int) -> tuple[float, float]:
    """Return the accuracy of a net in words and in float, on the samples that judge it.

    Without classes the first is the part of the samples whose class stays that of float, of a
    single output 1 less the mean error as a part of the range; and the second is 1.
    """
    found = _found(nets, layers)
    net = quantised(nets, layers, bits, rows, cols)
    error = fixed_point_error(found.model, net, found.judge_x, found.judge_y)
    if error.accuracy is not None and error.float_accuracy is not None:
        return error.accuracy, error.float_accuracy
    return _kept(error), 1.0


def float_net(nets: Nets, layers: str) -> tuple[nn.Module, Preparation | None]:
    """The float model of these layers, and how samples become its inputs; there are data."""
    found = _found(nets, layers)
    return found.model, found.preparation


def _kept(error: FixedPointError) -> float:
    if error.agreement is not None:
        return error.agreement
    return 1 - error.mean / error.span if error.span else float(not error.mean)


def _found(nets: Nets, layers: str) -> _Judged:
    if nets.data is None:
        raise DriverError("data must be given to judge the words of a net, not None")
    if nets.model is None:
        return _trained(layers, nets.data, nets.epochs)
    return _given(nets.model, nets.data)


@functools.lru_cache(maxsize=1)
def _given(path: Path, source: Source) -> _Judged:
    """The net of a file, and its data."""
    model, _, preparation = load_net(path, None)
    chain = read_chain(model)
    samples = load_part(source, "train", preparation, chain[-1].layer.out_features)
    check_features(samples, chain[0].layer.in_features, path)
    labels = samples.labels if samples.x.ndim == 2 else None
    return _Judged(model, samples.x, samples.x, labels, preparation)


@functools.lru_cache(maxsize=4)
def _trained(layers: str, source: Source, epochs: int) -> _Judged:
    """Train a net on four fifths of the training samples; the rest judge it."""
    split = load_split(source)
    order = np.random.default_rng(_SEED).permutation(len(split.train_x))
    held = order[: max(1, round(_HELD_BACK * len(order)))]
    rest = order[len(held):]
    parts = Split(split.train_x[rest], split.train_y[rest], split.train_x[held],
                  split.train_y[held], split.name, split.preparation)
    model = new_net(parse_layers(layers), torch.Generator().manual_seed(_SEED))
    for _ in Trainer(model, parts, seed=_SEED).run(epochs):
        pass
    return _Judged(model, parts.train_x, parts.test_x, parts.test_y, parts.preparation)


def _digest(*arrays: np.ndarray | None) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        if array is not None:
            digest.update(f"{array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
