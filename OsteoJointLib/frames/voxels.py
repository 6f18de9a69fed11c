"""4x4 matrices from the voxels of an array to RAS mm, and arrays whose voxels are those of a larger grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from OsteoJointLib.frames.grid import Grid

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""4x4 between the two frames, either way."""

OFF_GRID_VOXELS = 0.1
"""How far a voxel may lie from a voxel of another grid to count as the same one: chosen, more than rounding brings and
less than any shift that is meant."""


def plane_to_ras(
    grid: Grid, slice_index: int, corner_yx: tuple[float, float], step_yx: tuple[float, float] = (1.0, 1.0)
) -> np.ndarray:
    """Place an array that lies on one plane of a grid.

    Args:
        grid: of the CT.
        slice_index: the plane.
        corner_yx: continuous index in the plane under the array's first pixel.
        step_yx: indices in the plane per pixel of the array.

    Returns:
        (4, 4): from (x, y, z) index of the array to RAS mm.

    >>> grid = Grid.axis_aligned((9, 9, 9), (0.5, 0.5, 2.0), (10.0, 20.0, 30.0))
    >>> (plane_to_ras(grid, 3, (4, 2)) @ [0, 0, 0, 1]).tolist()
    [-11.0, -22.0, 36.0, 1.0]
    """
    place = np.diag([step_yx[1], step_yx[0], 1.0, 1.0])
    place[:3, 3] = (corner_yx[1], corner_yx[0], slice_index)
    return LPS_TO_RAS @ grid.matrix @ place


def shift(corner_ijk: Sequence[float]) -> np.ndarray:
    """Give the 4x4 that takes the indices of a cut to those of the array it was cut from."""
    matrix = np.eye(4)
    matrix[:3, 3] = corner_ijk
    return matrix


