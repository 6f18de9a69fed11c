"""Shapes made of shapes: several joined or melted, less others; what some have in common; one moved.

Distances keep their sign everywhere and are exact near the surface that decides, which is what painting needs. A
compound measures each part only near that part, so that a rib of twenty bars costs little more than its bars.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from OsteoJointLib.phantom.solids.scene import Shape
from OsteoJointLib.phantom.solids.shapes import Bounds, smooth_min

_REACH_MM = 6.0  # chosen: how far around a part its distance is measured; painting needs half a voxel, 4 mm at most
_FAR_MM = 1e3  # distance of all that no part is near to


@dataclass(frozen=True, eq=False)
class Compound:
    """Parts melted into one another over ``blend_mm``, less the holes.

    Args:
        parts: what is joined.
        holes: what is taken away.
        blend_mm: width over which parts melt; 0 joins them as they are.
    """

    parts: tuple[Shape, ...]
    holes: tuple[Shape, ...] = ()
    blend_mm: float = 0.0

    def bounds(self) -> Bounds:
        low, high = zip(*(part.bounds() for part in self.parts), strict=True)
        grow = 0.25 * self.blend_mm  # the most that a smooth minimum adds where two parts meet
        return np.min(low, axis=0) - grow, np.max(high, axis=0) + grow

    def distance(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        out = np.full((len(z), len(y), len(x)), np.float32(_FAR_MM))
        for shapes, is_hole in ((self.parts, False), (self.holes, True)):
            for shape in shapes:
                low, high = shape.bounds()
                ends = zip((x, y, z), low - _REACH_MM, high + _REACH_MM, strict=True)
                sx, sy, sz = (slice(*np.searchsorted(c, (a, b))) for c, a, b in ends)
                view = out[sz, sy, sx]
                if view.size == 0:
                    continue
                near = shape.distance(x[sx], y[sy], z[sz])
                if is_hole:
                    view[...] = np.maximum(view, -near)
                elif self.blend_mm > 0:
                    view[...] = smooth_min(view, near, self.blend_mm)
                else:
                    view[...] = np.minimum(view, near)
        return out


@dataclass(frozen=True, eq=False)
class Common:
    """What lies in every one of some shapes."""

    shapes: tuple[Shape, ...]

    def bounds(self) -> Bounds:
        lows, highs = zip(*(shape.bounds() for shape in self.shapes), strict=True)
        return np.max(lows, axis=0), np.min(highs, axis=0)

    def distance(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        return np.maximum.reduce([shape.distance(x, y, z) for shape in self.shapes])


@dataclass(frozen=True, eq=False)
class Moved:
    """A shape moved by ``by_mm`` (3,) in the world."""

    shape: Shape
    by_mm: np.ndarray

    def bounds(self) -> Bounds:
        low, high = self.shape.bounds()
        return low + self.by_mm, high + self.by_mm

    def distance(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        dx, dy, dz = self.by_mm
        return self.shape.distance(x - dx, y - dy, z - dz)
