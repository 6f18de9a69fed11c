"""Heights of a body between its endplates, and the hint that they give of a fracture.

They are measured along the body's own axes, :mod:`OsteoJointLib.whole_body.body_axes`. How far each
height may be off because of the voxels' size goes with it. A hint is Genant's grade (Genant 1993, doi
10.1002/jbmr.5650080915) by the heights alone: a body may be low without a fracture, and fractured without being low; so
it is for a person to look.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from OsteoJointLib.frames import Grid, effective_box
from OsteoJointLib.records import BodyHeights, BodyVolume, FractureHint
from OsteoJointLib.whole_body.body_axes import LEFT_MM, STEP_MM, body_axes, seen_along

PLACES = (1 / 6, 1 / 2, 5 / 6)
"""Where the heights are taken, as shares of the depth from the front (chosen: within the rims, beside the corners)."""
PLACE_HALF = 1 / 12
"""Half width of the strip that each is averaged over, as a share of the depth."""
MIDDLE_HALF_MM = 4.0
"""Half width of the mid-sagittal slab."""
EDGE_SHARE = 0.3
"""The front and the back are where the body is so high, as a share of its greatest height (chosen)."""
GRADES = (0.20, 0.25, 0.40)
"""From which loss of height on it is Genant's grade 1, 2 and 3."""
GRADE_LIMIT_MM = 3.0
"""Slices farther apart than this let no grade be told: a fifth of a body's height is 5 mm."""


def body_heights(body: BodyVolume, grid: Grid) -> BodyHeights | None:
    """Measure a body's heights; None where it is cut, or too small or torn to have any.

    Args:
        body: with its mask.
        grid: of the CT.
    """
    if body.cut:
        return None
    box = effective_box(body.mask)
    if box is None:
        return None
    # half a voxel of the body's edge counts: the same about every body, however large the box that it came in
    mask, spacing = np.pad(body.mask[box], 1), np.asarray(grid.spacing_xyz_mm)[::-1]
    axes = body_axes(mask, spacing)
    if axes is None:
        return None
    limit_mm = float((spacing * np.abs(np.stack([axes.normal, axes.steps[1]]))).max())
    return BodyHeights(*_three_heights(seen_along(axes, mask, spacing).sum(axis=0) * STEP_MM), limit_mm)


def fracture_hint(body: BodyVolume, neighbors: Sequence[BodyVolume]) -> FractureHint | None:
    """Grade the loss of height within a body and against its neighbors; None where it can't be told.

    Args:
        body: with its heights.
        neighbors: the bodies above and below, as far as they are there; one without heights says nothing.
    """
    own = body.heights
    if own is None or own.limit_mm > GRADE_LIMIT_MM:
        return None
    losses = {"wedge": 1 - own.anterior_mm / own.posterior_mm, "biconcave": 1 - own.middle_mm / own.posterior_mm}
    others_mm = [other.heights.posterior_mm for other in neighbors if other.heights is not None]
    if others_mm:
        losses["crush"] = 1 - own.posterior_mm / float(np.mean(others_mm))
    shape = max(losses, key=lambda name: losses[name])
    grade = sum(losses[shape] >= least for least in GRADES)
    return FractureHint(grade, shape if grade else None, max(losses[shape], 0.0))


def _three_heights(lengths: np.ndarray) -> tuple[float, float, float]:
    """Average the lengths of lines in the mid-sagittal slab at three depths."""
    profile = lengths[:, np.abs(LEFT_MM) <= MIDDLE_HALF_MM].mean(axis=1)
    high = np.flatnonzero(profile > EDGE_SHARE * profile.max())
    front, depth = high[0], high[-1] + 1 - high[0]
    centers = np.arange(len(profile)) + 0.5
    anterior_mm, middle_mm, posterior_mm = (
        float(profile[np.abs(centers - front - place * depth) <= max(PLACE_HALF * depth, 0.5)].mean())
        for place in PLACES
    )
    return anterior_mm, middle_mm, posterior_mm
