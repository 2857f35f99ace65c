"""A topology: which edges a cascade of sparse layers has, and which of them are constant."""

import dataclasses
import itertools
from collections.abc import Sequence

import torch
from torch import Tensor

from golden.arguments import instance, items, tensor
from golden.errors import TopologyError

__all__ = ["Topology", "check_elements", "summary_of"]

_MOST_ELEMENTS = 1 << 28  # Of all stages: 5 bytes each, and for a while about 10 more.
_MOST_STAGES = 1 << 14
_NAMED = 8  # Of a longer list, only so many numbers are printed.


@dataclasses.dataclass(frozen=True, eq=False)
class Topology:
    """The edges of a cascade that replaces one dense layer: NeuroFabric, section III.

    Stage l joins layer l of neurons to layer l + 1; layer 0 holds the inputs, the last layer the
    outputs. All neurons but the outputs are linear. W = S_L ... S_2 S_1, with W [O, I].

    Parameters
    ----------
    name
        How the topology is called; for those of this package, what `parse_topology` reads.
    masks
        One per stage, the input's first: bool [out, in], True where an edge is trained.
    constants
        One per stage: float [out, in], the value of every constant edge and 0 elsewhere; without
        it, there is no constant edge. No edge is both trained and constant.

    Raises
    ------
    TopologyError
        If there is no stage, a tensor has another type or shape than said, the sizes of two stages
        that follow each other differ, or an edge is both trained and constant. Outputs that no
        input reaches are allowed here: `require_reachable` refuses them.
    """

    name: str
    masks: tuple[Tensor, ...]
    constants: tuple[Tensor, ...] = ()

    def __post_init__(self) -> None:
        """Check types and shapes; see the class."""
        instance("name", self.name, str, error=TopologyError)
        for field in ("masks", "constants"):
            held = items(field, getattr(self, field), error=TopologyError)
            for one in held:
                tensor(f"{self.name}: each of {field}", one, error=TopologyError)
            object.__setattr__(self, field, held)
        if not self.masks:
            raise TopologyError(f"{self.name}: masks must hold at least one stage, not none")
        if not self.constants:
            zeros = tuple(torch.zeros(mask.shape) for mask in self.masks)
            object.__setattr__(self, "constants", zeros)
        if len(self.constants) != len(self.masks):
            raise TopologyError(
                f"{self.name}: constants must have one tensor for each of the {len(self.masks)} "
                f"stages, not {len(self.constants)}"
            )
        for stage, (mask, constant) in enumerate(zip(self.masks, self.constants, strict=True)):
            self._check_stage(stage, mask, constant)
        for stage, (first, second) in enumerate(itertools.pairwise(self.masks)):
            if first.shape[0] != second.shape[1]:
                raise TopologyError(
                    f"{self.name}: mask {stage + 1} must have {first.shape[0]} columns, the "
                    f"outputs of mask {stage}, not {second.shape[1]}"
                )

    def _check_stage(self, stage: int, mask: Tensor, constant: Tensor) -> None:
        if mask.ndim != 2 or mask.dtype != torch.bool or 0 in mask.shape:
            raise TopologyError(
                f"{self.name}: mask {stage} must be bool [out, in] with neither empty, "
                f"not {mask.dtype} {list(mask.shape)}"
            )
        if constant.shape != mask.shape or not constant.is_floating_point():
            raise TopologyError(
                f"{self.name}: constant {stage} must be floating-point {list(mask.shape)}, "
                f"not {constant.dtype} {list(constant.shape)}"
            )
        both = (mask & (constant != 0)).nonzero()
        if len(both):
            out, source = (int(index) for index in both[0])
            raise TopologyError(
                f"{self.name}: the edge of stage {stage} from {source} to {out} must be either "
                "trained or constant, not both"
            )

    @property
    def depth(self) -> int:
        """Stages."""
        return len(self.masks)

    @property
    def widths(self) -> tuple[int, ...]:
        """Neurons of every layer, from the inputs to the outputs: depth + 1 numbers."""
        return (self.masks[0].shape[1], *(mask.shape[0] for mask in self.masks))

    @property
    def in_features(self) -> int:
        """Inputs I."""
        return self.widths[0]

    @property
    def out_features(self) -> int:
        """Outputs O."""
        return self.widths[-1]

    @property
    def adjacency(self) -> tuple[Tensor, ...]:
        """Per stage, bool [out, in]: where there is an edge, trained or constant."""
        pairs = zip(self.masks, self.constants, strict=True)
        return tuple(mask | (constant != 0) for mask, constant in pairs)

    @property
    def parameters(self) -> int:
        """Trained edges."""
        return sum(int(mask.count_nonzero()) for mask in self.masks)

    @property
    def edges(self) -> int:
        """All edges, trained and constant."""
        return sum(int(stage.count_nonzero()) for stage in self.adjacency)

    @property
    def density(self) -> float:
        """Trained edges relative to the I O of a dense layer; above 1 nothing is saved."""
        return self.parameters / (self.in_features * self.out_features)

    def matrices(self, weights: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return the stages' matrices [..., out, in] for given weights; differentiable.

        Parameters
        ----------
        weights
            Per stage [..., edges]: the trained edges' values, in the order of `mask.nonzero()`.
            Leading dimensions are those of a batch of cascades.

        Raises
        ------
        TopologyError
            If the number of tensors, or of their last dimension, is another.
        """
        weights = [
            tensor("weights", weight, error=TopologyError)
            for weight in items("weights", weights, error=TopologyError)
        ]
        sizes = [int(mask.count_nonzero()) for mask in self.masks]
        given = [weight.shape[-1] if weight.ndim else 0 for weight in weights]
        if given != sizes:
            raise TopologyError(f"{self.name}: weights must have sizes {sizes}, not {given}")
        found: list[Tensor] = []
        for mask, constant, weight in zip(self.masks, self.constants, weights, strict=True):
            whole = constant.to(weight).expand(*weight.shape[:-1], *mask.shape).clone()
            found.append(whole.masked_scatter(mask.expand_as(whole), weight.reshape(-1)))
        return tuple(found)

    def reached_outputs(self) -> Tensor:
        """Return bool [O]: the outputs that at least one input reaches."""
        reached = torch.ones(self.in_features, dtype=torch.bool)
        for stage in self.adjacency:
            reached = (stage & reached).any(1)
        return reached

    def require_reachable(self) -> "Topology":
        """Return the topology itself.

        Raises
        ------
        TopologyError
            If an output is reached by no input; the message says which.
        """
        missing = (~self.reached_outputs()).nonzero().flatten()
        if len(missing):
            first = [int(output) for output in missing[: _NAMED + 1]]
            raise TopologyError(
                f"{self.name}: every output must be reached by an input, but {len(missing)} of "
                f"{self.out_features} are not: {summary_of(first)}"
            )
        return self


def check_elements(elements: int, stages: int = 1) -> None:
    """Refuse a topology that is too large to be held, before its masks are made.

    `elements` are the outputs times inputs of all stages together.

    Raises
    ------
    TopologyError
        If there are more than 2^28, or more than 2^14 stages.
    """
    if elements > _MOST_ELEMENTS:
        raise TopologyError(
            "outputs times inputs of all stages together must be at most "
            f"{_MOST_ELEMENTS}, not {elements}"
        )
    if stages > _MOST_STAGES:
        raise TopologyError(f"a topology must have at most {_MOST_STAGES} stages, not {stages}")


def summary_of(numbers: Sequence[int]) -> str:
    """Write numbers for a message; only the first ones of a long list."""
    shown = ", ".join(str(number) for number in numbers[:_NAMED])
    return shown if len(numbers) <= _NAMED else f"{shown}, ..."
