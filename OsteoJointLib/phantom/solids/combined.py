"""Shapes made of shapes: what two have in common, one without others, one moved.

Distances keep their sign everywhere and are exact near the surface that decides, which is what painting needs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from OsteoJointLib.phantom.solids.scene import Shape
from OsteoJointLib.phantom.solids.shapes import Bounds


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
class Without:
    """A shape with others cut out of it."""

    shape: Shape
    cut: tuple[Shape, ...]

    def bounds(self) -> Bounds:
        return self.shape.bounds()

    def distance(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        return np.maximum.reduce([self.shape.distance(x, y, z), *(-shape.distance(x, y, z) for shape in self.cut)])


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
