"""The closed contour of least energy across a set of rays, by dynamic programming."""

from __future__ import annotations

import numpy as np

_STEEPEST = 4
"""The contour moves by at most this many shifts from one ray to the next (48 degrees aside at 0.2 and 0.7 mm)."""


def closed_path(cost: np.ndarray, slope_cost: float) -> np.ndarray:
    """Choose a shift on each ray, so that sum cost + slope_cost * (change from the ray before)^2 is least.

    The rays close to a ring. The ring is walked twice and the middle of the walk is kept, so that each ray sees half a
    ring on either side: it is the exact minimum unless that depends on the ring's far side.

    Args:
        cost: (U, S), finite, of a contour through each shift of each ray.
        slope_cost: of one shift's change, >= 0.

    Returns:
        (U,) columns of ``cost``.

    >>> closed_path(np.array([[9.0, 1, 9], [9, 1, 9], [0, 8, 9], [9, 1, 9]]), 2.0).tolist()
    [1, 1, 0, 1]
    """
    count, shifts = cost.shape
    change = np.arange(-_STEEPEST, _STEEPEST + 1)
    price = slope_cost * change.astype(np.float64) ** 2
    reached = np.full(shifts + 2 * _STEEPEST, np.inf)
    from_where = np.lib.stride_tricks.sliding_window_view(reached, change.size)
    columns = np.arange(shifts)
    best, back = cost[0].astype(np.float64), np.zeros((2 * count, shifts), dtype=np.intp)
    for ray in range(1, 2 * count):
        reached[_STEEPEST:-_STEEPEST] = best
        candidates = from_where + price
        choice = candidates.argmin(axis=1)
        back[ray] = columns + change[choice]
        best = candidates[columns, choice] + cost[ray % count]
    path = np.empty(2 * count, dtype=np.intp)
    path[-1] = best.argmin()
    for ray in range(2 * count - 1, 0, -1):
        path[ray - 1] = back[ray, path[ray]]
    half = count // 2
    return np.roll(path[half : half + count], half)
