"""One row of a batch: two crops of one patient with their masks, as training sees them or as the chain does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from OsteoJointLib.config import NetworkConfig, WindowConfig
from OsteoJointLib.hu_window import to_unit_range
from OsteoJointLib.network.heatmap import boundary_heatmap
from training.data.augment import (
    AugmentConfig,
    Intensity,
    Placement,
    add_objects,
    box_center_xy,
    degrade,
    draw_crop_placement,
    draw_scale,
)
from training.data.contours import evolved_mask
from training.data.pairs import StoredPair

CROP_SIZE = NetworkConfig.crop_px
MIDDLES, FURTHER = slice(0, 2), slice(2, 4)
"""Slices of a pair: near the middle of L1 and L2, and at any height."""


@dataclass(frozen=True, eq=False)
class Row:
    """One unmixed case: crops (2, 224, 224) in [0, 1], with masks (bool), tissues (uint8) and heat maps like them."""

    crops: np.ndarray
    masks: np.ndarray
    tissues: np.ndarray
    heatmaps: np.ndarray


def augmented_row(
    pair: StoredPair,
    generator: np.random.Generator,
    augment: AugmentConfig,
    intensity: Intensity | None,
    sigma_px: float,
    with_heatmaps: bool = True,
    which: slice = MIDDLES,
    evolved_share: float = 0.0,
    contours: Path = Path(),
) -> Row:
    """Draw one augmented row of a pair.

    Args:
        pair: the slices.
        generator: all chance comes from it.
        augment: the ranges.
        intensity: what to do to the grey values; None keeps absolute HU.
        sigma_px: of the boundary target.
        with_heatmaps: False leaves them 0 (rows without the mask terms do not use them).
        which: two of the pair's slices.
        evolved_share: of the evolved contour in the boundary target, see :func:`guided_heatmap`.
        contours: folder where these are kept.
    """
    scale, flip = draw_scale(augment, generator), bool(generator.random() < 0.5)
    crops, masks, tissues, heatmaps = [], [], [], []
    for hu, mask, tissue, center in zip(
        pair.hu[which], pair.masks[which], pair.tissues[which], _centers(pair, which), strict=True
    ):
        placement = draw_crop_placement(center, scale, flip, augment, generator)
        crop, crop_mask = placement.image(hu, CROP_SIZE), placement.mask(mask, CROP_SIZE)
        found = placement.labels(tissue, CROP_SIZE)
        if generator.random() < augment.object_probability:
            before = crop
            crop = add_objects(crop, crop_mask, augment, generator)
            found = np.where(crop == before, found, 0)
        if with_heatmaps:
            evolved = crop_mask
            if evolved_share:
                evolved = placement.mask(evolved_mask(hu, mask, pair.pixel_mm, contours), CROP_SIZE)
            heatmaps.append(guided_heatmap(crop_mask, evolved, sigma_px, evolved_share))
        crops.append(crop if intensity is None else intensity.on_hu(crop, crop_mask))
        masks.append(crop_mask)
        tissues.append(found)
    image = to_unit_range(degrade(np.stack(crops), augment, generator), WindowConfig())
    if intensity is not None and intensity.gamma != 1.0:
        image = image ** np.float32(intensity.gamma)
    drawn = np.stack(heatmaps) if with_heatmaps else np.zeros_like(image)
    return Row(image, np.stack(masks), np.stack(tissues), drawn)


def guided_heatmap(label: np.ndarray, evolved: np.ndarray, sigma_px: float, share: float) -> np.ndarray:
    """Draw the boundary target, guided by the contour that the level set evolves on the image (section 3.4.2).

    A further squared error with weight w, (p - t)^2 + w (p - e)^2, has the gradient of one to the mean of label t and
    contour e, (1 + w) (p - (t + w e) / (1 + w))^2, so that the mean is the target; ``share`` is w / (1 + w). The
    evolution starts from the label: the network's own mask isn't there when a row is drawn.

    Args:
        label: (y, x) bool, maybe empty.
        evolved: (y, x) bool, what the evolved contour encloses.
        sigma_px: of the Gaussian.
        share: of the contour, 0 (no guidance) to 1.

    Returns:
        (y, x) float32 in [0, 1].
    """
    plain = boundary_heatmap(label, sigma_px)
    if share == 0.0 or not label.any():
        return plain
    return np.float32(1.0 - share) * plain + np.float32(share) * boundary_heatmap(evolved, sigma_px)


def plain_row(pair: StoredPair, sigma_px: float, which: slice = MIDDLES) -> Row:
    """Make the row of a pair without augmentation, as the chain sees it with a perfect localizer."""
    parts = []
    for hu, mask, tissue, center in zip(
        pair.hu[which], pair.masks[which], pair.tissues[which], _centers(pair, which), strict=True
    ):
        placement = Placement((float(np.rint(center[0])), float(np.rint(center[1]))))
        crop = to_unit_range(placement.image(hu, CROP_SIZE), WindowConfig())
        parts.append((crop, placement.mask(mask, CROP_SIZE), placement.labels(tissue, CROP_SIZE)))
    crops, masks, tissues = (np.stack(arrays) for arrays in zip(*parts, strict=True))
    return Row(crops, masks, tissues, np.stack([boundary_heatmap(mask, sigma_px) for mask in masks]))


def _centers(pair: StoredPair, which: slice) -> np.ndarray | list[np.ndarray]:
    """Index coordinates (x, y) on which crops lie: the middle of the body's box, or the column's, at any height."""
    return [box_center_xy(mask) for mask in pair.masks[which]] if which == MIDDLES else pair.centers_px[which]
