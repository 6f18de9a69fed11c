"""The sacrum: where its first body lies, whether it follows the column, and its segments that look like bodies."""

from __future__ import annotations

import numpy as np

from OsteoJointLib.level_config import Landmark, Tissue
from OsteoJointLib.levels.bodies import LONE_HEIGHT_MM, Body, refine_peak
from OsteoJointLib.levels.inference import LevelPrediction, voxels_of

SACRUM_LEAST_ML = 5.0
"""Less sacrum than this is not seen (chosen)."""

FIRST_LEAST = 0.3
"""The first sacral body is seen from this value of its heat map on (chosen)."""

SAME_HEIGHTS = 0.5
"""A body nearer to the first sacral one than this many heights is it, and what lies lower is sacral too (chosen)."""

JOINED_HEIGHTS = 1.4
"""The sacrum follows a body when its first one lies within this many of its heights (chosen; usually one)."""


def first_sacral_mm(prediction: LevelPrediction, bodies: tuple[Body, ...]) -> np.ndarray | None:
    """Find the center of the first sacral body, in the column's lower half: shoulders may look like a sacrum.

    Args:
        prediction: of the level network.
        bodies: of the column, its sacral segments included; at least one.

    Returns:
        (3,) z, y, x in mm; None where it isn't seen.
    """
    middle_mm = float(np.mean([body.center_mm[0] for body in bodies])) + 0.5 * bodies[-1].height_mm
    heatmap = prediction.landmarks[Landmark.SACRUM][: max(int(middle_mm / prediction.spacing_mm), 1)]
    peak = np.array(np.unravel_index(np.argmax(heatmap), heatmap.shape))
    if heatmap[tuple(peak)] < FIRST_LEAST:
        return None
    return refine_peak(heatmap, peak) * prediction.spacing_mm


def is_sacral(body: Body, first_mm: np.ndarray) -> bool:
    """Say whether what looks like a body is a segment of the sacrum, whose first body lies at ``first_mm``."""
    way = first_mm - body.center_mm
    return bool(way[0] > 0.0 or np.linalg.norm(way) < SAME_HEIGHTS * body.height_mm)


def sacrum_below(prediction: LevelPrediction, body: Body, first_mm: np.ndarray | None) -> bool:
    """Say whether the sacrum is the next bone below a body.

    Args:
        prediction: of the level network.
        body: the lowest of the column.
        first_mm: center of the first sacral body, None where it isn't seen.

    Returns:
        True where the first sacral body lies below within :data:`JOINED_HEIGHTS`; where it isn't seen, where at least
        5 ml of sacrum lie in view and the nearest of it is within one body height below the center.
    """
    from scipy import ndimage

    if first_mm is not None:
        height_mm = max(body.height_mm, LONE_HEIGHT_MM)  # a crushed neighbor says nothing of the last disc
        return bool(np.linalg.norm(first_mm - body.center_mm) <= JOINED_HEIGHTS * height_mm)
    below = prediction.classes[: max(int(np.ceil(body.center_mm[0] / prediction.spacing_mm)), 0)]
    labels, _ = ndimage.label(below == Tissue.SACRUM, np.ones((3, 3, 3)))
    counts = np.bincount(labels.ravel(), minlength=1)
    counts[0] = 0
    if not counts.any() or counts.max() * prediction.spacing_mm**3 / 1000.0 < SACRUM_LEAST_ML:
        return False
    spots_mm = voxels_of(labels == np.argmax(counts)) * prediction.spacing_mm
    distance = np.linalg.norm(spots_mm - body.center_mm, axis=1)
    nearest = np.argmin(distance)
    return bool(distance[nearest] <= body.height_mm)
