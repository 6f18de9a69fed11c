"""The planes between bodies: where the segmenter sees the least bone between two centers.

A plane through the disc parts one body from the next, also where the disc has vanished, where thick slices blur it, or
where it lies so oblique that one axial slice meets two bodies. Place and tilt are searched over a patch of the size of
an endplate's middle; where nothing tells, the middle between the two centers and no tilt win.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from OsteoJointLib.whole_body.looking import ColumnLogits

BETWEEN = (0.25, 0.75)
"""Where a plane may cross the line from center to center, as a share of it."""
STEP_MM = 1.0
TILTS_DEG = (tuple(range(-30, 31, 5)), tuple(range(-15, 16, 5)))
"""From front to back and from side to side, against the line from center to center: lordosis and scoliosis."""
PATCH_MM = (10.0, 14.0)
"""Half depth and half width of the patch, mm: within the smallest endplate."""
BLUR_MM = 2.0
"""The probabilities are blurred so much, so that the middle of a wide gap has the least."""
OFF_MIDDLE_COST, TILT_COST = 0.05, 0.0005
"""What a plane at either end of BETWEEN costs, and one degree of tilt, as mean probability over the patch (chosen)."""


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane: the points whose offset from ``point_mm`` is square to ``normal``, a unit vector that points up."""

    point_mm: np.ndarray
    normal: np.ndarray

    def above_mm(self, logits: ColumnLogits) -> np.ndarray:
        """How far the voxels of a block lie above it, (K, Y, X) float32."""
        offsets = [axis - start for axis, start in zip(logits.axes_mm, self.point_mm, strict=True)]
        z, y, x = (along * offset for along, offset in zip(self.normal, offsets, strict=True))
        return (z[:, None, None] + y[:, None] + x).astype(np.float32)


class DiscFinder:
    """Finds planes in what the segmenter says of a column, which it blurs once."""

    def __init__(self, logits: ColumnLogits):
        from scipy import ndimage

        coarse = logits.values[:, ::2, ::2]
        sigma = BLUR_MM / (logits.step_mm * (1, 2, 2))
        self._probabilities = ndimage.gaussian_filter(1 / (1 + np.exp(-coarse)), sigma, mode="nearest", truncate=2.0)
        self._logits = logits

    def plane_between(self, upper_mm: np.ndarray, lower_mm: np.ndarray) -> Plane:
        """Find the plane between two bodies' centers, (3,) z, y, x."""
        from scipy import ndimage

        rise = upper_mm - lower_mm
        length_mm = float(np.linalg.norm(rise))
        shares = np.linspace(*BETWEEN, int(length_mm * (BETWEEN[1] - BETWEEN[0]) / STEP_MM) + 1)
        axes = _tilted_axes(rise / length_mm)
        depth, width = (np.linspace(-half, half, 5) for half in PATCH_MM)
        patch = np.stack(np.meshgrid(depth, width, indexing="ij"), axis=-1).reshape(-1, 2)
        spots = np.einsum("pi,tij->tpj", patch, axes[:, 1:])
        points_mm = (lower_mm + shares[:, None] * rise)[:, None, None] + spots
        index = self._logits.index_of(points_mm) / (1, 2, 2)
        seen = ndimage.map_coordinates(self._probabilities, index.reshape(-1, 3).T, order=1, mode="nearest")
        cost = seen.reshape(index.shape[:-1]).mean(axis=-1)
        off_middle = (shares - 0.5) / (BETWEEN[1] - 0.5)
        cost += OFF_MIDDLE_COST * off_middle[:, None] ** 2
        cost += TILT_COST * np.array([np.abs(tilts).sum() for tilts in _all_tilts()])
        share, tilt = np.unravel_index(int(cost.argmin()), cost.shape)
        return Plane(lower_mm + shares[share] * rise, axes[tilt, 0])


def _all_tilts() -> np.ndarray:
    """(T, 2) degrees."""
    return np.stack(np.meshgrid(*TILTS_DEG, indexing="ij"), axis=-1).reshape(-1, 2)


def _tilted_axes(up: np.ndarray) -> np.ndarray:
    """(T, 3, 3): for every tilt the normal, the way back and the way left, as z, y, x."""
    back = np.array([0.0, 1.0, 0.0]) - up[1] * up
    back /= np.linalg.norm(back)
    left = np.cross(up, back)
    sagittal, coronal = np.tan(np.radians(_all_tilts())).T[:, :, None]
    normals = up + sagittal * back + coronal * left
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    tilted_back = back - (normals @ back)[:, None] * normals
    tilted_back /= np.linalg.norm(tilted_back, axis=1, keepdims=True)
    return np.stack([normals, tilted_back, np.cross(normals, tilted_back)], axis=1)
