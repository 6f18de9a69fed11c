"""From a CT and a level's point to the axial slice and the crop that the networks see.

The slice is the array plane nearest to the level's center, on a 512x512 grid of square pixels. A native 512x512 plane
whose square pixels are as large as a body CT's (0.55 to 0.98 mm) is taken as it is; anything else is resampled in the
plane, linearly, so that coarse, wide, narrow and oblong planes all reach the network at a size it was trained on. Masks
come back to the native plane by :func:`OsteoJointLib.frames.mask_to_plane`, and a user's mask enters by
:func:`OsteoJointLib.frames.plane_to_mask`. All sizes here are those the networks were trained on, so they are
constants, no settings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from OsteoJointLib.config import NetworkConfig
from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import mask_to_plane, slice_to_crop
from OsteoJointLib.hu_window import OUTSIDE_HU, to_unit_range
from OsteoJointLib.records import AxialSlice, BodyBox, Crop, CtVolume, Level, LevelPoint

SLICE_PX = NetworkConfig.slice_px
"""Edge of the square slice, pixels (Zhang 2023 §4.1: 512x512 CT)."""

CROP_PX = NetworkConfig.crop_px
"""Edge of the square crop around the body, pixels (Zhang 2023 §3.4)."""

PIXEL_MIN_MM, PIXEL_MAX_MM = 0.55, 0.98
"""Pixels of a native slice that is taken as it is, mm: what the phantom's fields of view span."""


def axial_slice(volume: CtVolume, point: LevelPoint) -> AxialSlice:
    """Take the axial plane nearest to a level's center as the network sees it.

    Args:
        volume: the CT.
        point: the level and its center.

    Returns:
        The slice, 512x512, with its place in the volume.

    Raises:
        InputRefused: POINT_OUTSIDE when the point lies outside the volume.
    """
    index_zyx = volume.grid.lps_to_index(np.asarray(point.center_lps_mm))
    _check_inside(index_zyx, volume, point)
    slice_index = slice_index_of(volume, point.center_lps_mm)
    return slice_at(volume, point.level, slice_index, index_zyx[1:])


def slice_index_of(volume: CtVolume, center_lps_mm: tuple[float, float, float]) -> int:
    """Return the z index of the plane nearest to a point: the level's slice, counted from the most caudal one."""
    index_z = volume.grid.lps_to_index(np.asarray(center_lps_mm))[0]
    return int(np.clip(np.rint(index_z), 0, volume.hu.shape[0] - 1))


def middle_slice(volume: CtVolume, level: Level) -> AxialSlice:
    """Take the one plane of a volume of shape (1, y, x), for which no point is known, about its middle."""
    middle_yx = (np.asarray(volume.hu.shape[1:]) - 1) / 2.0
    return slice_at(volume, level, 0, middle_yx)


def slice_grid(
    shape_yx: tuple[int, ...], spacing_xy_mm: Sequence[float], center_yx: np.ndarray
) -> tuple[float, tuple[float, float], tuple[float, float]]:
    """Lay the network's grid over a native plane.

    Args:
        shape_yx: pixels of the native plane.
        spacing_xy_mm: its pixel size along x and y.
        center_yx: continuous index of the level's point in it.

    Returns:
        pixel_mm, and the native index of the grid's first pixel and its step, both (y, x).
    """
    spacing_yx_mm = (float(spacing_xy_mm[1]), float(spacing_xy_mm[0]))
    square = np.isclose(spacing_yx_mm[0], spacing_yx_mm[1], rtol=1e-3)
    native_size = tuple(shape_yx) == (SLICE_PX, SLICE_PX)
    if square and native_size and PIXEL_MIN_MM <= spacing_yx_mm[1] <= PIXEL_MAX_MM:
        return spacing_yx_mm[1], (0.0, 0.0), (1.0, 1.0)
    view_mm = np.asarray(shape_yx) * np.asarray(spacing_yx_mm)
    pixel_mm = float(np.clip(view_mm.max() / SLICE_PX, PIXEL_MIN_MM, PIXEL_MAX_MM))
    step_yx = pixel_mm / np.asarray(spacing_yx_mm)
    fits = view_mm <= SLICE_PX * pixel_mm * (1 + 1e-9)
    middle_yx = np.where(fits.all(), (np.asarray(shape_yx) - 1) / 2.0, center_yx)
    origin_yx = middle_yx - step_yx * (SLICE_PX - 1) / 2.0
    return pixel_mm, (float(origin_yx[0]), float(origin_yx[1])), (float(step_yx[0]), float(step_yx[1]))


