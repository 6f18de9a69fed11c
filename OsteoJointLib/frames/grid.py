"""Points between LPS and RAS, edges and centers of pixels, and the grid on which a CT lies in the world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


def flip_lps_ras(point_mm: np.ndarray) -> np.ndarray:
    """Convert points between LPS and RAS, either way.

    Args:
        point_mm: (..., 3) points in mm.

    Returns:
        (..., 3) float64 points in the other frame.

    >>> flip_lps_ras(np.array([1.0, 2.0, 3.0])).tolist()
    [-1.0, -2.0, 3.0]
    """
    return np.asarray(point_mm, dtype=np.float64) * np.array([-1.0, -1.0, 1.0])


def edge_to_center(edge_px: np.ndarray | float) -> np.ndarray | float:
    """Convert edge coordinates to center (index) coordinates: the first pixel's center, 0.5, becomes 0.0."""
    return edge_px - 0.5


def center_to_edge(index_px: np.ndarray | float) -> np.ndarray | float:
    """Convert center (index) coordinates to edge coordinates."""
    return index_px + 0.5


def mask_extent_xyxy(mask: np.ndarray) -> tuple[float, float, float, float] | None:
    """Find the smallest box around a (y, x) bool mask: (x1, y1, x2, y2) in edge coordinates, None when it is empty.

    >>> mask_extent_xyxy(np.eye(4, dtype=bool)[:, 1:])
    (0.0, 1.0, 3.0, 4.0)
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return None
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


@dataclass(frozen=True, eq=False)
class Grid:
    """Where a (z, y, x) array lies in the world.

    Args:
        shape_zyx: voxels per axis.
        spacing_xyz_mm: distance between voxel centers along the x, y and z index axes, > 0.
        origin_lps_mm: the center of voxel (0, 0, 0).
        direction: (3, 3); column j is the LPS unit vector of index axis j in the order x, y, z (ITK's convention).
    """

    shape_zyx: tuple[int, int, int]
    spacing_xyz_mm: tuple[float, float, float]
    origin_lps_mm: tuple[float, float, float]
    direction: np.ndarray

    @classmethod
    def axis_aligned(
        cls, shape_zyx: Sequence[float], spacing_xyz_mm: Sequence[float], origin_lps_mm: Sequence[float]
    ) -> Grid:
        """Make a grid whose index axes run along L, P and S."""
        slices, rows, columns = (int(n) for n in shape_zyx)
        x_mm, y_mm, z_mm = (float(s) for s in spacing_xyz_mm)
        left, back, up = (float(o) for o in origin_lps_mm)
        return cls((slices, rows, columns), (x_mm, y_mm, z_mm), (left, back, up), np.eye(3))

    @property
    def matrix(self) -> np.ndarray:
        """(4, 4) homogeneous matrix from (x, y, z) index to LPS mm."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.direction * np.asarray(self.spacing_xyz_mm)
        matrix[:3, 3] = self.origin_lps_mm
        return matrix

    def index_to_lps(self, index_zyx: np.ndarray) -> np.ndarray:
        """Map (..., 3) continuous (z, y, x) indices to (..., 3) LPS mm."""
        index_xyz = np.asarray(index_zyx, dtype=np.float64)[..., ::-1]
        return index_xyz @ self.matrix[:3, :3].T + np.asarray(self.origin_lps_mm)

    def lps_to_index(self, point_lps_mm: np.ndarray) -> np.ndarray:
        """Map (..., 3) LPS mm to (..., 3) continuous (z, y, x) indices."""
        offset = np.asarray(point_lps_mm, dtype=np.float64) - np.asarray(self.origin_lps_mm)
        return (offset @ np.linalg.inv(self.matrix[:3, :3]).T)[..., ::-1]

    def contains(self, point_lps_mm: np.ndarray) -> bool:
        """Say whether a point lies inside the grid's voxels (edges included)."""
        index = self.lps_to_index(point_lps_mm)
        return bool(np.all(index >= -0.5) and np.all(index <= np.asarray(self.shape_zyx) - 0.5))
