"""A sparse matrix that is trained: the connections that exist, and no others."""

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from golden.arguments import empty_parameter, shown
from golden.clos.initialise import INITIALISATIONS, per_neuron_fan_, sparse_xavier_
from golden.errors import ShapeError
from golden.layers.connections import connections_of
from golden.layers.sparse_product import Wiring, bags, sparse_product, wiring_of
from golden.tensors.autocast import as_operands
from golden.tensors.tracing import is_exporting, own_size, serves_any_batch

__all__ = ["SparseStage", "fastest_form"]

_MATRIX_FROM = 1 / 20  # Density of a matrix that is recorded with a graph.

# Nanoseconds on one thread of an x86 processor, forward alone and with gradients: of a call, of a
# connection and of a connection and sample; of a call, an element, an element and sample, and a
# connection.
_GATHER_NS = {False: (15_000, 1.5, 0.052), True: (95_000, 12.0, 0.16)}
_MATRIX_NS = {False: (14_000, 0.3, 0.018, 4.0), True: (45_000, 1.0, 0.056, 6.0)}

_BUFFERS = ("edges", "constant_edges", "constant_values")


def fastest_form(
    outputs: int, inputs: int, connections: int, samples: int, training: bool = False
) -> str:
    """Return "gather" or "matrix", the faster of the forms for so many samples.

    Gathering takes time for every connection, and a product with the whole matrix for every
    element, whose arithmetic is three to six times as fast; with gradients gathering also has more
    overhead, so that small layers are computed as matrices.
    """
    elements = outputs * inputs
    fixed, connection, product = _GATHER_NS[training]
    gather = fixed + connections * (connection + product * samples)
    fixed, element, product, connection = _MATRIX_NS[training]
    matrix = fixed + elements * (element + product * samples) + connections * connection
    return "gather" if gather <= matrix else "matrix"