def crop_around(axial: AxialSlice, box: BodyBox) -> Crop:
    """Cut the square crop around a box's center; what lies outside the slice is 0 (air)."""
    x1, y1, x2, y2 = box.xyxy_px
    corner_yx = (
        int(np.rint((y1 + y2) / 2 - CROP_PX / 2)),
        int(np.rint((x1 + x2) / 2 - CROP_PX / 2)),
    )
    empty = Crop(np.zeros((CROP_PX, CROP_PX), dtype=np.float32), corner_yx)
    return Crop(slice_to_crop(axial.image, empty), corner_yx)


def mask_to_volume(
    masks: Mapping[Level, np.ndarray], axials: Mapping[Level, AxialSlice], shape_zyx: tuple[int, int, int]
) -> np.ndarray:
    """Draw both levels' masks into one label volume in VerSe's numbers (L1 = 20, L2 = 21).

    Args:
        masks: (512, 512) bool per level, in the slice's frame.
        axials: the slices.
        shape_zyx: of the CT.

    Returns:
        (z, y, x) uint8; where both lie on one plane and overlap, the lower level wins.
    """
    labels = np.zeros(shape_zyx, dtype=np.uint8)
    for level in Level:
        if level in masks:
            plane = labels[axials[level].slice_index]
            plane[mask_to_plane(masks[level], axials[level], shape_zyx[1:])] = level.verse_label
    return labels


def slice_at(volume: CtVolume, level: Level, slice_index: int, center_yx: np.ndarray) -> AxialSlice:
    """Take one plane of a volume as the networks see it.

    Args:
        volume: the CT.
        level: whose slice it is.
        slice_index: of the plane.
        center_yx: continuous index in the plane about which it is laid where it doesn't fit.
    """
    plane = volume.hu[slice_index].astype(np.float32)
    pixel_mm, origin_yx, step_yx = slice_grid(plane.shape, volume.grid.spacing_xyz_mm[:2], center_yx)
    native = step_yx == (1.0, 1.0) and plane.shape == (SLICE_PX, SLICE_PX)
    hu = plane if native else _resample(plane, origin_yx, step_yx)
    return AxialSlice(level, to_unit_range(hu), hu, pixel_mm, slice_index, origin_yx, step_yx)


def _check_inside(index_zyx: np.ndarray, volume: CtVolume, point: LevelPoint) -> None:
    if not volume.grid.contains(np.asarray(point.center_lps_mm)):
        raise InputRefused(
            Reason.POINT_OUTSIDE,
            f"The point of {point.level} lies outside the CT, at voxel (z, y, x) = "
            f"{tuple(round(float(i), 1) for i in index_zyx)} of {volume.hu.shape}. Place it inside the vertebral body.",
        )


def _resample(plane: np.ndarray, origin_yx: tuple[float, float], step_yx: tuple[float, float]) -> np.ndarray:
    from scipy import ndimage

    shape = (SLICE_PX, SLICE_PX)
    out = ndimage.affine_transform(plane, np.asarray(step_yx), origin_yx, shape, order=1, mode="nearest")
    for axis, (start, step, length) in enumerate(zip(origin_yx, step_yx, plane.shape, strict=True)):
        index = start + step * np.arange(SLICE_PX)
        outside = (index < -0.5) | (index > length - 0.5)
        out[outside if axis == 0 else (slice(None), outside)] = OUTSIDE_HU
    return out
