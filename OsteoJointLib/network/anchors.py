"""Anchors fitted to the training boxes: k-medians of widths and heights, with 1 - IoU as distance (YOLOv2, YOLOv3)."""

from __future__ import annotations

import numpy as np

from OsteoJointLib.config import Anchors
from OsteoJointLib.errors import Reason, UsageError

_MOST_ROUNDS = 100
"""Of one start; chosen, a few times what it takes."""


def shape_overlap(sizes_px: np.ndarray, anchors_px: np.ndarray) -> np.ndarray:
    """IoU of (N, 2) sizes with (K, 2) anchors laid on a common center, (N, K)."""
    common = np.minimum(sizes_px[:, None], anchors_px[None]).prod(axis=-1)
    return common / (sizes_px.prod(axis=-1)[:, None] + anchors_px.prod(axis=-1)[None] - common)


def cluster_anchors(
    sizes_px: np.ndarray, generator: np.random.Generator, per_stride: int = 3, strides: int = 3, starts: int = 8
) -> Anchors:
    """Cluster box sizes and deal the clusters to the strides, smallest area to the finest.

    Args:
        sizes_px: (N, 2) widths and heights of training boxes in pixels, all above 0.
        generator: source of chance (k-means++ start).
        per_stride: anchors per stride.
        strides: how many strides.
        starts: how many are tried; the best fit counts.

    Returns:
        Per stride, ``per_stride`` (width, height) pairs, rounded to 0.1 pixel, areas ascending throughout.

    Raises:
        UsageError: fewer different sizes than anchors, or a size that is not above 0.
    """
    sizes_px = np.asarray(sizes_px, dtype=np.float64)
    wanted = per_stride * strides
    if sizes_px.ndim != 2 or sizes_px.shape[1] != 2 or not np.all(sizes_px > 0):
        raise UsageError(
            Reason.USAGE,
            f"Boxes need a width and a height above 0 px; these have the shape {sizes_px.shape}. Check them.",
        )
    if len(np.unique(sizes_px, axis=0)) < wanted:
        raise UsageError(
            Reason.USAGE,
            f"There are fewer than {wanted} different boxes, too few for {wanted} anchors. Add training cases.",
        )
    tried = [_settled(sizes_px, _start(sizes_px, wanted, generator)) for _ in range(starts)]
    centers = max(tried, key=lambda centers: shape_overlap(sizes_px, centers).max(axis=1).mean())
    ordered = np.round(centers[np.argsort(centers.prod(axis=1), kind="stable")], 1)
    return tuple(
        tuple((float(w), float(h)) for w, h in ordered[i * per_stride : (i + 1) * per_stride]) for i in range(strides)
    )


def mean_best_overlap(sizes_px: np.ndarray, anchors: Anchors) -> float:
    """Mean over boxes of the IoU with the best-shaped anchor, in (0, 1]; how well anchors fit."""
    flat = np.array([a for scale in anchors for a in scale])
    return float(shape_overlap(np.asarray(sizes_px, dtype=np.float64), flat).max(axis=1).mean())


def _settled(sizes_px: np.ndarray, centers: np.ndarray) -> np.ndarray:
    for _ in range(_MOST_ROUNDS):
        nearest = shape_overlap(sizes_px, centers).argmax(axis=1)
        moved = np.array(
            [np.median(sizes_px[nearest == k], axis=0) if np.any(nearest == k) else c for k, c in enumerate(centers)]
        )
        if np.allclose(moved, centers):
            break
        centers = moved
    return centers


def _start(sizes_px: np.ndarray, wanted: int, generator: np.random.Generator) -> np.ndarray:
    """k-means++: each next center is drawn with probability proportional to its squared distance to the nearest."""
    chosen = [int(generator.integers(len(sizes_px)))]
    while len(chosen) < wanted:
        distance = 1 - shape_overlap(sizes_px, sizes_px[chosen]).max(axis=1)
        weight = np.clip(distance, 0, None) ** 2
        chosen.append(int(generator.choice(len(sizes_px), p=weight / weight.sum())))
    return sizes_px[chosen]
