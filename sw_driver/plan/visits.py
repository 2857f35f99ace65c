"""When every weight is visited and read, for the golden model.

The PE and the time in which the way back visits a weight decide its random bits. The order of tasks
decides what a sample sees of the change that the sample before makes.
"""

import numpy as np
import torch

from golden.fixed.stale import Staleness
from golden.fixed.visits import Placement, StagePlacement, weight_sizes
from sw_driver.arrays import IntArray
from sw_driver.plan.back import visited_weights
from sw_driver.plan.maps import Maps, first_weights
from sw_driver.plan.plan import Plan
from sw_driver.plan.stage import POSITIONS
from sw_driver.plan.tasks import reads_stale

__all__ = ["build_placement", "staleness_of"]


def build_placement(plan: Plan, maps: Maps) -> Placement:
    """Return where and when every weight is visited in a backward pass; PE number = row * C + col.

    It walks through the BACK ops of the pass, so it is right whatever order they have.
    """
    rows, cols = maps.weights.index.shape[:2]
    pes: IntArray = np.arange(rows * cols, dtype=np.int64).reshape(rows, cols, 1)
    found: dict[tuple[int, int], StagePlacement] = {}
    sizes = [
        [torch.Size(size) for size in weight_sizes(shape)] for shape in plan.form.shapes
    ]
    starts = first_weights(plan.form.shapes)
    for number, stage in enumerate(plan.stages):
        if stage.kind not in POSITIONS:
            continue
        key = stage.layer, POSITIONS[stage.kind]
        ops = plan.backs[0][number]
        # A stage that gradients do not reach has no visits; any table will do.
        walk = [visited_weights(op) for op in ops] or [_forward_addresses(plan, number)]
        # The lanes of a row take their random bits one after the other.
        lanes = stage.lanes.count
        rows_visited = np.concatenate(walk)[:, None] * lanes + np.arange(lanes)
        addresses = rows_visited.reshape(-1)
        numbers = maps.weights.index[:, :, addresses]
        used = numbers >= 0
        size = sizes[key[0]][key[1]]
        tables = np.empty((2, size.numel()), np.int64)
        places = numbers[used] - starts[key]
        tables[0, places] = np.broadcast_to(pes, numbers.shape)[used]
        tables[1, places] = np.broadcast_to(
            np.arange(len(addresses), dtype=np.int64), numbers.shape
        )[used]
        pe, visit = (torch.as_tensor(table).reshape(size) for table in tables)
        found[key] = StagePlacement(pe, visit, len(addresses))
    return Placement(
        rows * cols,
        tuple(
            tuple(found[layer, position] for position in range(len(of_layer)))
            for layer, of_layer in enumerate(sizes)
        ),
    )


def staleness_of(plan: Plan) -> Staleness:
    """Return which weights and biases a sample sees without the change of the sample before."""
    weights = [[False] * len(weight_sizes(shape)) for shape in plan.form.shapes]
    biases = [False] * len(weights)
    for number, stage in enumerate(plan.stages[:-1]):
        stale = reads_stale(plan.tasks, plan.order, number)
        if stage.kind in POSITIONS:
            weights[stage.layer][POSITIONS[stage.kind]] = stale
        if stage.biases:
            biases[stage.layer] = stale
    return Staleness(tuple(map(tuple, weights)), tuple(biases))


def _forward_addresses(plan: Plan, stage: int) -> IntArray:
    """Return the addresses of a stage's rows of weights, in the order of the way forward."""
    entries = plan.entries[0][stage]
    return entries[0].w_base + np.arange(plan.stages[stage].weight_rows)
