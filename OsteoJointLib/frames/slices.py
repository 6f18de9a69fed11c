"""Points, boxes and masks between the CT, its planes, the slices that the networks see, and their crops."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from OsteoJointLib.frames.grid import Grid, center_to_edge, edge_to_center


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
    """Find the part of a crop that lies on its slice, as indices into the crop and into the slice."""
    crop_slices, slice_slices = [], []
    for corner, size, length in zip(corner_yx, crop_shape, slice_shape, strict=True):
        start, stop = max(corner, 0), max(min(corner + size, length), max(corner, 0))
        crop_slices.append(slice(start - corner, stop - corner))
        slice_slices.append(slice(start, stop))
    return tuple(crop_slices), tuple(slice_slices)