def anatomical_axes(ijk_to_ras: np.ndarray) -> np.ndarray:
    """Give the axes of a volume, each named after the patient's axis it is nearest to.

    Args:
        ijk_to_ras: 4x4.

    Returns:
        (3, 3) unit columns, nearest to right, anterior and superior.

    >>> anatomical_axes(np.diag([-0.5, -0.5, 2.0, 1.0])).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    columns = ijk_to_ras[:3, :3] / np.linalg.norm(ijk_to_ras[:3, :3], axis=0)
    order, signs = anatomical_order(ijk_to_ras)
    return columns[:, order] * signs + 0.0  # no negative zeros


def anatomical_order(ijk_to_ras: np.ndarray) -> tuple[list[int], np.ndarray]:
    """Say which voxel axis runs nearest to R, A and S, and whether along it (1) or against it (-1)."""
    columns = ijk_to_ras[:3, :3] / np.linalg.norm(ijk_to_ras[:3, :3], axis=0)
    cosines = np.abs(columns)
    order = max((list(one) for one in permutations(range(3))), key=lambda one: float(cosines[range(3), one].sum()))
    return order, np.where(columns[range(3), order] < 0, -1.0, 1.0)


@dataclass(frozen=True, eq=False)
class Placed:
    """An array on a larger grid.

    Args:
        array_kji: (k, j, i), its axes along the grid's.
        corner_ijk: the grid's voxel under the array's first.
    """

    array_kji: np.ndarray
    corner_ijk: tuple[int, int, int]

    @property
    def extent(self) -> tuple[int, ...]:
        """First and last voxel along i, j and k, as VTK has it."""
        sizes = self.array_kji.shape[::-1]
        return tuple(
            end for first, size in zip(self.corner_ijk, sizes, strict=True) for end in (first, first + size - 1)
        )

    def trimmed(self) -> Placed:
        """Cut off what is 0 around it; all of it stays where all is 0.

        >>> Placed(np.array([[[0, 0, 3]]]), (4, 5, 6)).trimmed()
        Placed(array_kji=array([[[3]]]), corner_ijk=(6, 5, 6))
        """
        box = effective_box(self.array_kji != 0)
        if box is None:
            return self
        i, j, k = (int(first) + part.start for first, part in zip(self.corner_ijk, reversed(box), strict=True))
        return Placed(np.ascontiguousarray(self.array_kji[box]), (i, j, k))

    def same_as(self, other: Placed | None) -> bool:
        """Say whether both are the same array at the same place."""
        return (
            other is not None
            and self.corner_ijk == other.corner_ijk
            and np.array_equal(self.array_kji, other.array_kji)
        )


def onto_grid(array_kji: np.ndarray, array_to_grid: np.ndarray) -> Placed | None:
    """Turn an array so that its axes run along those of a grid whose voxels are the same.

    Args:
        array_kji: (k, j, i).
        array_to_grid: 4x4 from the array's indices to the grid's.

    Returns:
        The turned array; None where its voxels are not the grid's.

    >>> placed = onto_grid(np.array([[[1, 2, 3]]]), np.array([[0, 1, 0, 7], [-1, 0, 0, 5], [0, 0, 1, 2], [0, 0, 0, 1]]))
    >>> placed.array_kji.tolist(), placed.corner_ijk
    ([[[3], [2], [1]]], (7, 3, 2))
    """
    exact, ends = _in_whole_voxels(array_to_grid), _corners(array_kji.shape)
    if not are_same_voxels(array_kji.shape, array_to_grid):
        return None
    turn = exact[:3, :3].astype(int)
    from_axes = np.abs(turn).argmax(axis=1)
    turned = array_kji.transpose(2, 1, 0).transpose(from_axes)
    backward = [turn[axis, from_axes[axis]] < 0 for axis in range(3)]
    turned = np.flip(turned, tuple(axis for axis in range(3) if backward[axis]))
    i, j, k = np.min(np.rint(exact @ ends)[:3], axis=1).astype(int).tolist()
    return Placed(np.ascontiguousarray(turned.transpose(2, 1, 0)), (i, j, k))


def are_same_voxels(shape_kji: tuple[int, ...], array_to_grid: np.ndarray) -> bool:
    """Say whether an array's voxels are those of a grid, whichever way its axes run.

    Args:
        shape_kji: of the array.
        array_to_grid: 4x4 from the array's indices to the grid's.

    >>> are_same_voxels((5, 5, 5), np.diag([1.0, -1.0, 1.0, 1.0])), are_same_voxels((5, 5, 5), np.diag([1, 1, 2, 1]))
    (True, False)
    """
    exact = _in_whole_voxels(array_to_grid)
    turn = np.abs(exact[:3, :3])
    once = (turn.sum(axis=0) == 1).all() and (turn.sum(axis=1) == 1).all()
    return bool(once and np.abs((exact - array_to_grid) @ _corners(shape_kji)).max() <= OFF_GRID_VOXELS)


def _in_whole_voxels(matrix: np.ndarray) -> np.ndarray:
    exact = np.eye(4)
    exact[:3] = np.rint(matrix[:3])
    return exact


def _corners(shape_kji: tuple[int, ...]) -> np.ndarray:
    """(4, 8) homogeneous (x, y, z) indices of an array's outermost voxels."""
    last = np.array(shape_kji[::-1]) - 1
    return np.array([[*(last * corner), 1] for corner in np.ndindex(2, 2, 2)]).T


def effective_box(inside_kji: np.ndarray) -> tuple[slice, slice, slice] | None:
    """Find the smallest box around what is true in a (k, j, i) array; None where nothing is."""
    box: list[slice] = []
    for axis in range(3):
        hit = np.flatnonzero(inside_kji.any(axis=tuple(other for other in range(3) if other != axis)))
        if hit.size == 0:
            return None
        box.append(slice(int(hit[0]), int(hit[-1]) + 1))
        inside_kji = np.take(inside_kji, range(hit[0], hit[-1] + 1), axis=axis)  # most of a volume holds nothing
    return tuple(box)  # type: ignore[return-value]
