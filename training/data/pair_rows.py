"""One row of a batch: two crops of one patient with their masks, as training sees them or as the chain does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from OsteoJointLib.config import NetworkConfig, WindowConfig
from OsteoJointLib.network.heatmap import boundary_heatmap
from OsteoJointLib.pipeline.preprocess import to_unit_range
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
    """
    scale, flip = draw_scale(augment, generator), bool(generator.random() < 0.5)
    crops, masks, tissues = [], [], []
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
        crops.append(crop if intensity is None else intensity.on_hu(crop, crop_mask))
        masks.append(crop_mask)
        tissues.append(found)
    image = to_unit_range(degrade(np.stack(crops), augment, generator), WindowConfig())
    if intensity is not None and intensity.gamma != 1.0:
        image = image ** np.float32(intensity.gamma)
    return Row(image, np.stack(masks), np.stack(tissues), _heatmaps(masks, sigma_px if with_heatmaps else None))


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
    return Row(crops, masks, tissues, _heatmaps(masks, sigma_px))


def _centers(pair: StoredPair, which: slice) -> np.ndarray | list[np.ndarray]:
    """Index coordinates (x, y) on which crops lie: the middle of the body's box, or the column's, at any height."""
    return [box_center_xy(mask) for mask in pair.masks[which]] if which == MIDDLES else pair.centers_px[which]


def _heatmaps(masks: Sequence[np.ndarray] | np.ndarray, sigma_px: float | None) -> np.ndarray:
    if sigma_px is None:
        return np.zeros((len(masks), CROP_SIZE, CROP_SIZE), np.float32)
    return np.stack([boundary_heatmap(mask, sigma_px) for mask in masks])
