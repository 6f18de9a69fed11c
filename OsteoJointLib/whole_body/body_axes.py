"""The axes of one body, in mm: up between its endplates, back, and left.

Up is found square to the mean of both endplates, so that an oblique scan or a leaning vertebra changes nothing. The
lines that run up a body lean with its walls, which need not be square to the endplates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

STEP_MM, LEFT_STEP_MM = 1.0, 2.0
"""Between the places that axes and heights are found from."""
UP_MM, BACK_MM = (np.arange(-half, half + 0.1, STEP_MM) for half in (32.0, 30.0))
LEFT_MM = np.arange(-14.0, 14.1, LEFT_STEP_MM)
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

    def sampled(
        self,
        values: np.ndarray,
        coordinates: tuple[np.ndarray, np.ndarray, np.ndarray],
        step_mm: np.ndarray,
        origin_mm: np.ndarray | float = 0.0,
        outside: float = 0.0,
    ) -> np.ndarray:
        """Interpolate a block where the axes have these coordinates, as at :meth:`places_mm` in a third of the time.

        Args:
            values: (z, y, x) float32.
            coordinates: up, back and left in mm, each in even steps.
            step_mm: (3,) between the block's voxels.
            origin_mm: (3,) place of its first.
            outside: what lies beyond it.

        Returns:
            (U, B, L) float32.
        """
        from scipy import ndimage

        first = np.array([along[0] for along in coordinates])
        apart = np.array([along[1] - along[0] for along in coordinates])
        start = (first @ self.steps + self.middle_mm - origin_mm) / step_mm
        steps = (apart[:, None] * self.steps / step_mm).T
        shape = tuple(len(along) for along in coordinates)
        return np.asarray(ndimage.affine_transform(values, steps, start, shape, order=1, cval=outside))

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
    middle_mm = _middle(mask) * spacing
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


def _middle(mask: np.ndarray) -> np.ndarray:
    """Find the mean index of a mask's voxels, (3,)."""
    counts = mask.sum(axis=2), mask.sum(axis=(0, 1))
    along = (counts[0].sum(axis=1), counts[0].sum(axis=0), counts[1])
    return np.array([count @ np.arange(len(count)) for count in along]) / counts[1].sum()


def seen_along(axes: BodyAxes, mask: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Look at a mask along the lines that run up a body, (U, B, L) float32, 0 to 1."""
    return axes.sampled(mask.astype(np.float32), (UP_MM, BACK_MM, LEFT_MM), spacing)


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
    design = np.stack([np.ones(back.size), BACK_MM[back], LEFT_MM[left]], axis=1)
    (_, by_back, by_left), *_ = np.linalg.lstsq(design, middle, rcond=None)
    up = steps[0] - by_back * steps[1] - by_left * steps[2]
    return np.asarray(up / np.linalg.norm(up))


def _lean(seen: np.ndarray) -> np.ndarray:
    """Say how far the walls go back and left for a step up."""
    areas = seen.sum(axis=(1, 2))
    inner = areas > INNER_SHARE * np.median(areas[areas > 0])
    centers = np.stack([seen.sum(axis=2) @ BACK_MM, seen.sum(axis=1) @ LEFT_MM], axis=1)[inner] / areas[inner, None]
    return np.asarray(np.polyfit(UP_MM[inner], centers, 1, w=np.sqrt(areas[inner]))[0])
