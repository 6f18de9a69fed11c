"""Measure HU in the trabecular bone of a whole body: its middle third along its own axis, eroded in mm in 3-D.

A mid-slice through the basivertebral vein, or askew to the body, is up to 25 HU off. Here both endplates are planes
fitted to the mask's own columns, so that the third follows a tilted body. What lies within the erosion of the mask's
edge, or in its posterior part, where the vein enters, is left out, and so is what is too dense for trabecular bone.
Everything is in millimeters along the CT's own index axes, which are at right angles however the CT lies in the world.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from OsteoJointLib.frames import Grid
from OsteoJointLib.pipeline.measure import MeasureConfig, statistics
from OsteoJointLib.records import BodyVolume, CtVolume, Level, RoiKind, RoiMeasurement

_FULL_HEIGHT = 0.7
"""A column this much as tall as the tall ones of its body ends at the endplates, not at a wall: chosen; in a body that
leans 25 degrees it leaves 4 of 33 mm of depth to the walls."""
_TALL_QUANTILE = 0.9
_TRIMMED_QUANTILE = 0.9
"""Share of the columns that the second fit of an endplate keeps: spurs and dents are the rest; chosen."""
_LEAST_COLUMNS = 12
"""Fewer tell no plane; chosen."""

DENSE_SD, DENSE_LEAST_HU, DENSE_HU = 5.0, 150.0, 600.0
"""A voxel is too dense for trabecular bone where it lies more than 5 robust standard deviations (1.4826 times the
median distance from the median) and 150 HU over the ROI's median, or at 600 HU and more. Five SD of noise are
passed by one voxel in three millions; the densest trabecular bone has 300 HU and so much noise does no scan have
that is read. Chosen; looked at on the CTs of ../shared/ct, where none of the ROI of a sound body is left out."""
_DENSE_RIM_MM = 2.0
"""How far around a voxel that is too dense the bone is left out too: what it blurs into; chosen."""
_MAD_TO_SD = 1.4826


@dataclass(frozen=True, eq=False)
class BodyRoi:
    """A trabecular ROI.

    Args:
        mask: (z, y, x) bool in the body's box.
        dense_share: of the region, left out as too dense for trabecular bone, 0 to 1.
    """

    mask: np.ndarray
    dense_share: float


def body_roi(body: BodyVolume, hu: np.ndarray, spacing_zyx_mm: np.ndarray, config: MeasureConfig) -> BodyRoi:
    """Draw the trabecular ROI of a whole body.

    Args:
        body: the body.
        hu: (z, y, x) HU of its box.
        spacing_zyx_mm: (3,) size of the CT's voxels.
        config: third, erosion and posterior part.

    Returns:
        The ROI; empty where the body is too small or has no endplates to tell.
    """
    region = middle_third(body.mask, spacing_zyx_mm, config)
    region &= edge_distance_mm(body.mask, spacing_zyx_mm) >= config.erosion_mm
    if not region.any():
        return BodyRoi(region, 0.0)
    kept = region & ~_too_dense(np.asarray(hu, dtype=np.float32), region, spacing_zyx_mm)
    return BodyRoi(kept, 1.0 - np.count_nonzero(kept) / np.count_nonzero(region))


def measure_body(
    volume: CtVolume, body: BodyVolume, level: Level, config: MeasureConfig | None = None
) -> RoiMeasurement:
    """Measure the HU of a whole body's trabecular ROI, on the CT's own voxels.

    Args:
        volume: the CT.
        body: the body.
        level: which vertebra.
        config: the ROI; None: the defaults.

    Returns:
        As :func:`OsteoJointLib.pipeline.measure.measure_roi`; all None when the ROI is smaller than ``min_volume_ml``.
    """
    config = config or MeasureConfig()
    spacing = spacing_of(volume.grid)
    hu = volume.hu[box_of(body)]
    roi = body_roi(body, hu, spacing, config)
    voxels = int(np.count_nonzero(roi.mask))
    volume_ml = voxels * float(spacing.prod()) / 1000.0
    measured = volume_ml >= config.min_volume_ml
    return RoiMeasurement(
        level,
        RoiKind.BODY,
        roi.mask if measured else np.zeros_like(roi.mask),
        config.erosion_mm,
        voxels,
        *statistics(hu[roi.mask].astype(np.float64), measured),
        volume_ml=volume_ml,
        corner_zyx=body.corner_zyx,
        dense_share=roi.dense_share,
    )


def box_of(body: BodyVolume) -> tuple[slice, slice, slice]:
    """Return the part of the CT's array that a body's box covers."""
    z, y, x = (slice(c, c + n) for c, n in zip(body.corner_zyx, body.mask.shape, strict=True))
    return z, y, x


def spacing_of(grid: Grid) -> np.ndarray:
    """Return the size of a grid's voxels along z, y and x in mm."""
    return np.array(grid.spacing_xyz_mm[::-1], dtype=np.float64)


