"""What flat bones are made of: bars of elliptic section, and plates spanned by triangles.

Distances as in :mod:`OsteoJointLib.phantom.solids.shapes`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from OsteoJointLib.phantom.solids.shapes import Bounds

_NOTHING = 1e-9  # keeps a root and a quotient on the axis finite
_FAR_MM = 1e3  # more than any distance to a plate's edge


def _offsets(x: np.ndarray, y: np.ndarray, z: np.ndarray, origin: np.ndarray) -> tuple[np.ndarray, ...]:
    """Offsets of a block's points from ``origin`` along x, y and z, each broadcastable to (z, y, x)."""
    dx, dy, dz = ((c - o).astype(np.float32) for c, o in zip((x, y, z), origin, strict=True))
    return dx[None, None, :], dy[None, :, None], dz[:, None, None]


def _dot(offsets: tuple[np.ndarray, ...], vector: np.ndarray) -> np.ndarray:
    dx, dy, dz = offsets
    return dx * np.float32(vector[0]) + dy * np.float32(vector[1]) + dz * np.float32(vector[2])


@dataclass(frozen=True, eq=False)
class Bar:
    """A rod of elliptic section from ``start`` to ``end`` (mm, world) with rounded ends.

    Args:
        start, end: of its axis.
        thin, tall: half thickness of the section at start and end, and half height along ``upright`` (mm).
        upright: direction of the section's long axis; made perpendicular to the bar.
    """

    start: np.ndarray
    end: np.ndarray
    thin: tuple[float, float]
    tall: tuple[float, float]
    upright: np.ndarray

    def bounds(self) -> Bounds:
        reach = max(*self.thin, *self.tall)
        return np.minimum(self.start, self.end) - reach, np.maximum(self.start, self.end) + reach

    def distance(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        axis = self.end - self.start
        length = max(float(np.linalg.norm(axis)), 1e-3)
        axis = axis / length
        upright = self.upright - axis * (self.upright @ axis)
        upright = upright / max(float(np.linalg.norm(upright)), 1e-6)
        offsets = _offsets(x, y, z, self.start)
        along, up, beside = (_dot(offsets, v) for v in (axis, upright, np.cross(axis, upright)))
        share = np.clip(along / np.float32(length), 0, 1)
        thin, tall = (a + share * np.float32(b - a) for a, b in (self.thin, self.tall))
        beyond = along - share * np.float32(length)
        u, v = (beside * beside + beyond * beyond) / (thin * thin), up * up / (tall * tall)
        rho = np.sqrt(u + v + np.float32(_NOTHING))
        gradient = np.sqrt((u + np.float32(_NOTHING)) / (thin * thin) + v / (tall * tall)) / rho
        return np.maximum((rho - 1) / gradient, -np.minimum(thin, tall))


@dataclass(frozen=True, eq=False)
class Plate:
    """A triangle's surface thickened by a ball whose radius goes linearly from corner to corner.

    Args:
        corners: (3, 3), one corner a row (mm, world).
        radii: half thickness at each corner (mm).
    """

    corners: np.ndarray
    radii: tuple[float, float, float]

    def bounds(self) -> Bounds:
        reach = max(self.radii)
        return self.corners.min(axis=0) - reach, self.corners.max(axis=0) + reach

    def distance(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        a, b, c = self.corners
        ra, rb, rc = (np.float32(r) for r in self.radii)
        normal = np.cross(b - a, c - a)
        area2 = float(normal @ normal)
        offsets = _offsets(x, y, z, a)
        height = _dot(offsets, normal / np.sqrt(area2))
        # barycentric coordinates of the foot in the triangle's plane
        of_b, of_c = _dot(offsets, np.cross(c - a, normal) / area2), _dot(offsets, np.cross(normal, b - a) / area2)
        inside = (of_b >= 0) & (of_c >= 0) & (of_b + of_c <= 1)
        best = np.where(inside, np.abs(height) - (ra + of_b * (rb - ra) + of_c * (rc - ra)), np.float32(_FAR_MM))
        for start, end, r0, r1 in ((a, b, ra, rb), (b, c, rb, rc), (c, a, rc, ra)):
            edge = end - start
            from_start = _offsets(x, y, z, start)
            share = np.clip(_dot(from_start, edge / float(edge @ edge)), 0, 1)
            gap2 = sum((o - share * np.float32(e)) ** 2 for o, e in zip(from_start, edge, strict=True))
            best = np.minimum(best, np.sqrt(gap2) - (r0 + share * (r1 - r0)))
        return best
