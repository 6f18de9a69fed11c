"""Bring any array with a grid to the convention of :class:`OsteoJointLib.records.CtVolume`.

Axes are permuted and flipped so that they run nearest to S, P and L; nothing is resampled, so an oblique volume stays
oblique. A left-handed array (many NIfTI files) becomes right-handed by the flip that its own header asks for.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import permutations

import numpy as np

from OsteoJointLib.frames import Grid


def to_canonical(array: np.ndarray, grid: Grid) -> tuple[np.ndarray, Grid]:
    """Permute and flip so that index axes (z, y, x) run nearest to S, P and L.

    Args:
        array: three axes, as ``grid`` describes them.
        grid: its place in the world; an orthogonal direction of either handedness.

    Returns:
        A view of the array and its grid; every voxel keeps its place in the world.

    >>> grid = Grid((1, 1, 2), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), np.diag([-1.0, 1.0, 1.0]))
    >>> array, canonical = to_canonical(np.array([[[10, 20]]]), grid)
    >>> array.tolist(), canonical.origin_lps_mm
    ([[[20, 10]]], (-1.0, 0.0, 0.0))
    """
    order = _nearest_axes(grid.direction)
    array = array.transpose([2 - order[2 - axis] for axis in range(3)])
    direction = grid.direction[:, order].astype(np.float64)
    spacing = triple(grid.spacing_xyz_mm[axis] for axis in order)
    origin = np.asarray(grid.origin_lps_mm, dtype=np.float64)
    for axis in range(3):  # x, y, z
        if direction[axis, axis] < 0:
            last = array.shape[2 - axis] - 1
            origin = origin + direction[:, axis] * spacing[axis] * last
            direction[:, axis] *= -1
            array = np.flip(array, 2 - axis)
    direction = direction + 0.0  # no negative zeros
    slices, rows, columns = array.shape
    return array, Grid((slices, rows, columns), spacing, triple(origin), direction)


def to_stored(array: np.ndarray, stored: Grid) -> np.ndarray:
    """Undo what :func:`to_canonical` did to the array of a grid.

    Args:
        array: (z, y, x) in the canonical order.
        stored: the grid as it was before.

    Returns:
        A view with its axes as ``stored`` has them.
    """
    order = _nearest_axes(stored.direction)
    backward = [2 - axis for axis in range(3) if stored.direction[axis, order[axis]] < 0]
    return np.flip(array, tuple(backward)).transpose(np.argsort([2 - order[2 - axis] for axis in range(3)]))


def empty_stored(stored: Grid) -> np.ndarray:
    """Make room for the int16 voxels of a grid, in its own order, so that :func:`to_canonical` needs no copy of them.

    >>> grid = Grid((1, 2, 3), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), np.array([[0, 1, 0], [1, 0, 0], [0, 0, -1.0]]))
    >>> room = empty_stored(grid)
    >>> room.shape, to_canonical(room, grid)[0].flags.c_contiguous
    ((1, 2, 3), True)
    """
    _, canonical = to_canonical(np.broadcast_to(np.int16(0), stored.shape_zyx), stored)
    return to_stored(np.empty(canonical.shape_zyx, dtype=np.int16), stored)


def triple(values: Iterable[float]) -> tuple[float, float, float]:
    """Turn three numbers into plain floats."""
    first, second, third = (float(value) for value in values)
    return first, second, third


def oblique_angle_deg(direction: np.ndarray) -> float:
    """Measure the largest angle in degrees between an index axis and the patient axis nearest to it.

    >>> round(oblique_angle_deg(np.diag([-1.0, -1.0, 1.0])), 3)
    0.0
    """
    order = _nearest_axes(direction)
    cosines = [abs(direction[axis, order[axis]]) for axis in range(3)]
    return float(np.degrees(np.arccos(np.clip(min(cosines), -1.0, 1.0))))


def slice_axis_name(direction: np.ndarray) -> str:
    """Name the plane of the slices, whose normal is the index z axis: axial, coronal or sagittal."""
    return ("sagittal", "coronal", "axial")[int(np.argmax(np.abs(direction[:, 2])))]


def _nearest_axes(direction: np.ndarray) -> list[int]:
    """Find which index axis (0 x, 1 y, 2 z) serves L, P and S, by the largest sum of cosines of the six ways."""
    size = np.abs(np.asarray(direction, dtype=np.float64))
    return max((list(order) for order in permutations(range(3))), key=lambda order: float(size[range(3), order].sum()))
