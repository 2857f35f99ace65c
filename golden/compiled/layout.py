"""What `golden/compiled/net.cpp` reads of a net: whole numbers, one after the other.

A stage of any kind is a list of small dense matrices, its blocks; see `Block` in `net.h`.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from golden.clos.shape import ClosShape
from golden.errors import ModelError
from golden.fixed.format import TrainingFormat
from golden.fixed.stale import Staleness
from golden.fixed.visits import Placement, weight_sizes
from golden.layers.dense import DenseShape, LayerShape

__all__ = ["layout_of"]

_MOST_STATES = 1 << 28
_EXACT = -1  # As the shift of a gradient that leaves as exact sums.


def layout_of(
    form: TrainingFormat,
    placement: Placement,
    *,
    nearest: bool = False,
    staleness: Staleness | None = None,
) -> NDArray[np.int64]:
    """Return the layout of a net whose placement and staleness were checked, int64 [M].

    With `nearest`, updates are rounded to nearest, half up, and not by the LFSRs.

    Raises
    ------
    ModelError
        If a pass has more states of LFSRs than can be numbered.
    """
    most = max(stage.visits for layer in placement.layers for stage in layer)
    if most * placement.pes >= _MOST_STATES:
        raise ModelError(
            f"placement must have fewer than {_MOST_STATES} visits of all PEs in a stage, "
            f"not {most} of {placement.pes} PEs"
        )
    head = (
        placement.pes,
        form.dropped_bits,
        form.velocity_bits,
        form.bias_bits,
        form.grad_bits,
        form.output_fraction_bits,
        form.gradient_fraction_bits,
        form.act_bits,
        form.master_bits,
        nearest,
        len(form.layers),
    )
    parts = [np.array(head, np.int64)]
    for index in range(len(form.layers)):
        parts += _layer(form, placement, index, staleness)
    return np.concatenate(parts)


def _layer(
    form: TrainingFormat, placement: Placement, index: int, staleness: Staleness | None
) -> Iterator[NDArray[np.int64]]:
    layer, shifts = form.layers[index], form.shifts[index]
    shape, places = layer.shape, placement.layers[index]
    late = staleness.weights[index] if staleness is not None else (False,) * len(places)
    late_bias = staleness is not None and staleness.biases[index]
    cuts = len(shape.cuts) if isinstance(shape, DenseShape) else 0
    gain = layer.gains[0] if cuts else 0
    yield np.array(
        (
            layer.relu,
            shape.out_features,
            shifts.bias,
            cuts,
            gain,
            shifts.forward[-1],
            late_bias,
            len(places),
        ),
        np.int64,
    )
    for stage, (rows_are_inputs, inputs, outputs, blocks) in enumerate(_stages(shape)):
        back, placed = shifts.gradient[stage], places[stage]
        yield np.array(
            (
                rows_are_inputs,
                late[stage],
                inputs,
                outputs,
                shifts.forward[stage],
                _EXACT if back is None else back,
                shifts.update[stage],
                placed.visits,
                len(blocks),
                *(number for block in blocks for number in block),
                placed.pe.numel(),
            ),
            np.int64,
        )
        yield (placed.visit * placement.pes + placed.pe).flatten().numpy()


_Stage = tuple[bool, int, int, list[tuple[int, ...]]]


def _stages(shape: LayerShape) -> list[_Stage]:
    """Of each stage with weights: whether rows are inputs, its words in and out, and its blocks.

    A block is (rows, columns, first row, step, first column, step, first weight, step of a row).
    """
    return _dense(shape) if isinstance(shape, DenseShape) else _clos(shape)


def _dense(shape: DenseShape) -> list[_Stage]:
    inputs, outputs = shape.as_tuple()
    blocks = [
        (outputs, stop - start, group * outputs, 1, start, 1, start, inputs)
        for group, (start, stop) in enumerate(shape.groups)
    ]
    return [(False, inputs, len(blocks) * outputs, blocks)]


def _clos(shape: ClosShape) -> list[_Stage]:
    inputs, outputs, ri, rm, ro = shape.as_tuple()
    # The tensors: [I, Rm], [Rm, Ri, Ro], [O, Rm]; the words between them: [Ri, Rm], [Ro, Rm].
    first, middle, last = weight_sizes(shape)
    return [
        (True, inputs, ri * rm, [
            (stop - start, rm, start, 1, router * rm, 1, start * first[1], first[1])
            for router, (start, stop) in enumerate(shape.input_blocks)
        ]),
        (True, ri * rm, ro * rm, [
            (ri, ro, router, rm, router, rm, router * middle[1] * middle[2], middle[2])
            for router in range(rm)
        ]),
        (False, ro * rm, outputs, [
            (stop - start, rm, start, 1, router * rm, 1, start * last[1], last[1])
            for router, (start, stop) in enumerate(shape.output_blocks)
        ]),
    ]  # fmt: skip
