"""What a value of a traced model is: the layers that a sample has passed."""

import dataclasses
import re

import torch
from torch import Tensor

from golden.errors import ModelError, ShapeError
from golden.models.activation import NONE, Activation
from golden.models.layers import ActivatedLayer, AnyLayer, Diagonal, inputs_scaled, outputs_scaled

__all__ = ["SAMPLES", "Flow", "Place", "sizes_named"]

SAMPLES = 7919
"""Samples of the example: a prime, so that no reshape can share them among its dimensions."""


@dataclasses.dataclass(frozen=True)
class Place:
    """Where in a model something happens; `kind` is "layer" of a module, "node" of a function."""

    position: str
    source: str | None
    kind: str

    def __str__(self) -> str:
        """Write it as a message begins."""
        return f"{self.kind} {self.position}" + (f" ({self.source})" if self.source else "")


@dataclasses.dataclass(frozen=True, eq=False)
class Flow:
    """A value between two operations: every operation gives another one.

    Parameters
    ----------
    example
        What it looks like for `SAMPLES` samples, on the meta device: [N, ...], the features of a
        sample in order, however many dimensions they have; or [N, C, H, W] of pixels.
    pixels
        Whether samples are pixels.
    layers
        What was passed so far.
    pending
        A scale and a shift that no layer has taken yet.
    """

    example: Tensor
    pixels: bool = False
    layers: tuple[ActivatedLayer[AnyLayer], ...] = ()
    pending: Diagonal | None = None

    @property
    def features(self) -> torch.Size:
        """The dimensions behind the first, those of pixels apart."""
        return self.example.shape[1:2] if self.pixels else self.example.shape[1:]

    def shaped(self, example: Tensor, place: Place, what: str) -> "Flow":
        """Return it in another shape, with the same features in the same order."""
        if self.pixels and example.shape != self.example.shape:
            raise ModelError(
                f"{place} is a {what} behind a convolution, which is not supported: it would join "
                "the pixels, each of which is a sample"
            )
        if example.shape[:1] != self.example.shape[:1]:
            raise ModelError(
                f"{place} is a {what} that makes {self.shown(example)} of {self.shown()}, which is "
                "not supported: the first dimension must stay that of the samples, as in "
                "flatten(1)"
            )
        return dataclasses.replace(self, example=example)

    def affine(self, place: Place, layer: AnyLayer, *, pixels: bool = False) -> "Flow":
        """Pass a layer."""
        before = f"layer {self.layers[-1].position}" if self.layers else "the samples"
        if pixels != self.pixels:
            raise ModelError(
                f"{place}: a model must be all ClosLinear and Linear or all convolutions, for the "
                f"samples of {before} are other ones"
            )
        dimension = 1 if pixels else -1
        given = self.example.shape[dimension] if self.example.ndim > 1 else 1
        if given != layer.in_features:
            raise ShapeError(
                f"{place}: in_features must be {given}, the outputs of {before}, "
                f"not {layer.in_features}"
            )
        if not pixels and self.example.shape[1:].numel() != given:
            raise ModelError(
                f"{place} computes each vector of {self.shown()} on its own, which "
                "is not supported: make each a sample, or flatten(1) before it"
            )
        shape = list(self.example.shape)
        shape[dimension] = layer.out_features
        item: ActivatedLayer[AnyLayer] = ActivatedLayer(
            place.position, layer, NONE, pixels, place.source
        )
        if self.pending is not None:
            item = inputs_scaled(item, self.pending)
        return Flow(torch.empty(shape, device="meta"), pixels, (*self.layers, item))

    def elementwise(
        self, place: Place, scale: object = 1.0, shift: object = 0.0, *, channels: bool = False
    ) -> "Flow":
        """Scale and shift every feature by its own numbers, or `channels` by theirs."""
        diagonal = Diagonal(
            self._per_feature(place, scale, channels),
            self._per_feature(place, shift, channels),
            (place.position,),
        )
        if self.pending is not None:
            return dataclasses.replace(self, pending=self.pending.then(diagonal))
        if self.layers and self.layers[-1].activation.is_none:
            last = outputs_scaled(self.layers[-1], diagonal)
            return dataclasses.replace(self, layers=(*self.layers[:-1], last))
        return dataclasses.replace(self, pending=diagonal)

    def activate(self, place: Place, activation: Activation, name: str) -> "Flow":
        """Pass an activation."""
        if activation.is_none:
            return self
        if not self.layers:
            raise ModelError(
                f"{place}: a {name} must follow a layer of weights such as a ClosLinear, for it is "
                "a part of that layer's output stage; put one before it, or apply it to the data"
            )
        layers = self._settled(f"{place}: a {name}").layers
        both = layers[-1].activation.then(activation)
        last = dataclasses.replace(layers[-1], activation=both)
        return dataclasses.replace(self, layers=(*layers[:-1], last), pending=None)

    def finished(self) -> tuple[ActivatedLayer[AnyLayer], ...]:
        """Return the layers, once this is the model's result."""
        if not self.layers:
            raise ModelError(
                "the model must hold at least one ClosLinear or Linear, but holds none"
            )
        return self._settled("the end of the model").layers

    def _settled(self, before: str) -> "Flow":
        """Move what is pending through the activation before it, into that layer."""
        found = self.pending
        if found is None:
            return self
        last = self.layers[-1]
        uniform = bool((found.scale == found.scale[0]).all())
        homogeneous = last.activation.is_homogeneous or uniform
        if not (bool((found.scale > 0).all()) and bool((found.shift == 0).all()) and homogeneous):
            raise ModelError(
                f"{' and '.join(found.positions)} between {before} and the {last.activation} "
                f"behind layer {last.position} fit into no weights: put a layer of weights behind "
                "them, or move them before the activation"
            )
        activation = last.activation.scaled(float(found.scale[0]))
        if last.activation.is_homogeneous:
            activation = last.activation
        last = dataclasses.replace(outputs_scaled(last, found), activation=activation)
        return dataclasses.replace(self, layers=(*self.layers[:-1], last), pending=None)

    def _per_feature(self, place: Place, value: object, channels: bool) -> Tensor:
        """Return [F] float64 of a number, or of a tensor as PyTorch broadcasts it."""
        given = torch.as_tensor(value).detach().to("cpu", torch.float64)
        size = self.features
        fits = True
        if channels and given.ndim:  # As BatchNorm does: one for each of dimension 1.
            given = given.reshape(-1, *[1] * (len(size) - 1))
        elif self.pixels and given.ndim:
            fits = given.ndim in (3, 4) and given.shape[-2:] == (1, 1)
            given = given.flatten(-3) if fits else given
        if given.ndim == len(size) + 1 and given.shape[0] == 1:
            given = given[0]
        try:
            if fits:
                return given.broadcast_to(size).reshape(-1)
        except RuntimeError:
            pass
        raise ModelError(
            f"{place} takes a tensor {list(given.shape)}, which is not supported: it must be a "
            f"number, or one for each of the features {list(size)}"
        )

    def shown(self, example: Tensor | None = None) -> str:
        """Write the shape of the example, or of another one."""
        shape = self.example.shape if example is None else example.shape
        return sizes_named(str(list(shape)))


def sizes_named(text: str) -> str:
    """Write the number of samples as N, wherever it stands in a text."""

    def named(found: re.Match[str]) -> str:
        whole, rest = divmod(int(found[0]), SAMPLES)
        if rest or not whole:
            return found[0]
        return "N" if whole == 1 else f"{whole} N"

    return re.sub(r"\d+", named, text)
