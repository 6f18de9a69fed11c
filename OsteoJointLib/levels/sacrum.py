"""The sacrum: whether it follows the column, and its segments that look like bodies."""

from __future__ import annotations

import numpy as np

from OsteoJointLib.level_config import Tissue
from OsteoJointLib.levels.bodies import Body
from OsteoJointLib.levels.inference import LevelPrediction

SACRUM_LEAST_ML = 5.0
"""Less sacrum than this is not seen (chosen)."""

SACRUM_BESIDE_ML = 4.0
"""A body with more sacrum than this beside it is part of it; beside L5 the phantom has at most 0.4 ml."""

BESIDE_MM = 60.0
"""Sacrum farther from the column's line than this is none of its wings at this height: half the width of a sacrum."""

BESIDE_HEIGHTS = (-0.2, 0.8)
"""From where to where, in body heights above a center, sacrum counts as beside it; at L5 all of it lies lower."""

SACRAL_STEP_DEG = 31.0
SACRAL_STEP_SHARE = 0.85
"""A last step steeper than this against z, and shorter than this share of the step before, leads into the sacrum. Of
500 phantoms' last lumbar steps none is steeper than 30 degrees and as short."""


def is_sacral(prediction: LevelPrediction, bodies: tuple[Body, ...], followed: bool) -> bool:
    """Say whether what looks like the lowest body is a segment of the sacrum.

    Args:
        prediction: of the level network.
        bodies: the column, at least two.
        followed: whether a segment below it is known to be the sacrum's.

    Returns:
        True where at least 4 ml of sacrum lie beside it (near the line through the last two centers, from a fifth of a
        body height below the center upward), or where the sacrum follows
        and the last step is both steep and short, as from L5 to S1.
    """
    body, above = bodies[-1], bodies[-2]
    axis = above.center_mm - body.center_mm
    height_mm = float(np.linalg.norm(axis))
    offset = np.argwhere(prediction.classes == Tissue.SACRUM) * prediction.spacing_mm - body.center_mm
    along = offset @ (axis / height_mm)
    aside = np.linalg.norm(offset - along[:, None] * (axis / height_mm), axis=1)
    lowest, highest = (share * height_mm for share in BESIDE_HEIGHTS)
    beside = (along > lowest) & (along < highest) & (aside < BESIDE_MM)
    if beside.sum() * prediction.spacing_mm**3 / 1000.0 >= SACRUM_BESIDE_ML:
        return True
    if len(bodies) < 3 or not (followed or sacrum_below(prediction, body)):
        return False
    steep = axis[0] < height_mm * np.cos(np.radians(SACRAL_STEP_DEG))
    return bool(steep and height_mm < SACRAL_STEP_SHARE * np.linalg.norm(bodies[-3].center_mm - above.center_mm))


def sacrum_below(prediction: LevelPrediction, body: Body) -> bool:
    """Say whether the sacrum is the next bone below a body.

    Args:
        prediction: of the level network.
        body: the lowest of the column.

    Returns:
        True where at least 5 ml of sacrum lie in view and the nearest of it is within one body height below the center.
    """
    from scipy import ndimage

    labels, _ = ndimage.label(prediction.classes == Tissue.SACRUM, np.ones((3, 3, 3)))
    counts = np.bincount(labels.ravel())
    counts[0] = 0
    if not counts.any() or counts.max() * prediction.spacing_mm**3 / 1000.0 < SACRUM_LEAST_ML:
        return False
    spots_mm = np.argwhere(labels == np.argmax(counts)) * prediction.spacing_mm
    distance = np.linalg.norm(spots_mm - body.center_mm, axis=1)
    nearest = np.argmin(distance)
    return bool(distance[nearest] <= body.height_mm and spots_mm[nearest, 0] < body.center_mm[0])
