"""The axes of one body, in mm: up between its endplates, back, and left.

Up is found square to the mean of both endplates, so that an oblique scan or a leaning vertebra changes nothing. The
lines that run up a body lean with its walls, which need not be square to the endplates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

STEP_MM = 1.0
"""Between the places that axes and heights are found from."""
UP_MM, BACK_MM, LEFT_MM = (np.arange(-half, half + 0.1, STEP_MM) for half in (32.0, 30.0, 14.0))
"""What is looked at about the body's middle: more than a lumbar body, and the middle of its width."""
LEAST_UPRIGHT = 0.5
"""Cosine of how far a body may lean against the CT's slices: 60 degrees; what leans more is a scrap."""
ROUNDS = 3
"""The axes are found so often, each time from the last: after two they stand."""
LEAST_LINES, LEAST_SECTIONS = 20, 4
"""Lines and sections that must meet the body for its axes to be told."""
INNER_SHARE = 0.6
"""Lines, and sections, at least as long as this share of the median are well inside the body (chosen)."""


@dataclass(frozen=True, eq=False)
class BodyAxes:
    """Axes through the middle of a body; places are z, y, x in mm along the CT's index axes.

    Args:
        middle_mm: (3,) where they meet.
        steps: (3, 3): one mm up, along the walls; one mm back; one mm left.
        normal: (3,) unit vector up, square to the mean of both endplates.
    """

    middle_mm: np.ndarray
    steps: np.ndarray
    normal: np.ndarray

    def places_mm(self, up: np.ndarray, back: np.ndarray, left: np.ndarray) -> np.ndarray:
        """Give the (U, B, L, 3) places where the axes have these coordinates in mm."""
        return np.stack(np.meshgrid(up, back, left, indexing="ij"), axis=-1) @ self.steps + self.middle_mm

    def coordinates_mm(self, axes_mm: tuple[np.ndarray, ...]) -> np.ndarray:
        """Give up, back and left, (3, Z, Y, X), of a block of voxels whose places along each axis are given."""
        inverse = np.linalg.inv(self.steps)
        offsets = [axis - start for axis, start in zip(axes_mm, self.middle_mm, strict=True)]
        z, y, x = (offset * row[:, None] for offset, row in zip(offsets, inverse, strict=True))
        return np.asarray(z[:, :, None, None] + y[:, None, :, None] + x[:, None, None, :])


def body_axes(mask: np.ndarray, spacing: np.ndarray) -> BodyAxes | None:
    """Find a body's axes; None where it is too small or too torn to have any.

    Args:
        mask: (z, y, x) bool, whose first voxel lies at 0.
        spacing: (3,) of its voxels, mm.
    """
    middle_mm = np.argwhere(mask).mean(axis=0) * spacing
    up = np.array([1.0, 0.0, 0.0])
    for _ in range(ROUNDS):
        square = _square_axes(middle_mm, up)
        seen = seen_along(square, mask, spacing)
        if np.count_nonzero(seen.any(axis=0)) < LEAST_LINES or np.count_nonzero(seen.any(axis=(1, 2))) < LEAST_SECTIONS:
            return None
        lean = _lean(seen)
        up = _square_to_endplates(seen, square.steps)
        if up[0] < LEAST_UPRIGHT:
            return None
    leaning = square.steps.copy()
    leaning[0] += lean @ leaning[1:]
    return BodyAxes(middle_mm, leaning, square.steps[0])


def seen_along(axes: BodyAxes, mask: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Look at a mask along the lines that run up a body, every STEP_MM; (U, B, L) float32, 0 to 1."""
    from scipy import ndimage

    index = axes.places_mm(UP_MM, BACK_MM, LEFT_MM) / spacing
    seen = ndimage.map_coordinates(mask.astype(np.float32), index.reshape(-1, 3).T, order=1)
    return np.asarray(seen.reshape(index.shape[:3]))


def _square_axes(middle_mm: np.ndarray, up: np.ndarray) -> BodyAxes:
    """Give axes that are square to each other."""
    back = np.array([0.0, 1.0, 0.0]) - up[1] * up
    back /= np.linalg.norm(back)
    return BodyAxes(middle_mm, np.stack([up, back, np.cross(up, back)]), up)


def _square_to_endplates(seen: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Give the axis that is square to the mean of both endplates, fitted over the inner part of the body."""
    lengths = seen.sum(axis=0)
    inner = lengths > INNER_SHARE * np.median(lengths[lengths > 0])
    back, left = np.nonzero(inner)
    middle = np.tensordot(UP_MM, seen, 1)[inner] / lengths[inner]  # of each line, between both endplates
    design = np.stack([np.ones(back.size), back * STEP_MM, left * STEP_MM], axis=1)
    (_, by_back, by_left), *_ = np.linalg.lstsq(design, middle, rcond=None)
    up = steps[0] - by_back * steps[1] - by_left * steps[2]
    return np.asarray(up / np.linalg.norm(up))


def _lean(seen: np.ndarray) -> np.ndarray:
    """Say how far the walls go back and left for a step up."""
    areas = seen.sum(axis=(1, 2))
    inner = areas > INNER_SHARE * np.median(areas[areas > 0])
    centers = np.stack([seen.sum(axis=2) @ BACK_MM, seen.sum(axis=1) @ LEFT_MM], axis=1)[inner] / areas[inner, None]
    return np.asarray(np.polyfit(UP_MM[inner], centers, 1, w=np.sqrt(areas[inner]))[0])
