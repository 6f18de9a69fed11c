"""Judge the Hounsfield scale of a CT, and what the image itself shows of metal and of its field of view.

HU are judged by the histogram alone: a body CT has fat near -100, a commonest tissue value of fat or soft tissue and,
where the view is not cut tightly, air near -1000. MR, label maps, unscaled CT and images cut to a display window lack
one of these. The limits are in :mod:`OsteoJointLib.io.limits`.
"""

from __future__ import annotations

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.records import Flag

LOWEST_HU = -1024
"""Everything below (padding such as -3024, noise in air) is set to this value."""

_HIGHEST_COUNTED_HU = 4096
_SAMPLE_VOXELS = 1_000_000
_HU_ADVICE = "give the CT in Hounsfield units (rescale slope and intercept applied once), not MR, a mask or a picture."


def check_hu(hu: np.ndarray, grid: Grid, limits: ReadingLimits) -> tuple[Flag, ...]:
    """Judge the Hounsfield scale and what the image shows of metal and of its own field of view.

    Args:
        hu: (z, y, x) int16, clamped from below at :data:`LOWEST_HU`, canonical.
        grid: its grid.
        limits: the limits.

    Returns:
        Flags HU_OFFSET, METAL, TRUNCATED_VIEW as they apply.

    Raises:
        InputRefused: CONSTANT, NOT_HU.
    """
    lowest, highest = int(hu.min()), int(hu.max())
    if lowest == highest:
        raise InputRefused(
            Reason.CONSTANT, f"Expected a CT, came a volume of one constant value ({lowest}); check the export."
        )
    counts = _histogram(hu)
    _refuse_label_map(counts, lowest)
    _refuse_cut_range(counts, highest)
    _refuse_without_tissue(counts, lowest, highest, limits)
    flags = [*_scale_flags(counts), *_metal_flags(hu, grid, limits), *_view_flags(hu, limits)]
    return tuple(flags)


def _histogram(hu: np.ndarray) -> np.ndarray:
    """Counts of the values from LOWEST_HU to _HIGHEST_COUNTED_HU (clipped) in an evenly thinned sample."""
    step = max(1, round((hu.size / _SAMPLE_VOXELS) ** (1 / 3)))
    sample = hu[::step, ::step, ::step] if min(hu.shape) >= 4 * step else hu
    values = np.clip(sample, LOWEST_HU, _HIGHEST_COUNTED_HU).astype(np.int32) - LOWEST_HU
    return np.bincount(values.ravel(), minlength=_HIGHEST_COUNTED_HU - LOWEST_HU + 1)


def _between(counts: np.ndarray, low_hu: int, high_hu: int) -> int:
    """Voxels with low <= HU <= high."""
    return int(counts[low_hu - LOWEST_HU : high_hu - LOWEST_HU + 1].sum())


def _mode_hu(counts: np.ndarray, low_hu: int, high_hu: int, width_hu: int = 21) -> int | None:
    """The commonest value between two HU after smoothing, None where there is nothing.

    The lowest bin of all is left out: it holds padding and everything clamped.
    """
    counts = counts.copy()
    counts[0] = 0
    part = counts[low_hu - LOWEST_HU : high_hu - LOWEST_HU + 1].astype(np.float64)
    if part.sum() == 0:
        return None
    return low_hu + int(np.argmax(np.convolve(part, np.ones(width_hu), mode="same")))


def _refuse_label_map(counts: np.ndarray, lowest: int) -> None:
    distinct = int(np.count_nonzero(counts))
    if lowest >= 0 and distinct <= 64:
        raise InputRefused(
            Reason.NOT_HU,
            f"Expected Hounsfield units, came {distinct} distinct values from {lowest} upward, as in a mask or label "
            f"map; {_HU_ADVICE}",
        )


