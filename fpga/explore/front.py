"""The points that no other one beats in everything."""

import numpy as np
import numpy.typing as npt

__all__ = ["beaten_by", "front"]

Values = npt.NDArray[np.float64]


def front(values: Values) -> npt.NDArray[np.int64]:
    """Find the points that are not dominated: no other one is as good in every column.

    Of points that are equal in every column the first is kept.

    Parameters
    ----------
    values
        [points, columns]: less is better; rows with an infinite value are never in the front.

    Returns
    -------
    int64 [front]
        Their indices, in ascending order.
    """
    finite = np.flatnonzero(np.isfinite(values).all(axis=1))
    # A point is dominated by one before it in this order only: its columns decide one by one, and
    # its index last.
    order = finite[np.lexsort((finite, *values[finite].T[::-1]))]
    kept: list[int] = []
    best = np.empty((len(order), values.shape[1]))
    for index in order:
        row = values[index]
        if not (best[: len(kept)] <= row).all(axis=1).any():
            best[len(kept)] = row
            kept.append(int(index))
    return np.array(sorted(kept), np.int64)


def beaten_by(values: Values, by: Values) -> npt.NDArray[np.bool_]:
    """Whether each point [points, columns] is matched or beaten in every column by one of `by`."""
    beaten = np.zeros(len(values), bool)
    for row in by:
        beaten |= (row <= values).all(axis=1)
    return beaten
