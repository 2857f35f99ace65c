"""A dense layer's replacement by any cascade of sparse ones."""

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from golden.arguments import items
from golden.errors import ShapeError
from golden.layers.connections import Connections, connections_of
from golden.layers.sparse import SparseStage
from golden.tensors.autocast import add_bias
from golden.tensors.inputs import check_features

__all__ = ["SparseCascade"]


class SparseCascade(nn.Module):
    """A drop-in for `nn.Linear` whose matrix is a product of sparse ones: NeuroFabric, section III.

    y = S_l ... S_2 S_1 x + bias. The neurons between the stages are linear. Only the weights that
    exist are stored, so the layer is worth it where the densities add up to less than 1. A single
    mask makes an a-priori pruned layer; a last, diagonal mask the diagonal layer of the appendix.

    Parameters
    ----------
    masks
        One per stage, the input's first: bool [out, in], True where a connection is trained. A
        `golden.topologies.Topology` has them, and the constants. They hold numbers even where
        `device` is "meta".
    constants
        One per stage: [out, in], values of the connections that are not trained and 0 elsewhere
        (skip connections have 1: NeuroFabric, section VII-A). Without it there is none.
    bias
        Whether to add a learned bias [O], which starts at 0.
    initialisation
        "sparse-xavier" (NeuroFabric, eq. 2) or "per-neuron-fan" (Evci et al.).
    device, dtype
        Of the parameters, as for `nn.Linear`.

    Attributes
    ----------
    stages : ModuleList
        The `SparseStage` of every mask.
    bias : Parameter or None
        [O].

    Raises
    ------
    ShapeError
        If there is no mask, two that follow each other do not fit, or one is not as said; also if
        an output depends on no input, which the message names.
    """

    bias: nn.Parameter | None

    def __init__(
        self,
        masks: Sequence[Tensor],
        constants: Sequence[Tensor] | None = None,
        bias: bool = True,
        initialisation: str = "sparse-xavier",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make the stages; see the class."""
        super().__init__()
        masks = items("masks", masks)
        constants = None if constants is None else items("constants", constants)
        if len(masks) == 0:
            raise ShapeError("masks must hold at least one stage, not none")
        if constants is not None and len(constants) != len(masks):
            raise ShapeError(
                f"constants must have one tensor for each of the {len(masks)} masks, "
                f"not {len(constants)}"
            )
        stages: list[SparseStage] = []
        for index, mask in enumerate(masks):
            constant = None if constants is None else constants[index]
            try:
                stages.append(SparseStage(mask, constant, initialisation, device, dtype))
            except ShapeError as error:
                raise ShapeError(f"stage {index}: {error}") from error
        for index, (first, second) in enumerate(itertools.pairwise(stages), 1):
            if second.in_features != first.out_features:
                raise ShapeError(
                    f"stage {index}: mask must have {first.out_features} columns, the outputs of "
                    f"stage {index - 1}, not {second.in_features}"
                )
        found = map(connections_of, masks, constants or itertools.repeat(None))
        sizes = stages[0].in_features, *(stage.out_features for stage in stages)
        _check_reached(tuple(found), sizes)
        self.stages = nn.ModuleList(stages)
        self.in_features, self.out_features = stages[0].in_features, stages[-1].out_features
        offset = torch.zeros(self.out_features, device=device, dtype=dtype)
        self.register_parameter("bias", nn.Parameter(offset) if bias else None)

    @property
    def parts(self) -> list[SparseStage]:
        """The stages, as what they are."""
        return [stage for stage in self.stages if isinstance(stage, SparseStage)]

    @property
    def weight(self) -> Tensor:
        """The equivalent weight [O, I], `to_dense()`, for code that reads that of an `nn.Linear`.

        It is computed each time, so that a change of it changes nothing.
        """
        return self.to_dense()

    @property
    def density(self) -> float:
        """Trained connections relative to the I O of a dense layer; above 1 nothing is saved."""
        trained = sum(stage.weight.numel() for stage in self.parts)
        return trained / (self.in_features * self.out_features)

    @property
    def bandwidth(self) -> int:
        """Most independent signals that pass: the width of the narrowest layer (section I)."""
        return min(self.in_features, *(stage.out_features for stage in self.parts))

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights anew, and set the bias to 0."""
        for stage in self.parts:
            stage.reset_parameters(generator)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Compute [..., I] to [..., O]."""
        check_features(x, self.in_features)
        columns = x.reshape(-1, self.in_features).T
        for stage in self.stages:
            columns = stage(columns)
        y = columns.T.reshape(x.shape[:-1] + (self.out_features,))
        return add_bias(y, self.bias)

    def to_dense(self) -> Tensor:
        """Multiply the stages out to the equivalent weight [O, I] of an `nn.Linear`.

        Element [j, i] is the sum over all paths from i to j of the product of their weights:
        NeuroFabric, eq. 5. Differentiable.
        """
        product, *others = [stage.to_dense() for stage in self.parts]
        for matrix in others:
            product = matrix @ product
        return product

    def extra_repr(self) -> str:
        """Describe the layer as `nn.Linear` does."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


def _check_reached(found: Sequence[Connections], sizes: Sequence[int]) -> None:
    reached = np.ones(sizes[0], bool)
    for connections, size in zip(found, sizes[1:], strict=True):
        outputs, sources = np.concatenate(connections[:2], axis=1)
        after = np.zeros(size, bool)
        after[outputs[reached[sources]]] = True
        reached = after
    missing = [int(output) for output in (~reached).nonzero()[0][:9]]
    if missing:
        named = ", ".join(map(str, missing[:8])) + (", ..." if len(missing) > 8 else "")
        raise ShapeError(f"every output must be reached by an input, but these are not: {named}")