def _refuse_without_tissue(counts: np.ndarray, lowest: int, highest: int, limits: ReadingLimits) -> None:
    body = _between(counts, -300, _HIGHEST_COUNTED_HU)
    fat = _between(counts, *limits.fat_hu)
    mode = _mode_hu(counts, -300, 300)
    low, high = limits.soft_tissue_hu
    fat_seen = body > 0 and fat >= limits.min_fat_fraction * body
    tissue_seen = mode is not None and (low <= mode <= high or limits.fat_hu[0] <= mode <= limits.fat_hu[1])
    if fat_seen and tissue_seen:
        return
    unscaled = _mode_hu(counts, 850, 1200)
    if unscaled is not None and _between(counts, 850, 1200) > 0.3 * _between(counts, 300, _HIGHEST_COUNTED_HU) > 0:
        hint = f"soft tissue lies near {unscaled}, as when the rescale intercept was not applied"
    elif not fat_seen:
        hint = "there is no fat near -100 HU, as in MR, a mask, a map or a rescaled picture"
    else:
        hint = f"the commonest tissue value is {mode}"
    raise InputRefused(
        Reason.NOT_HU,
        f"Expected a body CT in Hounsfield units, came values from {lowest} to {highest} where {hint}; {_HU_ADVICE}",
    )


def _refuse_cut_range(counts: np.ndarray, highest: int) -> None:
    at_top = _between(counts, highest, highest) if highest <= _HIGHEST_COUNTED_HU else 0
    if highest < 1000 and at_top > 0.002 * counts.sum():
        raise InputRefused(
            Reason.NOT_HU,
            f"Expected the full range of Hounsfield units, came an image cut off at {highest} HU (a display window), "
            "in which bone can't be measured; give the original CT.",
        )


def _scale_flags(counts: np.ndarray) -> list[Flag]:
    """Flag air that is shifted or not there. The lowest bin is padding or clamped air, so it proves nothing alone."""
    total = counts.sum()
    near, above = _between(counts, LOWEST_HU + 1, -970), _between(counts, -969, -800)
    if above > 0.02 * total and near < 0.1 * above:
        air = _mode_hu(counts, -969, -800)
        what = f"the darkest common value is {air} HU instead of air near -1000 (a shifted scale, or lung alone)"
    elif near + counts[0] > 0.002 * total:
        return []
    else:
        what = "no air near -1000 HU is in view"
    return [Flag(Reason.HU_OFFSET, f"The HU scale could not be confirmed: {what}. Check the rescale values.")]


def _metal_flags(hu: np.ndarray, grid: Grid, limits: ReadingLimits) -> list[Flag]:
    volume_ml = np.count_nonzero(hu >= limits.metal_hu) * float(np.prod(grid.spacing_xyz_mm)) / 1000.0
    if volume_ml < limits.metal_ml:
        return []
    return [
        Flag(
            Reason.METAL,
            f"{volume_ml:.1f} ml lie at or above {limits.metal_hu} HU: metal or very dense contrast. Streaks near L1 "
            "or L2 make HU and masks wrong.",
        )
    ]


def _view_flags(hu: np.ndarray, limits: ReadingLimits) -> list[Flag]:
    """Flag tissue at the right, left or front rim of the field of view (at the back lies the table)."""
    step = max(1, hu.shape[0] // 40)
    sample = hu[::step]
    rim = _rim(sample.shape[1:], circle=_corners_are_padding(sample))
    fraction = float(np.mean(sample[:, rim] > -300))
    if fraction < limits.truncated_fraction:
        return []
    return [
        Flag(
            Reason.TRUNCATED_VIEW,
            f"The field of view cuts the body ({100 * fraction:.0f} % of its rim is tissue): ribs may lie outside, and "
            "HU near the rim are unreliable.",
        )
    ]


def _corners_are_padding(sample: np.ndarray) -> bool:
    """Whether all four in-plane corners hold only the lowest value, as outside a round reconstruction."""
    edge_y, edge_x = (max(1, n // 20) for n in sample.shape[1:])
    ends_y, ends_x = (slice(edge_y), slice(-edge_y, None)), (slice(edge_x), slice(-edge_x, None))
    return all(np.all(sample[:, y, x] == LOWEST_HU) for y in ends_y for x in ends_x)


def _rim(shape_yx: tuple[int, int], circle: bool) -> np.ndarray:
    """(y, x) bool: the front and the sides of the image's frame, or of the circle that touches it from inside."""
    y, x = np.meshgrid(*(np.linspace(-1.0, 1.0, n) for n in shape_yx), indexing="ij")
    distance = np.hypot(y, x) if circle else np.maximum(np.abs(y), np.abs(x))
    inner, outer = (0.94, 0.98) if circle else (0.97, 1.01)
    return (distance >= inner) & (distance <= outer) & (y < 0.5)