class SparseStage(nn.Module):
    """One sparse linear map, y = S x, which stores a number for each connection.

    Parameters
    ----------
    mask
        Bool [out, in]: the trained connections. It holds numbers wherever the layer is made.
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
        found = connections_of(mask, constants)
        self.out_features, self.in_features = (int(size) for size in mask.shape)
        self.initialisation = initialisation
        self.weight = empty_parameter((found.edges.shape[1],), device, dtype)
        for name, array in zip(_BUFFERS, found, strict=True):
            kind = None if name != "constant_values" else dtype or torch.get_default_dtype()
            self.register_buffer(name, torch.tensor(array, device=device, dtype=kind))
        self._wired: dict[str, tuple[Tensor, int, Wiring]] = {}
        self._kept = tuple(self._buffers[name] for name in _BUFFERS)
        if self.edges.is_meta:
            self._kept = tuple(torch.tensor(array, device="cpu") for array in found)
        self.reset_parameters()
        self.register_load_state_dict_pre_hook(_check_size)  # pyright: ignore[reportUnknownMemberType]
        self.register_load_state_dict_post_hook(_keep_loaded)  # pyright: ignore[reportUnknownMemberType]

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

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights anew; a stage without any keeps its constants.

        Connections and constants are as they were made or loaded, even after `to_empty`.
        """
        for name, kept in zip(_BUFFERS, self._kept, strict=True):
            buffer = cast(Tensor, self._buffers[name])
            if kept is not None and kept is not buffer and not buffer.is_meta:
                buffer.copy_(kept)
        self.draw_(self.weight, generator)

    def connect(self, edges: Tensor) -> None:
        """Take other trained connections, int64 [2, edges]; the weights are the caller's part."""
        self.edges = edges
        self.keep()

    def keep(self) -> None:
        """Remember the connections that there are now, for `reset_parameters`."""
        if not self.edges.is_meta:
            self._kept = tuple(
                cast(Tensor, self._buffers[name]).detach().cpu() for name in _BUFFERS
            )

    def draw_(self, weight: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw `weight` [edges] as this stage's weights are drawn, and return it."""
        if weight.is_meta or hasattr(weight, "fake_mode") or not weight.numel():
            return weight  # There are no numbers to draw, and no connections to count.
        if self.initialisation == "per-neuron-fan":
            return per_neuron_fan_(weight, self.edges[0], generator)
        fans = (self.in_features + self.out_features) * self.density
        return sparse_xavier_(weight, fans, generator)

    def to_dense(self) -> Tensor:
        """Return the whole matrix [out, in], constants included; differentiable."""
        whole = self.weight.new_zeros(self.out_features, self.in_features)
        whole = whole.index_put((self.edges[0], self.edges[1]), self.weight)
        return whole.index_put(
            (self.constant_edges[0], self.constant_edges[1]), self.constant_values
        )

    def forward(self, columns: Tensor) -> Tensor:
        """Compute [in, N] to [out, N], in the form that is fastest for so many samples.

        Where it is recorded, the form is that of the density, for any N. What is exported is for
        runtimes such as ONNX's, many of which cannot gather in this way.
        """
        own = cast(Any, self._buffers)  # An attribute takes much longer to find.
        connections = own_size(own["edges"].shape[1] + own["constant_edges"].shape[1])
        if serves_any_batch(columns, 1):
            dense = connections > _MATRIX_FROM * self.in_features * self.out_features
            dense = dense or is_exporting()
        else:
            sizes = self.out_features, self.in_features, connections, columns.shape[1]
            training = torch.is_grad_enabled()
            if training and not columns.requires_grad:
                training = self.weight.requires_grad
            dense = fastest_form(*sizes, training) == "matrix"
        return self.by_matrix(columns) if dense else self.by_gather(columns)

    def by_matrix(self, columns: Tensor) -> Tensor:
        """Compute [in, N] to [out, N] as the product with the whole matrix."""
        return self.to_dense() @ columns

    def by_gather(self, columns: Tensor) -> Tensor:
        """Compute [in, N] to [out, N] connection by connection, nothing else being stored."""
        sums = self._product("edges", self.weight, columns)
        if own_size(cast(Any, self._buffers)["constant_edges"].shape[1]) == 0:
            return sums
        return sums + self._product("constant_edges", self.constant_values, columns)

    def _product(self, name: str, values: Tensor, columns: Tensor) -> Tensor:
        edges = cast(Tensor, self._buffers[name])
        columns, values = as_operands(columns, values, device=edges.device)
        if own_size(edges.shape[1]) == 0:
            return columns.new_zeros(self.out_features, columns.shape[1])
        if serves_any_batch(columns, 1):
            return bags(edges, values, columns, self.out_features)
        return sparse_product(self._wiring(name, edges), values, columns)

    def _wiring(self, name: str, edges: Tensor) -> Wiring:
        """Sort connections again only where they have changed."""
        version = 0 if edges.is_inference() else edges._version
        found = self._wired.get(name)
        if found is None or found[0] is not edges or found[1] != version:
            with torch.inference_mode(False):  # What is sorted serves training too.
                wiring = wiring_of(edges, self.out_features, self.in_features)
            found = self._wired[name] = edges, version, wiring
        return found[2]

    def __getstate__(self) -> dict[str, Any]:
        """Leave out of copies and files what is found again."""
        return {**self.__dict__, "_wired": {}}

    def extra_repr(self) -> str:
        """Describe the matrix."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"edges={self.weight.numel()}, constants={self.constant_values.numel()}"
        )


def _check_size(
    stage: nn.Module, state_dict: Mapping[str, Tensor], prefix: str, *others: Any
) -> None:
    """Say of a state of another number of connections what to do; PyTorch then refuses it."""
    for name in _BUFFERS[:2]:
        saved = state_dict.get(prefix + name)
        own = cast(Tensor, getattr(stage, name)).shape[1]
        if saved is not None and saved.ndim == 2 and saved.shape[1] != own:
            others[-1].append(
                f"{prefix}{name} of the state are {saved.shape[1]} connections, and of this layer "
                f"{own}: make it with the masks that the saved one was made with, and if that grew "
                "load the state of its Densification first"
            )


def _keep_loaded(stage: nn.Module, _: object) -> None:
    if isinstance(stage, SparseStage):
        stage.keep()
