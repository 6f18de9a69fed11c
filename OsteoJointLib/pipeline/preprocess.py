"""From a CT and a level's point to the axial slice and the crop that the networks see (design §1).

The slice is the array plane nearest to the level's center, on a 512x512 grid of square pixels. A native 512x512 plane
whose square pixels are as large as a body CT's (0.55 to 0.98 mm) is taken as it is; anything else is resampled in the
plane, linearly, so that coarse, wide, narrow and oblong planes all reach the network at a size it was trained on. Masks
come back to the native plane by :func:`mask_to_plane`, and a user's mask enters by :func:`plane_to_mask`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from OsteoJointLib.config import NetworkConfig, WindowConfig
from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import center_to_edge, edge_to_center
from OsteoJointLib.records import AxialSlice, BodyBox, Crop, CtVolume, Level, LevelPoint


@dataclass(frozen=True)
class PreprocessConfig:
    """Sizes of what the network sees."""

    size_px: int = NetworkConfig.slice_px
    """Edge of the square slice, pixels (Zhang 2023 §4.1: 512x512 CT)."""
    crop_px: int = NetworkConfig.crop_px
    """Edge of the square crop around the body, pixels (Zhang 2023 §3.4)."""
    pixel_min_mm: float = 0.55
    """Smallest pixel of a native slice taken as it is, mm (the phantom's range, design §4)."""
    pixel_max_mm: float = 0.98
    """Largest such pixel, mm."""
    outside_hu: float = -1024.0
    """HU given to pixels outside the field of view: air."""
    window: WindowConfig = field(default_factory=WindowConfig)
    """Soft-tissue window that maps HU to [0, 1]."""

    def __post_init__(self):
        """Check that the sizes make sense together."""
        if not 0 < self.crop_px <= self.size_px:
            raise ValueError(f"crop_px must lie in 1..size_px={self.size_px}, got {self.crop_px}")
        if not 0 < self.pixel_min_mm <= self.pixel_max_mm:
            raise ValueError(f"expected 0 < pixel_min_mm <= pixel_max_mm, got {self.pixel_min_mm}, {self.pixel_max_mm}")


def to_unit_range(hu: np.ndarray, window: WindowConfig) -> np.ndarray:
    """Map HU to [0, 1] through a window, clipped at both ends.

    Args:
        hu: any shape.
        window: center and width in HU.

    Returns:
        float32 array of the same shape.

    >>> to_unit_range(np.array([-160.0, 40.0, 500.0]), WindowConfig(center_hu=40, width_hu=400)).tolist()
    [0.0, 0.5, 1.0]
    """
    return np.clip((np.asarray(hu, dtype=np.float32) - window.low_hu) / window.width_hu, 0.0, 1.0, dtype=np.float32)


def axial_slice(volume: CtVolume, point: LevelPoint, config: PreprocessConfig | None = None) -> AxialSlice:
    """Take the axial plane nearest to a level's center as the network sees it.

    Args:
        volume: the CT.
        point: the level and its center.
        config: sizes and window.

    Returns:
        The slice, 512x512, with its place in the volume.

    Raises:
        InputRefused: POINT_OUTSIDE when the point lies outside the volume.
    """
    index_zyx = volume.grid.lps_to_index(np.asarray(point.center_lps_mm))
    _check_inside(index_zyx, volume, point)
    slice_index = slice_index_of(volume, point.center_lps_mm)
    return _slice_at(volume, point.level, slice_index, index_zyx[1:], config or PreprocessConfig())


def slice_index_of(volume: CtVolume, center_lps_mm: tuple[float, float, float]) -> int:
    """The z index of the plane nearest to a point: the level's slice, counted from the most caudal one."""
    index_z = volume.grid.lps_to_index(np.asarray(center_lps_mm))[0]
    return int(np.clip(np.rint(index_z), 0, volume.hu.shape[0] - 1))


def middle_slice(volume: CtVolume, level: Level, config: PreprocessConfig | None = None) -> AxialSlice:
    """Take the one plane of a volume of shape (1, y, x), for which no point is known, about its middle."""
    middle_yx = (np.asarray(volume.hu.shape[1:]) - 1) / 2.0
    return _slice_at(volume, level, 0, middle_yx, config or PreprocessConfig())


def slice_grid(
    shape_yx: tuple[int, int], spacing_xy_mm: tuple[float, float], center_yx: np.ndarray, config: PreprocessConfig
) -> tuple[float, tuple[float, float], tuple[float, float]]:
    """Lay the network's grid over a native plane.

    Args:
        shape_yx: pixels of the native plane.
        spacing_xy_mm: its pixel size along x and y.
        center_yx: continuous index of the level's point in it.
        config: sizes.

    Returns:
        pixel_mm, and the native index of the grid's first pixel and its step, both (y, x).
    """
    spacing_yx_mm = (float(spacing_xy_mm[1]), float(spacing_xy_mm[0]))
    square = np.isclose(spacing_yx_mm[0], spacing_yx_mm[1], rtol=1e-3)
    native_size = tuple(shape_yx) == (config.size_px, config.size_px)
    if square and native_size and config.pixel_min_mm <= spacing_yx_mm[1] <= config.pixel_max_mm:
        return spacing_yx_mm[1], (0.0, 0.0), (1.0, 1.0)
    view_mm = np.asarray(shape_yx) * np.asarray(spacing_yx_mm)
    pixel_mm = float(np.clip(view_mm.max() / config.size_px, config.pixel_min_mm, config.pixel_max_mm))
    step_yx = pixel_mm / np.asarray(spacing_yx_mm)
    fits = view_mm <= config.size_px * pixel_mm * (1 + 1e-9)
    middle_yx = np.where(fits.all(), (np.asarray(shape_yx) - 1) / 2.0, center_yx)
    origin_yx = middle_yx - step_yx * (config.size_px - 1) / 2.0
    return pixel_mm, (float(origin_yx[0]), float(origin_yx[1])), (float(step_yx[0]), float(step_yx[1]))


def point_in_slice(axial: AxialSlice, volume: CtVolume, center_lps_mm: tuple[float, float, float]) -> np.ndarray:
    """Map a world point to (x, y) edge coordinates of a slice, in pixels (its height is ignored)."""
    index_yx = volume.grid.lps_to_index(np.asarray(center_lps_mm))[1:]
    pixel_yx = (index_yx - np.asarray(axial.origin_yx)) / np.asarray(axial.step_yx)
    return np.asarray(center_to_edge(pixel_yx[::-1]))


def slice_to_lps(axial: AxialSlice, volume: CtVolume, point_xy_px: tuple[float, float]) -> tuple[float, float, float]:
    """Map (x, y) edge coordinates of a slice to LPS mm."""
    pixel_yx = edge_to_center(np.asarray(point_xy_px, dtype=np.float64)[::-1])
    index_yx = np.asarray(axial.origin_yx) + pixel_yx * np.asarray(axial.step_yx)
    x, y, z = volume.grid.index_to_lps(np.array([axial.slice_index, *index_yx]))
    return (float(x), float(y), float(z))


def crop_around(axial: AxialSlice, box: BodyBox, config: PreprocessConfig | None = None) -> Crop:
    """Cut the square crop around a box's center; what lies outside the slice is 0 (air)."""
    config = config or PreprocessConfig()
    x1, y1, x2, y2 = box.xyxy_px
    corner_yx = (
        int(np.rint((y1 + y2) / 2 - config.crop_px / 2)),
        int(np.rint((x1 + x2) / 2 - config.crop_px / 2)),
    )
    empty = Crop(np.zeros((config.crop_px, config.crop_px), dtype=np.float32), corner_yx)
    return Crop(slice_to_crop(axial.image, empty), corner_yx)


def crop_to_slice(values: np.ndarray, crop: Crop, shape_yx: tuple[int, int] = (512, 512)) -> np.ndarray:
    """Put an array in the crop's frame back on the slice; 0 elsewhere. Same dtype, shape ``shape_yx``."""
    out = np.zeros(shape_yx, dtype=values.dtype)
    inside_crop, inside_slice = _overlap(crop.corner_yx, values.shape, shape_yx)
    out[inside_slice] = values[inside_crop]
    return out


def slice_to_crop(values: np.ndarray, crop: Crop) -> np.ndarray:
    """Cut an array in the slice's frame to a crop's window; 0 outside the slice. Same dtype, the crop's shape."""
    out = np.zeros(crop.image.shape, dtype=values.dtype)
    inside_crop, inside_slice = _overlap(crop.corner_yx, crop.image.shape, values.shape)
    out[inside_crop] = values[inside_slice]
    return out


def mask_to_plane(mask: np.ndarray, axial: AxialSlice, shape_yx: tuple[int, int]) -> np.ndarray:
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
    return _resample_mask(mask, -np.asarray(axial.origin_yx) / step_yx, 1.0 / step_yx, shape_yx)


def plane_to_mask(plane: np.ndarray, axial: AxialSlice) -> np.ndarray:
    """Bring a (y, x) bool mask on the native plane to the slice's frame, (512, 512) bool: a user's edit comes in."""
    if _is_native(axial) and plane.shape == axial.hu.shape:
        return np.asarray(plane, dtype=bool).copy()
    return _resample_mask(plane, np.asarray(axial.origin_yx), np.asarray(axial.step_yx), axial.hu.shape)


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


def _slice_at(volume: CtVolume, level: Level, slice_index: int, center_yx, config: PreprocessConfig) -> AxialSlice:
    plane = volume.hu[slice_index].astype(np.float32)
    pixel_mm, origin_yx, step_yx = slice_grid(plane.shape, volume.grid.spacing_xyz_mm[:2], center_yx, config)
    native = step_yx == (1.0, 1.0) and plane.shape == (config.size_px, config.size_px)
    hu = plane if native else _resample(plane, origin_yx, step_yx, config)
    return AxialSlice(level, to_unit_range(hu, config.window), hu, pixel_mm, slice_index, origin_yx, step_yx)


def _check_inside(index_zyx: np.ndarray, volume: CtVolume, point: LevelPoint) -> None:
    if not volume.grid.contains(np.asarray(point.center_lps_mm)):
        raise InputRefused(
            Reason.POINT_OUTSIDE,
            f"The point of {point.level} was expected inside the CT; it lies at voxel (z, y, x) = "
            f"{tuple(round(float(i), 1) for i in index_zyx)} of {volume.hu.shape}. Place it inside the vertebral body.",
        )


def _resample(plane: np.ndarray, origin_yx, step_yx, config: PreprocessConfig) -> np.ndarray:
    from scipy import ndimage

    shape = (config.size_px, config.size_px)
    out = ndimage.affine_transform(plane, np.asarray(step_yx), origin_yx, shape, order=1, mode="nearest")
    for axis, (start, step, length) in enumerate(zip(origin_yx, step_yx, plane.shape, strict=True)):
        index = start + step * np.arange(config.size_px)
        outside = (index < -0.5) | (index > length - 0.5)
        out[outside if axis == 0 else (slice(None), outside)] = config.outside_hu
    return out


def _resample_mask(mask: np.ndarray, origin_yx, step_yx, shape_yx) -> np.ndarray:
    from scipy import ndimage

    values = np.asarray(mask, dtype=np.float32)
    return ndimage.affine_transform(values, np.asarray(step_yx), origin_yx, tuple(shape_yx), order=1) > 0.5


def _is_native(axial: AxialSlice) -> bool:
    return axial.step_yx == (1.0, 1.0) and axial.origin_yx == (0.0, 0.0)


def _overlap(corner_yx, crop_shape, slice_shape) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    crop_slices, slice_slices = [], []
    for corner, size, length in zip(corner_yx, crop_shape, slice_shape, strict=True):
        start, stop = max(corner, 0), max(min(corner + size, length), max(corner, 0))
        crop_slices.append(slice(start - corner, stop - corner))
        slice_slices.append(slice(start, stop))
    return tuple(crop_slices), tuple(slice_slices)
