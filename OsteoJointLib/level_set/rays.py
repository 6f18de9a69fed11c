"""Rays across a mask's boundary: where they lie, what they see, and masks drawn from shifts along them.

They stand on the mask's outline, smoothed so that they don't cross each other, and point outward along its normals.
Points are (x, y) in pixels, pixel centers at whole numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

SPACING_MM, STEP_MM = 0.7, 0.2
"""From ray to ray along the outline, and from shift to shift along a ray: a pixel, and a third of one; chosen."""
_OUTLINE_SD_MM = 3.0
"""Standard deviation of the Gaussian that smooths the outline the rays stand on; chosen: teeth of 2 mm go, the body's
shape stays."""
_FEWEST = 16
"""Rays that make an outline; a mask of fewer is smaller than 4 mm across."""
_FINE = 8
"""A mask is drawn on pixels so many times finer, and read off at the centers of its own."""


@dataclass(frozen=True, eq=False)
class Rays:
    """Rays across an outline.

    Args:
        feet_xy: (U, 2) px, where shift 0 is.
        normals_xy: (U, 2), of length 1, outward.
        shifts_mm: (S,), from inside to outside.
        pixel_mm: edge length of a pixel.
    """

    feet_xy: np.ndarray
    normals_xy: np.ndarray
    shifts_mm: np.ndarray
    pixel_mm: float

    def points_xy(self, shifts_mm: np.ndarray) -> np.ndarray:
        """Points at shifts: (U, ...) mm to (U, ..., 2) px."""
        across = (slice(None), *[None] * (np.ndim(shifts_mm) - 1))
        return self.feet_xy[across] + self.normals_xy[across] * np.asarray(shifts_mm)[..., None] / self.pixel_mm

    def seen(self, image: np.ndarray, shifts_mm: np.ndarray | None = None) -> np.ndarray:
        """Sample a (y, x) image linearly at (U, N) shifts, by default at all; beyond its border it goes on flat."""
        if shifts_mm is None:
            shifts_mm = np.broadcast_to(self.shifts_mm, (len(self.feet_xy), self.shifts_mm.size))
        points = self.points_xy(shifts_mm).astype(np.float32)
        values = image.astype(np.float32)
        return cv2.remap(values, points[..., 0], points[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def crossings_mm(self, phi: np.ndarray) -> np.ndarray:
        """(U,) shift at which each ray leaves the inside of a (y, x) phi (> 0 inside), the one nearest to its foot.

        A ray that never does gets its foot, 0.
        """
        seen = self.seen(phi)
        before, after = seen[:, :-1], seen[:, 1:]
        leaves = (before > 0) & (after <= 0)
        at = self.shifts_mm[:-1] + STEP_MM * before / np.where(leaves, before - after, 1.0)
        at = np.where(leaves, at, np.inf)
        nearest = at[np.arange(len(at)), np.abs(at).argmin(axis=1)]
        return np.where(np.isfinite(nearest), nearest, 0.0)

    def drawn(self, shifts_mm: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """(y, x) bool: the pixels whose centers the contour at (U,) shifts encloses."""
        fine = np.zeros((shape[0] * _FINE, shape[1] * _FINE), dtype=np.uint8)
        corners = np.rint((self.points_xy(shifts_mm) + 0.5) * _FINE - 0.5).astype(np.int32)
        cv2.fillPoly(fine, [corners], 1)
        return fine[_FINE // 2 :: _FINE, _FINE // 2 :: _FINE] > 0


def lay_rays(mask: np.ndarray, pixel_mm: float, reach_mm: float) -> Rays | None:
    """Lay rays across the outline of a mask's largest part.

    Args:
        mask: (y, x) bool, not empty.
        pixel_mm: edge length of a pixel.
        reach_mm: how far they go inward and outward.

    Returns:
        The rays; None for a mask too small to have an outline.
    """
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(outlines, key=cv2.contourArea)[:, 0].astype(np.float64)
    closed = np.concatenate([outline, outline[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    count = round(along[-1] * pixel_mm / SPACING_MM)
    if count < _FEWEST:
        return None
    at = np.arange(count) * along[-1] / count
    even = np.stack([np.interp(at, along, closed[:, axis]) for axis in (0, 1)], axis=1)
    feet = ndimage.gaussian_filter1d(even, _OUTLINE_SD_MM / SPACING_MM, axis=0, mode="wrap")
    x, y = (np.roll(feet, -1, axis=0) - np.roll(feet, 1, axis=0)).T
    # OpenCV walks an outer contour so that the outside is on one known side of it
    normals = np.stack([-y, x], axis=1) / np.maximum(np.hypot(x, y), np.finfo(float).tiny)[:, None]
    half = int(np.ceil(reach_mm / STEP_MM))
    return Rays(feet, normals, np.arange(-half, half + 1) * STEP_MM, pixel_mm)
