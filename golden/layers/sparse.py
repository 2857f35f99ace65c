"""A sparse matrix that is trained: the connections that exist, and no others."""

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from golden.arguments import empty_parameter, shown, tensor
from golden.clos.initialise import INITIALISATIONS, per_neuron_fan_, sparse_xavier_
from golden.errors import ShapeError
from golden.tensors.autocast import as_operands
from golden.tensors.tracing import is_exporting, own_size

__all__ = ["SparseStage"]

_MATRIX_FROM = 1 / 20
_SUM = 0  # The number of `embedding_bag`'s mode.


class SparseStage(nn.Module):
    """One sparse linear map, y = S x, which stores a number for each connection.

    Parameters
    ----------
    mask
        Bool [out, in]: the trained connections.
    constants
        [out, in]: values of connections that are not trained, 0 where there is none. By default
        there is none anywhere.
    initialisation
        "sparse-xavier" (NeuroFabric, eq. 2) or "per-neuron-fan" (Evci et al.).
    device, dtype
        Of the weights, as for `nn.Linear`.

    Attributes
    ----------
    weight : Parameter
        [edges]: values of the trained connections, in the order of `mask.nonzero()`.
    edges : Tensor
        Int64 [2, edges]: output and input of every trained connection.
    constant_edges, constant_values : Tensor
        The same of the constant ones: int64 [2, constants] and [constants].

    Raises
    ------
    ShapeError
        If `mask` is no bool matrix, `constants` are not finite or not of its shape or name a
        trained connection too, or `initialisation` is unknown.
    """

    edges: Tensor
    constant_edges: Tensor
    constant_values: Tensor

    def __init__(
        self,
        mask: Tensor,
        constants: Tensor | None = None,
        initialisation: str = "sparse-xavier",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Keep the connections and draw the weights; see the class."""
        super().__init__()
        if not isinstance(cast(object, initialisation), str) or (
            initialisation not in INITIALISATIONS
        ):
            raise ShapeError(
                f"initialisation must be one of {', '.join(INITIALISATIONS)}, "
                f"not {shown(initialisation)}"
            )
        mask = tensor("mask", mask)
        if mask.ndim != 2 or mask.dtype != torch.bool or 0 in mask.shape:
            raise ShapeError(
                f"mask must be bool [out, in] with neither empty, "
                f"not {mask.dtype} {list(mask.shape)}"
            )
        if constants is None:
            constants = torch.zeros(mask.shape, device=mask.device)
        constants = tensor("constants", constants)
        if constants.is_complex() or not bool(torch.isfinite(constants).all()):
            raise ShapeError("constants must be finite real numbers")
        if constants.shape != mask.shape:
            raise ShapeError(
                f"constants must have the mask's shape {list(mask.shape)}, "
                f"not {list(constants.shape)}"
            )
        fixed = constants != 0
        if bool((mask & fixed).any()):
            out, source = (int(index) for index in (mask & fixed).nonzero()[0])
            raise ShapeError(
                f"the connection from {source} to {out} must be either trained or constant, "
                "not both"
            )
        self.out_features, self.in_features = mask.shape
        self.initialisation = initialisation
        weight = empty_parameter((int(mask.sum()),), device, dtype)
        values = constants[fixed].to(dtype or torch.get_default_dtype())
        self.register_buffer("edges", mask.nonzero().T.contiguous().to(device))
        self.register_buffer("constant_edges", fixed.nonzero().T.contiguous().to(device))
        self.register_buffer("constant_values", values.to(device))
        self.weight = weight
        self.reset_parameters()
        self.register_load_state_dict_pre_hook(_take_connections)  # pyright: ignore[reportUnknownMemberType]

    @property
    def mask(self) -> Tensor:
        """Bool [out, in]: the trained connections."""
        mask = torch.zeros(
            self.out_features, self.in_features, dtype=torch.bool, device=self.edges.device
        )
        mask[self.edges[0], self.edges[1]] = True
        return mask

    @property
    def density(self) -> float:
        """Part of all connections that is trained."""
        return self.weight.numel() / (self.in_features * self.out_features)

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights anew; a stage without any keeps its constants."""
        self.draw_(self.weight, generator)

    def draw_(self, weight: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw `weight` [edges] as this stage's weights are drawn, and return it."""
        if self.initialisation == "per-neuron-fan":
            return per_neuron_fan_(weight, self.edges[0], generator)
        fans = (self.in_features + self.out_features) * self.density
        return sparse_xavier_(weight, fans, generator) if weight.numel() else weight

    def to_dense(self) -> Tensor:
        """Return the whole matrix [out, in], constants included; differentiable."""
        whole = self.weight.new_zeros(self.out_features, self.in_features)
        whole = whole.index_put((self.edges[0], self.edges[1]), self.weight)
        return whole.index_put(
            (self.constant_edges[0], self.constant_edges[1]), self.constant_values
        )

    def forward(self, columns: Tensor) -> Tensor:
        """Compute [in, N] to [out, N], in the form that suits the density.

        Gathering takes time for every connection; the whole matrix takes it for every element, but
        is some twenty times faster for each. What is exported is for runtimes such as ONNX's, many
        of which cannot gather in this way.
        """
        connections = own_size(self.edges.shape[1] + self.constant_edges.shape[1])
        dense = connections > _MATRIX_FROM * self.in_features * self.out_features
        if dense or is_exporting():
            return self.by_matrix(columns)
        return self.by_gather(columns)

    def by_matrix(self, columns: Tensor) -> Tensor:
        """Compute [in, N] to [out, N] as the product with the whole matrix."""
        return self.to_dense() @ columns

    def by_gather(self, columns: Tensor) -> Tensor:
        """Compute [in, N] to [out, N] connection by connection, nothing else being stored.

        `embedding_bag` with a weight for every row that it adds is the product of a matrix in
        compressed sparse rows, and has gradients for both factors.
        """
        sums = self._bags(self.edges, self.weight, columns)
        if own_size(self.constant_edges.shape[1]) == 0:
            return sums
        return sums + self._bags(self.constant_edges, self.constant_values, columns)

    def _bags(self, edges: Tensor, values: Tensor, columns: Tensor) -> Tensor:
        columns, values = as_operands(columns, values, device=edges.device)
        if own_size(edges.shape[1]) == 0:
            return columns.new_zeros(self.out_features, columns.shape[1])
        outputs = torch.arange(self.out_features, device=edges.device)
        starts = torch.searchsorted(edges[0], outputs)  # The edges are in the outputs' order.
        # Not that of `nn.functional`, whose checks of its arguments cannot be traced.
        return torch.embedding_bag(
            columns.contiguous(), edges[1], starts, mode=_SUM, per_sample_weights=values
        )[0]

    def extra_repr(self) -> str:
        """Describe the matrix."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"edges={self.weight.numel()}, constants={self.constant_values.numel()}"
        )


def _take_connections(
    stage: nn.Module, state_dict: Mapping[str, Tensor], prefix: str, *_: object
) -> None:
    """Make room for the connections of a state: a layer may have grown since it was made.

    Not where the weight is computed from others, such as a pruned one: those have a fixed size.
    """
    if not isinstance(stage, SparseStage) or "weight" not in dict(stage.named_parameters()):
        return
    edges = state_dict.get(f"{prefix}edges", stage.edges)
    if edges.shape != stage.edges.shape and edges.shape[:1] == (2,):
        stage.edges = stage.edges.new_empty(edges.shape)
        stage.weight = nn.Parameter(stage.weight.new_empty(edges.shape[1]))
    constants = state_dict.get(f"{prefix}constant_edges", stage.constant_edges)
    if constants.shape != stage.constant_edges.shape and constants.shape[:1] == (2,):
        stage.constant_edges = stage.constant_edges.new_empty(constants.shape)
        stage.constant_values = stage.constant_values.new_empty(constants.shape[1])
