"""The sizes of bodies' boxes in training pairs, on which the localizer's anchors are clustered."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from OsteoJointLib.config import VERTEBRA_ANCHORS
from OsteoJointLib.network.anchors import cluster_anchors, mean_best_overlap
from training.data.augment import box_of
from training.data.pairs import PairFolder, load_pair
from training.seeds import TRAINING_SEEDS


def box_sizes_px(folder: Path, most: int) -> np.ndarray:
    """Measure the bodies' boxes in the first ``most`` pairs of a folder: (2 N, 2) width and height in pixels."""
    pairs = (load_pair(path) for path in PairFolder.listed(folder, TRAINING_SEEDS).paths[:most])
    boxes = np.array([box_of(mask) for pair in pairs for mask in pair.masks[:2]])
    return boxes[:, 2:] - boxes[:, :2]


def anchors_in_words(folder: Path, most: int) -> str:
    """Cluster anchors on a folder's boxes, and say how well they and the present ones fit.

    Returns:
        Anchors in the form of :data:`OsteoJointLib.config.VERTEBRA_ANCHORS`, then a line on each fit. Anchors belong to
        a network's weights: changed ones need a fresh training.
    """
    sizes = box_sizes_px(folder, most)
    anchors = cluster_anchors(sizes, np.random.default_rng(0))
    return (
        f"{anchors}\n"
        f"mean best IoU on {len(sizes)} boxes: {mean_best_overlap(sizes, anchors):.3f}\n"
        f"that of the present anchors: {mean_best_overlap(sizes, VERTEBRA_ANCHORS):.3f}"
    )
