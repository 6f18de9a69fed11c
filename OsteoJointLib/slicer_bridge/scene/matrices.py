"""Between VTK's matrices and numpy's, and between the grids of small arrays and of the CT.

Everything is RAS mm. "World" is the scene; "local" is the frame of a node, which its parent transform takes to the
world.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import slicer
import vtk

from OsteoJointLib.errors import Reason, RunFailed
from OsteoJointLib.slicer_bridge.scene.view_arrays import MaskArray

OFF_GRID_VOXELS = 0.1
"""How far a voxel may lie from a voxel of the other grid to count as the same one."""


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


def local_to_world(node) -> np.ndarray:
    """4x4 of a node's parent transform (linear); identity where it has none."""
    matrix = vtk.vtkMatrix4x4()
    if (parent := node.GetParentTransformNode()) is not None:
        parent.GetMatrixTransformToWorld(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def ijk_to_local(volume_node) -> np.ndarray:
    """4x4 from a volume's voxel indices to its own frame."""
    matrix = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def ijk_to_world(volume_node) -> np.ndarray:
    """4x4 from a volume's voxel indices to the world."""
    return local_to_world(volume_node) @ ijk_to_local(volume_node)


def shift(corner_ijk) -> np.ndarray:
    """4x4 that takes the indices of a cut to those of the array it was cut from."""
    matrix = np.eye(4)
    matrix[:3, 3] = corner_ijk
    return matrix


def anatomical_axes(ijk_to_ras: np.ndarray) -> np.ndarray:
    """The axes of a volume, each named after the patient's axis it is nearest to.

    Args:
        ijk_to_ras: 4x4.

    Returns:
        (3, 3) unit columns, nearest to right, anterior and superior.

    >>> anatomical_axes(np.diag([-0.5, -0.5, 2.0, 1.0])).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    columns = ijk_to_ras[:3, :3] / np.linalg.norm(ijk_to_ras[:3, :3], axis=0)
    order, signs = _anatomical_order(ijk_to_ras)
    return columns[:, order] * signs + 0.0  # no negative zeros


def anatomical_ijk_to_world(volume_node) -> np.ndarray:
    """4x4 to the world from voxels counted to the right, to the front and upward, however the volume stores them.

    Slicer turns the slices of a left-handed volume round when it loads a scene: counted like this, every voxel keeps
    its number.
    """
    ijk_to_ras = ijk_to_local(volume_node)
    last = np.array(volume_node.GetImageData().GetDimensions()) - 1
    stored = np.eye(4)
    stored[:3, :3] = 0.0
    for axis, (of, sign) in enumerate(zip(*_anatomical_order(ijk_to_ras), strict=True)):
        stored[of, axis] = sign
        stored[of, 3] = last[of] if sign < 0 else 0
    return local_to_world(volume_node) @ ijk_to_ras @ stored


def onto_grid(array_kji: np.ndarray, array_to_grid: np.ndarray) -> Placed:
    """Turn an array so that its axes run along those of a grid whose voxels are the same.

    Args:
        array_kji: (k, j, i).
        array_to_grid: 4x4 from the array's indices to the grid's.

    Raises:
        RunFailed: its voxels are not the grid's.

    >>> placed = onto_grid(np.array([[[1, 2, 3]]]), np.array([[0, 1, 0, 7], [-1, 0, 0, 5], [0, 0, 1, 2], [0, 0, 0, 1]]))
    >>> placed.array_kji.tolist(), placed.corner_ijk
    ([[[3], [2], [1]]], (7, 3, 2))
    """
    turn = np.rint(array_to_grid[:3, :3]).astype(int)
    last = np.array([*array_kji.shape[::-1], 1]) - 1
    ends = np.array([[*(last[:3] * corner), 1] for corner in np.ndindex(2, 2, 2)]).T
    first = array_to_grid @ [0, 0, 0, 1]
    exact = np.eye(4)
    exact[:3, :3], exact[:3, 3] = turn, np.rint(first[:3])
    once = (np.abs(turn).sum(axis=0) == 1).all() and (np.abs(turn).sum(axis=1) == 1).all()
    if not once or np.abs((exact - array_to_grid) @ ends).max() > OFF_GRID_VOXELS:
        raise RunFailed(
            Reason.FAILED,
            "Expected a mask on the voxels of the CT, came one between them: the CT was moved or replaced during the "
            "run. Press Update.",
        )
    from_axes = np.abs(turn).argmax(axis=1)
    turned = array_kji.transpose(2, 1, 0).transpose(from_axes)
    backward = [turn[axis, from_axes[axis]] < 0 for axis in range(3)]
    turned = np.flip(turned, tuple(axis for axis in range(3) if backward[axis]))
    i, j, k = np.min(np.rint(exact @ ends)[:3], axis=1).astype(int).tolist()
    return Placed(np.ascontiguousarray(turned.transpose(2, 1, 0)), (i, j, k))


def reaches_slice(mask: MaskArray, point_ras: Sequence[float]) -> bool:
    """Whether a mask has voxels on the axial slice of a point: on the axis that runs nearest to the patient's own.

    >>> mask = MaskArray(np.ones((2, 3, 3), np.uint8), np.diag([1.0, 1.0, 5.0, 1.0]))
    >>> [reaches_slice(mask, (99.0, 99.0, height)) for height in (-2.6, -2.4, 7.4, 7.6)]
    [False, True, True, False]
    """
    columns = mask.ijk_to_world[:3, :3] / np.linalg.norm(mask.ijk_to_world[:3, :3], axis=0)
    axis = int(np.abs(columns[2]).argmax())
    index = (np.linalg.inv(mask.ijk_to_world) @ [*point_ras, 1.0])[axis]
    return bool(0 <= round(index) < mask.array_kji.shape[2 - axis])


def effective_box(inside_kji: np.ndarray) -> tuple[slice, slice, slice] | None:
    """The smallest box around what is true in a (k, j, i) array; None where nothing is."""
    box: list[slice] = []
    for axis in range(3):
        hit = np.flatnonzero(inside_kji.any(axis=tuple(other for other in range(3) if other != axis)))
        if hit.size == 0:
            return None
        box.append(slice(int(hit[0]), int(hit[-1]) + 1))
    return tuple(box)  # type: ignore[return-value]


def _anatomical_order(ijk_to_ras: np.ndarray) -> tuple[list[int], np.ndarray]:
    """Which voxel axis runs nearest to R, A and S, and whether along it (1) or against it (-1)."""
    columns = ijk_to_ras[:3, :3] / np.linalg.norm(ijk_to_ras[:3, :3], axis=0)
    cosines = np.abs(columns)
    order = max((list(one) for one in permutations(range(3))), key=lambda one: float(cosines[range(3), one].sum()))
    return order, np.where(columns[range(3), order] < 0, -1.0, 1.0)
