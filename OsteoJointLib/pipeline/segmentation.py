"""From the segmenter's logits to one body mask per level on its slice, and whether that mask looks like a body (§3.4).

The mask is cut at probability 0.5; of its parts the one nearest to the crop's center stays (specks far smaller than the
largest part never compete); holes are filled, since a body's mid-slice has none. What is implausible is said, never
hidden: an area no lumbar body has, a mask that touches the crop's edge, or none at all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.errors import Reason
from OsteoJointLib.frames import crop_to_slice, mask_extent_xyxy
from OsteoJointLib.records import AxialSlice, BodyBox, Crop, Flag, Level, VertebraSegmentation

if TYPE_CHECKING:
    from OsteoJointLib.level_set.parameters import LevelSetParameters


@dataclass(frozen=True)
class SegmentationConfig:
    """How a mask is made and when it is doubted."""

    threshold: float = 0.5
    """Probability above which a pixel is body."""
    speck_fraction: float = 0.1
    """Parts smaller than this fraction of the largest part are dropped before the nearest one is chosen."""
    area_min_mm2: float = 600.0
    """Smallest plausible area of a lumbar body's mid-slice, mm2 (female L1 about 900-1100; Zhou 2000, with margin)."""
    area_max_mm2: float = 3500.0
    """Largest, mm2 (male L2 up to about 2000; osteophytes reach further)."""

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1 or not 0 <= self.speck_fraction < 1:
            raise ValueError(f"threshold must lie in (0, 1) and speck_fraction in [0, 1), got {self}")
        if not 0 <= self.area_min_mm2 < self.area_max_mm2:
            raise ValueError(f"area_min_mm2 must be at least 0 and below area_max_mm2, got {self}")


def clean_mask(mask: np.ndarray, speck_fraction: float = 0.1) -> np.ndarray:
    """Keep the part nearest to the array's center and fill its holes.

    Args:
        mask: (y, x) bool.
        speck_fraction: see :class:`SegmentationConfig`.

    Returns:
        (y, x) bool; empty when ``mask`` is.
    """
    from scipy import ndimage

    parts, count = ndimage.label(mask)
    if count == 0:
        return np.zeros(mask.shape, dtype=bool)
    areas = np.bincount(parts.ravel())[1:]
    center_y, center_x = (np.asarray(mask.shape) - 1) / 2
    rows, columns = np.nonzero(parts)
    distances = np.full(count, np.inf)
    np.minimum.at(distances, parts[rows, columns] - 1, np.hypot(rows - center_y, columns - center_x))
    distances[areas < speck_fraction * areas.max()] = np.inf
    nearest = int(np.lexsort((-areas, distances))[0])
    return ndimage.binary_fill_holes(parts == nearest + 1)


def segment_crop(
    mask_logits: np.ndarray,
    heatmap: np.ndarray | None,
    axial: AxialSlice,
    crop: Crop,
    config: SegmentationConfig | None = None,
) -> VertebraSegmentation:
    """Turn the segmenter's answer for one crop into a segmentation on the slice.

    Args:
        mask_logits: (224, 224) float, before the sigmoid.
        heatmap: (224, 224) float in [0, 1]; None from a network without the boundary branch.
        axial: the slice.
        crop: where on the slice.
        config: threshold.

    Returns:
        The segmentation; its mask is empty when no pixel passed the threshold.
    """
    config = config or SegmentationConfig()
    logit_threshold = float(np.log(config.threshold / (1 - config.threshold)))
    mask_crop = clean_mask(np.asarray(mask_logits) > logit_threshold, config.speck_fraction)
    mask = crop_to_slice(mask_crop, crop, axial.image.shape)
    if heatmap is not None:
        heatmap = crop_to_slice(np.asarray(heatmap, dtype=np.float32), crop, axial.image.shape)
    return VertebraSegmentation(axial.level, mask, mask, heatmap, mask_area_mm2(mask, axial.pixel_mm))


def edited_segmentation(mask: np.ndarray, axial: AxialSlice, before: VertebraSegmentation) -> VertebraSegmentation:
    """Put a user's mask, taken as drawn, in place of the one there is; the network's own mask and heat map stay beside.

    Args:
        mask: (512, 512) bool in the slice's frame.
        axial: the slice.
        before: the level's segmentation so far.
    """
    mask = np.asarray(mask, dtype=bool)
    edited = not np.array_equal(mask, before.network_mask)
    return replace(before, mask=mask, area_mm2=mask_area_mm2(mask, axial.pixel_mm), refined=False, edited=edited)


def refined_segmentation(
    segmentation: VertebraSegmentation, axial: AxialSlice, parameters: LevelSetParameters
) -> VertebraSegmentation:
    """Let the level set move a mask; an empty mask stays empty, and is flagged as such."""
    from OsteoJointLib.level_set.evolution import refine

    if not segmentation.mask.any():
        return segmentation
    refined = refine(axial.hu, segmentation.mask, axial.pixel_mm, parameters)
    area = mask_area_mm2(refined.mask, axial.pixel_mm)
    return replace(segmentation, mask=refined.mask, area_mm2=area, refined=True)


def mask_area_mm2(mask: np.ndarray, pixel_mm: float) -> float:
    """Area of a bool mask on square pixels, mm2.

    >>> mask_area_mm2(np.ones((2, 3), dtype=bool), 0.5)
    1.5
    """
    return float(np.count_nonzero(mask)) * pixel_mm**2


def mask_box(mask: np.ndarray) -> BodyBox | None:
    """Put a box around a user's mask, in edge coordinates; None when the mask is empty.

    >>> mask_box(np.eye(4, dtype=bool)[:, 1:]).xyxy_px
    (0.0, 1.0, 3.0, 4.0)
    """
    box = mask_extent_xyxy(mask)
    return None if box is None else BodyBox(box, 1.0)


def segmentation_flags(
    segmentation: VertebraSegmentation, crop: Crop, config: SegmentationConfig | None = None
) -> tuple[Flag, ...]:
    """Say what makes a mask implausible.

    Args:
        segmentation: of one level.
        crop: the window it was drawn in.
        config: plausible areas.

    Returns:
        MASK_EMPTY, or any MASK_IMPLAUSIBLE, or nothing.
    """
    config = config or SegmentationConfig()
    level, area = segmentation.level, segmentation.area_mm2
    if not segmentation.mask.any():
        message = f"No pixel of {level} was segmented as vertebral body; draw its mask by hand or move its point."
        return (Flag(Reason.MASK_EMPTY, message, level),)
    flags = []
    if not config.area_min_mm2 <= area <= config.area_max_mm2:
        message = (
            f"The mask of {level} has {area:.0f} mm2; a lumbar body's mid-slice has between {config.area_min_mm2:g} "
            f"and {config.area_max_mm2:g}. Check the mask."
        )
        flags.append(Flag(Reason.MASK_IMPLAUSIBLE, message, level))
    if _touches_edge(segmentation.mask, crop, level):
        message = f"The mask of {level} touches the edge of its window, so it may be cut. Check the mask."
        flags.append(Flag(Reason.MASK_IMPLAUSIBLE, message, level))
    return tuple(flags)


def _touches_edge(mask: np.ndarray, crop: Crop, level: Level) -> bool:
    """Whether a mask reaches the crop's outermost pixels, or (a user's mask) beyond them."""
    box = mask_box(mask)
    if box is None:
        raise ValueError(f"the mask of {level} must not be empty")
    (top, left), (height, width) = crop.corner_yx, crop.image.shape
    x1, y1, x2, y2 = box.xyxy_px
    return x1 <= left or y1 <= top or x2 >= left + width or y2 >= top + height
