"""Judge whether a volume holds the Hounsfield units of a body, and what it shows of its field of view.

HU are judged by the histogram alone: a body CT has fat near -100, a commonest tissue value of fat or soft tissue and,
where the view is not cut tightly, air near -1000. MR, label maps, unscaled CT and images cut to a display window lack
one of these. Where the scale lies is judged in :mod:`OsteoJointLib.io.hu_scale`; the limits are in
:mod:`OsteoJointLib.io.limits`.
"""

from __future__ import annotations

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.io.slice_checks import refuse_blank_slices
from OsteoJointLib.records import Flag

LOWEST_HU = -1024
"""Everything below (padding such as -3024, noise in air) is set to this value."""

TISSUE_HU = -300
"""Denser than this is tissue: lung lies below -500 HU, fat above -150."""

_HIGHEST_COUNTED_HU = 4096
"""Top of the histogram; a CT of 12 bits ends at 3071, and what is brighter counts as this."""

_SAMPLE_VOXELS = 1_000_000
"""Voxels that go into the histogram, so that a large CT takes no longer than a small one."""

_SMOOTHING_HU = 21
"""Width over which the histogram is smoothed before its peak is sought, about the noise of a CT (chosen)."""

_MODE_RANGE_HU = (TISSUE_HU, 300)
"""Where the commonest value of a body is sought: fat and soft tissue, without air and most bone."""

_MOST_LABELS = 64
"""A volume without negative values and with no more distinct ones is a label map: VerSe counts to 28, a CT has
hundreds."""

_UNSCALED_HU = (850, 1200)
"""Where fat and soft tissue lie in stored values from which 1024 or 1000 was not taken off."""

_UNSCALED_FROM_HU, _UNSCALED_SHARE = 300, 0.3
"""So much of all that is brighter than bone's lower end lies there when the intercept was not applied (chosen)."""

_WINDOW_TOP_HU, _WINDOW_SHARE = 1000, 0.002
"""An image whose highest value is lower than cortical bone's, and in which this share of the voxels has exactly that
value, was cut to a display window (chosen; in a CT the highest value stands once or twice)."""

_RIM_SLICES = 40
"""Slices that are looked at for tissue at the rim, evenly spread."""

_FRAME_RIM, _CIRCLE_RIM = (0.97, 1.01), (0.94, 0.98)
"""The rim, in half widths of the image: its outermost 1.5 %, or a ring just inside a round reconstruction, whose own
edge is blurred (chosen)."""

_RIM_BACK = 0.5
"""The rim farther back than this, in half heights of the image, is not looked at: there lies the table."""

_CORNER = 20
"""The corners that tell a round reconstruction are this part of the image's width and height."""

_HU_ADVICE = "Give the CT in Hounsfield units (rescale slope and intercept applied once), not MR, a mask or a picture."


def check_hu(hu: np.ndarray, limits: ReadingLimits) -> tuple[Flag, ...]:
    """Judge whether a volume holds Hounsfield units at all, and what it shows of its own field of view.

    Args:
        hu: (z, y, x) int16, clamped from below at :data:`LOWEST_HU`, canonical.
        limits: the limits.

    Returns:
        A flag TRUNCATED_VIEW where it applies.

    Raises:
        InputRefused: CONSTANT, UNREADABLE (slices that hold nothing), NOT_HU.
    """
    lowest, highest = int(hu.min()), int(hu.max())
    if lowest == highest:
        raise InputRefused(
            Reason.CONSTANT, f"Every voxel has the same value, {lowest}, so this is no CT. Check the export."
        )
    if len(hu) > 1:
        refuse_blank_slices(hu)
    counts = histogram(hu)
    _refuse_label_map(counts, lowest)
    _refuse_cut_range(counts, highest)
    _refuse_without_tissue(counts, lowest, highest, limits)
    return tuple(_view_flags(hu, limits))


def histogram(hu: np.ndarray) -> np.ndarray:
    """Count the values from LOWEST_HU to _HIGHEST_COUNTED_HU (clipped) in an evenly thinned sample."""
    step = max(1, round((hu.size / _SAMPLE_VOXELS) ** (1 / 3)))
    sample = hu[::step, ::step, ::step] if min(hu.shape) >= 4 * step else hu
    values = np.clip(sample, LOWEST_HU, _HIGHEST_COUNTED_HU).astype(np.int32) - LOWEST_HU
    return np.bincount(values.ravel(), minlength=_HIGHEST_COUNTED_HU - LOWEST_HU + 1)


