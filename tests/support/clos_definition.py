"""The definition of a Clos layer as one sum: an oracle for the forms that are fast."""

import torch
from torch import Tensor, nn

from golden.clos.layer import ClosLinear
from golden.tensors.autocast import add_bias

__all__ = ["einsum_form"]


def einsum_form(layer: ClosLinear, x: Tensor) -> Tensor:
    """Compute `layer` on [N, I] to [N, O] in the form of the definition, one einsum; an oracle.

    y[b, o, p] = sum over m, r, i of W3[o, m, p] W2[m, r, o] W1[r, i, m] x[b, r, i], with routers of
    unequal size padded by zeros.
    """
    shape = layer.shape

    def routers_first(rows: Tensor, blocks: tuple[tuple[int, int], ...]) -> Tensor:
        return nn.utils.rnn.pad_sequence(
            [rows[start:stop] for start, stop in blocks], batch_first=True
        )

    padded = torch.einsum(
        "rib,rim,mro,opm->opb",
        routers_first(x.T, shape.input_blocks),
        routers_first(layer.input_weight, shape.input_blocks),
        layer.middle_weight,
        routers_first(layer.output_weight, shape.output_blocks),
    )
    rows = [padded[o, : stop - start] for o, (start, stop) in enumerate(shape.output_blocks)]
    y = torch.cat(rows).T
    return add_bias(y, layer.bias)
