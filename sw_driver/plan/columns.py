"""Columns for neurons, chosen so that blocks on both sides of a handover are spread evenly."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["spread_over_columns"]


def spread_over_columns(left: NDArray[np.int64], right: NDArray[np.int64], cols: int) -> list[int]:
    """Choose a column for every neuron.

    Neurons are the edges of a bipartite multigraph between the block that makes each and the block
    that reads it. Cut every block into parts of at most `cols` neurons; an edge colouring with
    `cols` colours exists (Koenig's theorem) and gives no part the same column twice. So a block of
    s neurons has at most ceil(s / cols) of them in any column.

    Parameters
    ----------
    left, right
        [neurons]: the block that makes, and the block that reads, each neuron.
    cols
        Columns to choose from.

    Returns
    -------
    list of int
        The column of each neuron.
    """
    ends = list(zip(_parts(left, cols), _parts(right, cols), strict=True))
    # at[part][column] is the neuron that has this column at this part.
    left_at: dict[tuple[int, int], dict[int, int]] = {}
    right_at: dict[tuple[int, int], dict[int, int]] = {}
    columns = [-1] * len(ends)
    for neuron, (left_part, right_part) in enumerate(ends):
        here = left_at.setdefault(left_part, {})
        there = right_at.setdefault(right_part, {})
        free_here = next(column for column in range(cols) if column not in here)
        free_there = next(column for column in range(cols) if column not in there)
        if free_here != free_there:
            # Swap the two columns along the path from the right part, which frees `free_here`
            # there; the path is alternating, so it never ends in the left part.
            path: list[int] = []
            sides = (right_at, left_at)
            part, wanted, step = right_part, free_here, 0
            while wanted in sides[step % 2].get(part, {}):
                edge = sides[step % 2][part][wanted]
                path.append(edge)
                part = ends[edge][0 if step % 2 == 0 else 1]
                wanted = free_there if wanted == free_here else free_here
                step += 1
            for edge in path:
                del left_at[ends[edge][0]][columns[edge]]
                del right_at[ends[edge][1]][columns[edge]]
            for edge in path:
                columns[edge] = free_there if columns[edge] == free_here else free_here
                left_at[ends[edge][0]][columns[edge]] = edge
                right_at[ends[edge][1]][columns[edge]] = edge
        columns[neuron] = free_here
        here[free_here] = neuron
        there[free_here] = neuron
    return columns


def _parts(blocks: NDArray[np.int64], cols: int) -> list[tuple[int, int]]:
    """Return the part (block, number) of every neuron; a part has at most `cols` neurons."""
    seen: dict[int, int] = {}
    parts: list[tuple[int, int]] = []
    for block in blocks.tolist():
        count = seen.get(block, 0)
        seen[block] = count + 1
        parts.append((block, count // cols))
    return parts