def middle_third(mask: np.ndarray, spacing_zyx_mm: np.ndarray, config: MeasureConfig) -> np.ndarray:
    """Mark the part of a body between its endplates that is measured, without its posterior part.

    Args:
        mask: (z, y, x) bool.
        spacing_zyx_mm: (3,).
        config: how much of height and depth.

    Returns:
        (z, y, x) bool: voxels whose center lies in the middle ``middle_fraction`` of the way from the lower to the
        upper endplate, and not in the posterior ``posterior_fraction`` of the depth, both along the body's own axes.
        Empty where its endplates can't be told.

    >>> box = np.ones((9, 8, 8), dtype=bool)
    >>> third = middle_third(box, np.ones(3), MeasureConfig(posterior_fraction=0.25))
    >>> [np.flatnonzero(third.any(axis=other)).tolist() for other in ((1, 2), (0, 2))]
    [[3, 4, 5], [0, 1, 2, 3, 4, 5]]
    """
    planes = _endplates(mask, spacing_zyx_mm)
    if planes is None:
        return np.zeros_like(mask, dtype=bool)
    lower, upper = planes
    z, y, x = (
        np.arange(n).reshape([-1 if axis == own else 1 for axis in range(3)]) * spacing_zyx_mm[own]
        for own, n in enumerate(mask.shape)
    )
    below, above = (a * y + b * x + c for a, b, c in (lower, upper))
    height = (z - below) / np.maximum(above - below, spacing_zyx_mm[0])
    third = mask & (np.abs(height - 0.5) < 0.5 * config.middle_fraction)
    if not third.any():
        return third
    lean_y, lean_x, _ = 0.5 * (lower + upper)
    axis = np.array([1.0, -lean_y, -lean_x]) / np.sqrt(1.0 + lean_y**2 + lean_x**2)  # z, y, x
    back = np.array([0.0, 1.0, 0.0]) - axis[1] * axis
    back /= np.linalg.norm(back)
    depth = back[0] * z + back[1] * y + back[2] * x
    front_mm, back_mm = depth[third].min(), depth[third].max()
    half = 0.5 * spacing_zyx_mm[1]
    last_mm = back_mm + half - config.posterior_fraction * (back_mm - front_mm + 2.0 * half)
    return third & (depth <= last_mm)


def _endplates(mask: np.ndarray, spacing_zyx_mm: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Fit the lower and the upper endplate, each (3,): slope along y and x, and height at the box's first voxel, mm."""
    columns = mask.any(axis=0)
    if not columns.any():
        return None
    first = mask.argmax(axis=0)
    last = mask.shape[0] - 1 - mask[::-1].argmax(axis=0)
    rows, cols = np.nonzero(columns)
    tall = (last - first + 1)[rows, cols]
    full = tall >= _FULL_HEIGHT * np.quantile(tall, _TALL_QUANTILE)
    rows, cols = rows[full], cols[full]
    if rows.size < _LEAST_COLUMNS:
        return None
    places = np.stack([rows * spacing_zyx_mm[1], cols * spacing_zyx_mm[2], np.ones(rows.size)], axis=1)
    low_mm, high_mm = (first[rows, cols] - 0.5) * spacing_zyx_mm[0], (last[rows, cols] + 0.5) * spacing_zyx_mm[0]
    return _plane(places, low_mm), _plane(places, high_mm)


def _plane(places: np.ndarray, heights_mm: np.ndarray) -> np.ndarray:
    """Fit a plane by least squares, and once more without what lies farthest from it."""
    plane, *_ = np.linalg.lstsq(places, heights_mm, rcond=None)
    off = np.abs(places @ plane - heights_mm)
    near = off <= np.quantile(off, _TRIMMED_QUANTILE)
    return np.linalg.lstsq(places[near], heights_mm[near], rcond=None)[0]


def edge_distance_mm(mask: np.ndarray, spacing_zyx_mm: np.ndarray) -> np.ndarray:
    """Measure how far each voxel's center lies from the nearest voxel outside: from its near side, whatever its shape.

    Args:
        mask: (z, y, x) bool; what lies beyond the array counts as outside.
        spacing_zyx_mm: (3,).

    Returns:
        (z, y, x) mm, 0 outside the mask.

    >>> edge_distance_mm(np.ones((1, 1, 3), dtype=bool), np.array([9.0, 9.0, 1.0])).ravel().tolist()
    [0.5, 1.5, 0.5]
    """
    from scipy import ndimage

    # the nearest center is the nearest side only of voxels that are about cubes: thick ones are cut into an odd number
    parts = np.rint((spacing_zyx_mm / spacing_zyx_mm.min() - 1.0) / 2.0).astype(int) * 2 + 1
    fine, step_mm = np.pad(mask, 1), spacing_zyx_mm / parts
    for axis, count in enumerate(parts):
        fine = fine.repeat(count, axis=axis)
    nearest = ndimage.distance_transform_edt(fine, step_mm, return_distances=False, return_indices=True)
    own: tuple[np.ndarray, ...] = np.indices(fine.shape, sparse=True)
    gaps = (
        np.maximum(np.abs(found - index) - 0.5, 0.0) * step
        for found, index, step in zip(nearest, own, step_mm, strict=True)
    )
    middles = tuple(slice(count + count // 2, -count, count) for count in parts)
    return np.where(mask, np.sqrt(sum(gap**2 for gap in gaps))[middles], 0.0)


def _too_dense(hu: np.ndarray, region: np.ndarray, spacing_zyx_mm: np.ndarray) -> np.ndarray:
    """Mark what is too dense for trabecular bone, with what it blurs into; see :data:`DENSE_SD`."""
    from scipy import ndimage

    values = hu[region]
    median = float(np.median(values))
    sd = _MAD_TO_SD * float(np.median(np.abs(values - median)))
    dense = region & (hu >= min(median + max(DENSE_SD * sd, DENSE_LEAST_HU), DENSE_HU))
    if not dense.any():
        return dense
    return ndimage.distance_transform_edt(~dense, spacing_zyx_mm) <= _DENSE_RIM_MM
