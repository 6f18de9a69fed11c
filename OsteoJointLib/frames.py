"""Coordinate conventions, written once, and the maps between them.

* Arrays are (z, y, x) for volumes and (y, x) for slices.
* World is LPS millimetres: x to the patient's left, y to posterior, z to superior. RAS (Slicer, command line) differs
  by the sign of the first two and is converted only at the edge, by :func:`flip_lps_ras`.
* A continuous index counts voxel *centers*: index 0.0 is the center of the first voxel (ITK's convention).
* Boxes are (x1, y1, x2, y2) in *edge* coordinates, half-open: the first pixel spans 0 to 1. The half pixel between
  the two lives in :func:`edge_to_center` and :func:`center_to_edge`.
* A *plane* is (y, x) pixels of the CT itself; a *slice* is a plane as the networks see it, resampled where the CT's
  pixels are too coarse, too fine or oblong; a *crop* is a window of a slice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np


class SliceFrame(Protocol):
    """Where a slice lies in its volume, as :class:`OsteoJointLib.records.AxialSlice` says it."""

    @property
    def hu(self) -> np.ndarray:
        """The slice's (y, x) array."""

    @property
    def slice_index(self) -> int:
        """Which plane of the volume it was taken from."""

    @property
    def origin_yx(self) -> tuple[float, float]:
        """Continuous (y, x) index in the plane under the center of its first pixel."""

    @property
    def step_yx(self) -> tuple[float, float]:
        """Plane indices per pixel."""


class CropFrame(Protocol):
    """Where a crop lies on its slice, as :class:`OsteoJointLib.records.Crop` says it."""

    @property
    def image(self) -> np.ndarray:
        """The crop's (y, x) array."""

    @property
    def corner_yx(self) -> tuple[int, int]:
        """Pixel of the slice under its first; negative beyond the edge."""


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
    """Smallest box around a (y, x) bool mask, (x1, y1, x2, y2) in edge coordinates; None when the mask is empty.

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
        cls,
        shape_zyx: Sequence[int],
        spacing_xyz_mm: Sequence[float],
        origin_lps_mm: Sequence[float],
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


def point_in_slice(axial: SliceFrame, grid: Grid, center_lps_mm: tuple[float, float, float]) -> np.ndarray:
    """Map a world point to (x, y) edge coordinates of a slice, in pixels (its height is ignored)."""
    index_yx = grid.lps_to_index(np.asarray(center_lps_mm))[1:]
    pixel_yx = (index_yx - np.asarray(axial.origin_yx)) / np.asarray(axial.step_yx)
    return np.asarray(center_to_edge(pixel_yx[::-1]))


def slice_to_lps(axial: SliceFrame, grid: Grid, point_xy_px: tuple[float, float]) -> tuple[float, float, float]:
    """Map (x, y) edge coordinates of a slice to LPS mm."""
    pixel_yx = edge_to_center(np.asarray(point_xy_px, dtype=np.float64)[::-1])
    index_yx = np.asarray(axial.origin_yx) + pixel_yx * np.asarray(axial.step_yx)
    x, y, z = grid.index_to_lps(np.array([axial.slice_index, *index_yx]))
    return (float(x), float(y), float(z))


def crop_to_slice(values: np.ndarray, crop: CropFrame, shape_yx: tuple[int, int] = (512, 512)) -> np.ndarray:
    """Put an array in the crop's frame back on the slice; 0 elsewhere. Same dtype, shape ``shape_yx``."""
    out = np.zeros(shape_yx, dtype=values.dtype)
    inside_crop, inside_slice = _overlap(crop.corner_yx, values.shape, shape_yx)
    out[inside_slice] = values[inside_crop]
    return out


def slice_to_crop(values: np.ndarray, crop: CropFrame) -> np.ndarray:
    """Cut an array in the slice's frame to a crop's window; 0 outside the slice. Same dtype, the crop's shape."""
    out = np.zeros(crop.image.shape, dtype=values.dtype)
    inside_crop, inside_slice = _overlap(crop.corner_yx, crop.image.shape, values.shape)
    out[inside_crop] = values[inside_slice]
    return out


def mask_to_plane(mask: np.ndarray, axial: SliceFrame, shape_yx: tuple[int, int]) -> np.ndarray:
    """Bring a mask from the slice's frame to the native plane (linear, above one half; as it is on a native grid).

    Args:
        mask: (512, 512) bool.
        axial: the slice it belongs to.
        shape_yx: of the volume's planes.

    Returns:
        (y, x) bool.
    """
    if _is_native(axial) and mask.shape == tuple(shape_yx):
        return np.asarray(mask, dtype=bool).copy()
    step_yx = np.asarray(axial.step_yx)
    return _resample_mask(mask, -np.asarray(axial.origin_yx) / step_yx, 1.0 / step_yx, tuple(shape_yx))


def plane_to_mask(plane: np.ndarray, axial: SliceFrame) -> np.ndarray:
    """Bring a (y, x) bool mask on the native plane to the slice's frame, (512, 512) bool: a user's edit comes in."""
    if _is_native(axial) and plane.shape == axial.hu.shape:
        return np.asarray(plane, dtype=bool).copy()
    return _resample_mask(plane, np.asarray(axial.origin_yx), np.asarray(axial.step_yx), axial.hu.shape)


def box_to_plane(xyxy_px: tuple[float, float, float, float], axial: SliceFrame) -> tuple[float, float, float, float]:
    """Map a box from a slice to the CT's own plane; (x1, y1, x2, y2) edge coordinates in both."""
    (origin_y, origin_x), (step_y, step_x) = axial.origin_yx, axial.step_yx
    x1, y1, x2, y2 = (edge_to_center(edge) for edge in xyxy_px)
    corners = (origin_x + x1 * step_x, origin_y + y1 * step_y, origin_x + x2 * step_x, origin_y + y2 * step_y)
    left, top, right, bottom = (float(center_to_edge(corner)) for corner in corners)
    return left, top, right, bottom


def _resample_mask(
    mask: np.ndarray, origin_yx: np.ndarray, step_yx: np.ndarray, shape_yx: tuple[int, ...]
) -> np.ndarray:
    from scipy import ndimage

    return ndimage.affine_transform(mask.astype(np.float32), step_yx, origin_yx, shape_yx, order=1) > 0.5


def _is_native(axial: SliceFrame) -> bool:
    return axial.step_yx == (1.0, 1.0) and axial.origin_yx == (0.0, 0.0)


def _overlap(
    corner_yx: tuple[int, int], crop_shape: tuple[int, ...], slice_shape: tuple[int, ...]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """The part of a crop that lies on its slice, as indices into the crop and into the slice."""
    crop_slices, slice_slices = [], []
    for corner, size, length in zip(corner_yx, crop_shape, slice_shape, strict=True):
        start, stop = max(corner, 0), max(min(corner + size, length), max(corner, 0))
        crop_slices.append(slice(start - corner, stop - corner))
        slice_slices.append(slice(start, stop))
    return tuple(crop_slices), tuple(slice_slices)