def _between(counts: np.ndarray, low_hu: int, high_hu: int) -> int:
    """Count the voxels with low <= HU <= high."""
    return int(counts[low_hu - LOWEST_HU : high_hu - LOWEST_HU + 1].sum())


def _mode_hu(counts: np.ndarray, low_hu: int, high_hu: int) -> int | None:
    """Find the commonest value between two HU after smoothing, None where there is nothing."""
    part = counts[low_hu - LOWEST_HU : high_hu - LOWEST_HU + 1].astype(np.float64)
    if part.sum() == 0:
        return None
    return low_hu + int(np.argmax(np.convolve(part, np.ones(_SMOOTHING_HU), mode="same")))


def _refuse_label_map(counts: np.ndarray, lowest: int) -> None:
    distinct = int(np.count_nonzero(counts))
    if lowest >= 0 and distinct <= _MOST_LABELS:
        raise InputRefused(
            Reason.NOT_HU,
            f"The image holds only {distinct} different values from {lowest} upward, as a mask or label map does. "
            f"{_HU_ADVICE}",
        )


def _refuse_without_tissue(counts: np.ndarray, lowest: int, highest: int, limits: ReadingLimits) -> None:
    body = _between(counts, TISSUE_HU, _HIGHEST_COUNTED_HU)
    fat = _between(counts, *limits.fat_hu)
    mode = _mode_hu(counts, *_MODE_RANGE_HU)
    low, high = limits.soft_tissue_hu
    fat_seen = body > 0 and fat >= limits.min_fat_fraction * body
    tissue_seen = mode is not None and (low <= mode <= high or limits.fat_hu[0] <= mode <= limits.fat_hu[1])
    if fat_seen and tissue_seen:
        return
    unscaled = _mode_hu(counts, *_UNSCALED_HU)
    bright = _between(counts, _UNSCALED_FROM_HU, _HIGHEST_COUNTED_HU)
    if unscaled is not None and _between(counts, *_UNSCALED_HU) > _UNSCALED_SHARE * bright > 0:
        hint = f"soft tissue lies near {unscaled}, as when the rescale intercept was not applied"
    elif not fat_seen:
        hint = "there is no fat near -100 HU, as in MR, a mask, a map or a rescaled picture"
    else:
        hint = f"the commonest tissue value is {mode}"
    raise InputRefused(
        Reason.NOT_HU,
        f"The values from {lowest} to {highest} are no Hounsfield units of a body: {hint}. {_HU_ADVICE}",
    )


def _refuse_cut_range(counts: np.ndarray, highest: int) -> None:
    at_top = _between(counts, highest, highest) if highest <= _HIGHEST_COUNTED_HU else 0
    if highest < _WINDOW_TOP_HU and at_top > _WINDOW_SHARE * counts.sum():
        raise InputRefused(
            Reason.NOT_HU,
            f"The image is cut off at {highest} HU, as by a display window, so bone can't be measured in it. Give the "
            "original CT.",
        )


def _view_flags(hu: np.ndarray, limits: ReadingLimits) -> list[Flag]:
    """Flag tissue at the right, left or front rim of the field of view (at the back lies the table)."""
    step = max(1, hu.shape[0] // _RIM_SLICES)
    sample = hu[::step]
    rim = _rim(sample.shape[1:], circle=_corners_are_padding(sample))
    fraction = float(np.mean(sample[:, rim] > TISSUE_HU))
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
    """Say whether all four in-plane corners hold only the lowest value, as outside a round reconstruction."""
    edge_y, edge_x = (max(1, n // _CORNER) for n in sample.shape[1:])
    ends_y, ends_x = (slice(edge_y), slice(-edge_y, None)), (slice(edge_x), slice(-edge_x, None))
    return all(np.all(sample[:, y, x] == LOWEST_HU) for y in ends_y for x in ends_x)


def _rim(shape_yx: tuple[int, int], circle: bool) -> np.ndarray:
    """Mark (y, x) the front and the sides of the image's frame, or of the circle that touches it from inside."""
    y, x = np.meshgrid(*(np.linspace(-1.0, 1.0, n) for n in shape_yx), indexing="ij")
    distance = np.hypot(y, x) if circle else np.maximum(np.abs(y), np.abs(x))
    inner, outer = _CIRCLE_RIM if circle else _FRAME_RIM
    return (distance >= inner) & (distance <= outer) & (y < _RIM_BACK)
