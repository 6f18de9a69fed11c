"""The CT on a coarse isotropic grid, on which the level network works.

Going to larger voxels, each coarse voxel is the mean over the part of the fine voxels it covers (fractions counted),
which is both the anti-aliasing filter and what a thick slice would have shown; going to smaller ones, it is linear
between centers. Both are separable, so each axis is one small matrix. A CT whose axes lie more than a few degrees off
L, P, S is then turned onto them, because the network has only seen upright ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from OsteoJointLib.frames import Grid
from OsteoJointLib.records import CtVolume

HU_RANGE = (-1024, 3071)
"""HU outside this range are padding or metal and are clipped before they are averaged; whole: int16 stays int16."""

UPRIGHT_DEG = 3.0
"""Axes closer to L, P, S than this stay as they are; their small tilt stays in the grid's direction (chosen: a
column bends more)."""


@dataclass(frozen=True, eq=False)
class CoarseVolume:
    """HU on the coarse grid.

    Args:
        hu: (z, y, x) float32 HU in [-1024, 3071].
        grid: its place in the world; isotropic.
    """

    hu: np.ndarray
    grid: Grid


def axis_weights(count: int, spacing_mm: float, coarse_mm: float, coarse_count: int | None = None) -> np.ndarray:
    """Compute the weights that carry one axis to the coarse grid, whose first voxel starts at the first voxel's edge.

    Args:
        count: voxels along the axis.
        spacing_mm: their size.
        coarse_mm: the coarse voxels' size.
        coarse_count: how many; None for as many as end within half a coarse voxel of the last edge.

    Returns:
        (coarse count, count) float32; every row sums to 1. A coarse voxel beyond the last edge takes the last one's.

    >>> axis_weights(4, 1.0, 2.0).tolist()
    [[0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5]]
    """
    coarse_count = coarse_count or max(1, int(np.floor(count * spacing_mm / coarse_mm + 0.5)))
    fine = np.arange(count)
    if spacing_mm < coarse_mm:
        start_mm = np.arange(coarse_count)[:, None] * coarse_mm
        start_mm = np.minimum(start_mm, (count - 1) * spacing_mm)  # half a voxel may lie beyond the last edge
        overlap = np.minimum(start_mm + coarse_mm, (fine + 1) * spacing_mm) - np.maximum(start_mm, fine * spacing_mm)
        weights = np.maximum(overlap, 0.0)
    else:
        center = np.clip((np.arange(coarse_count) + 0.5) * coarse_mm / spacing_mm - 0.5, 0.0, count - 1.0)
        weights = np.maximum(1.0 - np.abs(center[:, None] - fine), 0.0)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def resample_coarse(volume: CtVolume, spacing_mm: float) -> tuple[CoarseVolume, CoarseVolume]:
    """Carry a CT to the coarse isotropic grid, in two phases along its slices.

    Args:
        volume: any spacing; its axes near L, P, S or oblique.
        spacing_mm: edge of the coarse voxels.

    Returns:
        The coarse volume, its first voxel's edge at the CT's first edge; and the same half a coarse voxel further along
        the slices, one coarse slice shorter (the first again where there is only one). Both are upright within
        :data:`UPRIGHT_DEG`.
    """
    from scipy import sparse

    count_z, count_y, count_x = volume.hu.shape
    spacing_x, spacing_y, spacing_z = volume.grid.spacing_xyz_mm
    slices = len(axis_weights(count_z, spacing_z, spacing_mm))
    along_z = axis_weights(count_z, spacing_z, 0.5 * spacing_mm, 2 * slices)
    along_y = sparse.csr_matrix(axis_weights(count_y, spacing_y, spacing_mm))
    along_x = sparse.csr_matrix(axis_weights(count_x, spacing_x, spacing_mm))
    planes = np.empty((count_z, along_y.shape[0], along_x.shape[0]), np.float32)
    for index, plane in enumerate(volume.hu):
        rows = along_y @ np.clip(plane, *HU_RANGE).astype(np.float32)
        planes[index] = (along_x @ rows.T).T
    halves = np.tensordot(along_z, planes, axes=1)
    first, last = (0, 2 * slices) if slices == 1 else (1, 2 * slices - 1)
    return _phase(volume.grid, halves, 0, spacing_mm), _phase(volume.grid, halves[first:last], first, spacing_mm)


def _phase(fine: Grid, halves: np.ndarray, first: int, spacing_mm: float) -> CoarseVolume:
    """Join pairs of half slices, of which ``first`` lie before them."""
    hu = 0.5 * (halves[::2] + halves[1::2])
    start_zyx = np.array([0.5 * spacing_mm * first, 0.0, 0.0]) + 0.5 * spacing_mm
    x, y, z = (float(v) for v in fine.index_to_lps(start_zyx / np.asarray(fine.spacing_xyz_mm[::-1]) - 0.5))
    depth, height, width = hu.shape
    grid = Grid((depth, height, width), (spacing_mm, spacing_mm, spacing_mm), (x, y, z), fine.direction)
    coarse = CoarseVolume(np.ascontiguousarray(hu, dtype=np.float32), grid)
    return coarse if _tilt_deg(grid.direction) <= UPRIGHT_DEG else turn_upright(coarse)


def _tilt_deg(direction: np.ndarray) -> float:
    """Measure the largest angle between an index axis and its own world axis, in degrees."""
    return float(np.degrees(np.arccos(np.clip(np.diag(direction), -1.0, 1.0))).max())


def turn_upright(coarse: CoarseVolume) -> CoarseVolume:
    """Resample an oblique coarse volume onto the upright grid that holds all of it; air outside.

    Args:
        coarse: isotropic, any direction.

    Returns:
        The same CT with the identity direction, linear between voxel centers.
    """
    from scipy import ndimage

    spacing_mm = coarse.grid.spacing_xyz_mm[0]
    last = np.asarray(coarse.grid.shape_zyx) - 1
    corners = coarse.grid.index_to_lps(np.array(np.meshgrid(*[(0, n) for n in last], indexing="ij")).reshape(3, -1).T)
    origin = corners.min(axis=0)
    shape_zyx = np.ceil((corners.max(axis=0) - origin) / spacing_mm - 1e-6).astype(int)[::-1] + 1
    grid = Grid.axis_aligned(shape_zyx, (spacing_mm,) * 3, origin)
    start = coarse.grid.lps_to_index(grid.index_to_lps(np.zeros(3)))
    steps = coarse.grid.lps_to_index(grid.index_to_lps(np.eye(3))) - start
    hu = ndimage.affine_transform(
        coarse.hu, steps.T, offset=start, output_shape=grid.shape_zyx, order=1, mode="constant", cval=HU_RANGE[0]
    )
    return CoarseVolume(hu, grid)
