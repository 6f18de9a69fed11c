"""Heights of a body between its endplates, and the hint that they give of a fracture.

The body is measured along its own axis, which is square to the mean of both endplates, so that an oblique scan or a
leaning vertebra changes nothing; the lines along which it is measured follow its front and back walls. How far each
height may be off because of the voxels' size goes with it. A hint is Genant's grade (Genant 1993, doi
10.1002/jbmr.5650080915) by the heights alone: a body may be low without a fracture, and fractured without being low; so
it is for a person to look.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from OsteoJointLib.frames import Grid
from OsteoJointLib.records import BodyHeights, BodyVolume, FractureHint

PLACES = (1 / 6, 1 / 2, 5 / 6)
"""Where the heights are taken, as shares of the depth from the front (chosen: within the rims, beside the corners)."""
PLACE_HALF = 1 / 12
"""Half width of the strip that each is averaged over, as a share of the depth."""
MIDDLE_HALF_MM = 4.0
"""Half width of the mid-sagittal slab."""
STEP_MM = 1.0
DEPTH_HALF_MM, HEIGHT_HALF_MM, WIDTH_HALF_MM = 30.0, 32.0, 14.0
"""Half of what is looked at about the body's middle: more than a lumbar body, and the middle of its width."""
_STEPS = tuple(np.arange(-half, half + 0.1, STEP_MM) for half in (HEIGHT_HALF_MM, DEPTH_HALF_MM, WIDTH_HALF_MM))
EDGE_SHARE = 0.3
"""The front and the back are where the body is so high, as a share of its greatest height (chosen)."""
LEAST_LINES = 20
"""Lines that must meet the body for its axis to be told."""
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
    spacing = np.asarray(grid.spacing_xyz_mm)[::-1]
    middle_mm = np.argwhere(body.mask).mean(axis=0) * spacing
    up = np.array([1.0, 0.0, 0.0])
    for _ in range(2):
        axes = np.stack([up, *_across(up)])
        seen = _sampled(body.mask, spacing, middle_mm, axes)
        if np.count_nonzero(seen.any(axis=0)) < LEAST_LINES:
            return None
        up = _square_to(seen, axes)
    axes = np.stack([up, *_across(up)])
    axes[0] += _lean(_sampled(body.mask, spacing, middle_mm, axes)) @ axes[1:]
    heights = _three_heights(_sampled(body.mask, spacing, middle_mm, axes).sum(axis=0) * STEP_MM)
    return BodyHeights(*heights, limit_mm=float((spacing * np.abs(np.stack([up, axes[1]]))).max()))


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


def _across(up: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the ways back and left that are square to an axis, as z, y, x."""
    back = np.array([0.0, 1.0, 0.0]) - up[1] * up
    back /= np.linalg.norm(back)
    return back, np.cross(up, back)


def _sampled(mask: np.ndarray, spacing: np.ndarray, middle_mm: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Look at the mask along lines.

    Args:
        mask: (z, y, x) bool.
        spacing: of its voxels.
        middle_mm: (3,) of the lines.
        axes: (3, 3), a step up a line, and from line to line back and left.

    Returns:
        (H, D, W) float32, 0 to 1.
    """
    from scipy import ndimage

    places = np.stack(np.meshgrid(*_STEPS, indexing="ij"), axis=-1) @ axes + middle_mm
    seen = ndimage.map_coordinates(mask.astype(np.float32), (places / spacing).reshape(-1, 3).T, order=1)
    return np.asarray(seen.reshape(places.shape[:3]))


def _square_to(seen: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Give the axis that is square to the mean of both endplates, fitted over the inner part of the body."""
    lengths = seen.sum(axis=0)
    inner = lengths > 0.6 * np.median(lengths[lengths > 0])
    back, left = np.nonzero(inner)
    middle = (np.tensordot(_STEPS[0], seen, 1)[inner]) / lengths[inner]  # of each line, between both endplates
    design = np.stack([np.ones(back.size), back * STEP_MM, left * STEP_MM], axis=1)
    (_, by_back, by_left), *_ = np.linalg.lstsq(design, middle, rcond=None)
    up = axes[0] - by_back * axes[1] - by_left * axes[2]
    return np.asarray(up / np.linalg.norm(up))


def _lean(seen: np.ndarray) -> np.ndarray:
    """Say how far the walls go back and left for a step up: front and back of a body need not be square to it."""
    areas = seen.sum(axis=(1, 2))
    inner = areas > 0.6 * np.median(areas[areas > 0])
    centers = np.stack([seen.sum(axis=2) @ _STEPS[1], seen.sum(axis=1) @ _STEPS[2]], axis=1)[inner] / areas[inner, None]
    heights_mm = _STEPS[0][inner]
    return np.asarray(np.polyfit(heights_mm, centers, 1, w=np.sqrt(areas[inner]))[0])


def _three_heights(lengths: np.ndarray) -> tuple[float, float, float]:
    """Average the lengths of lines in the mid-sagittal slab at three depths."""
    center = lengths.shape[1] // 2
    half = int(MIDDLE_HALF_MM / STEP_MM)
    profile = lengths[:, center - half : center + half + 1].mean(axis=1)
    high = np.flatnonzero(profile > EDGE_SHARE * profile.max())
    front, depth = high[0], high[-1] + 1 - high[0]
    centers = np.arange(len(profile)) + 0.5
    anterior_mm, middle_mm, posterior_mm = (
        float(profile[np.abs(centers - front - place * depth) <= max(PLACE_HALF * depth, 0.5)].mean())
        for place in PLACES
    )
    return anterior_mm, middle_mm, posterior_mm
