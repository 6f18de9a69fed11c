"""Blades melted together in one frame: the bone of a vertebral arch.

Distances as in :mod:`OsteoJointLib.phantom.solids.shapes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from OsteoJointLib.phantom.solids.shapes import Bounds, Frame, smooth_min

_NEAR_MM, _FAR_MM = 6.0, 100.0  # how far around a blade it is evaluated, and what is read beyond


@dataclass(frozen=True, eq=False)
class Blade:
    """A rod between two local points, swept up and down: a plate with round edges, a process, a lamina.

    Args:
        start, end: (3,) mm in the frame of the :class:`Blend` that holds it.
        radius_mm: half the thickness at start and end.
        tall_mm: how far the rod is swept up and down at start and end.
    """

    start: np.ndarray
    end: np.ndarray
    radius_mm: tuple[float, float]
    tall_mm: tuple[float, float] = (0.0, 0.0)

    def distance(self, left: np.ndarray, posterior: np.ndarray, superior: np.ndarray) -> np.ndarray:
        """Signed distance at local points."""
        axis = (self.end - self.start).astype(np.float32)
        across, back, up = (c - np.float32(s) for c, s in zip((left, posterior, superior), self.start, strict=True))
        along = np.clip((across * axis[0] + back * axis[1] + up * axis[2]) / max(float(axis @ axis), 1e-6), 0, 1)
        radius, tall = (
            np.float32(first) + along * np.float32(last - first) for first, last in (self.radius_mm, self.tall_mm)
        )
        across, back, up = (gap - along * a for gap, a in zip((across, back, up), axis, strict=True))
        return np.sqrt(across**2 + back**2 + np.maximum(np.abs(up) - tall, 0) ** 2) - radius


@dataclass(frozen=True, eq=False)
class Blend:
    """One smooth solid of many blades in one frame, melted together over ``width_mm`` where they meet.

    Each blade is evaluated near itself only, so beyond _NEAR_MM from the solid the distance reads _FAR_MM.
    """

    frame: Frame
    blades: tuple[Blade, ...]
    width_mm: float

    @cached_property
    def _boxes(self) -> Bounds:
        """World boxes of the blades: low and high corners, each (N, 3)."""
        ends = np.array([(blade.start, blade.end) for blade in self.blades])
        reach = np.array([blade.radius_mm for blade in self.blades])[:, :, None] * np.ones(3)
        reach[:, :, 2] += [blade.tall_mm for blade in self.blades]
        low, high = (ends - reach).min(axis=1), (ends + reach).max(axis=1)
        center, half = self.frame.center + 0.5 * (low + high) @ self.frame.axes.T, 0.5 * (high - low)
        half = half @ np.abs(self.frame.axes).T
        return center - half, center + half

    def bounds(self) -> Bounds:
        low, high = self._boxes
        return low.min(axis=0) - self.width_mm, high.max(axis=0) + self.width_mm

    def distance(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        local = self.frame.local(x, y, z)
        out = np.full(local[0].shape, _FAR_MM, np.float32)
        low, high = self._boxes
        starts, stops = (
            [np.searchsorted(c, corners[:, axis]) for axis, c in enumerate((x, y, z))]
            for corners in (low - _NEAR_MM, high + _NEAR_MM)
        )
        for index, blade in enumerate(self.blades):
            part = tuple(slice(starts[axis][index], stops[axis][index]) for axis in (2, 1, 0))
            if out[part].size == 0:
                continue
            out[part] = smooth_min(out[part], blade.distance(*(c[part] for c in local)), self.width_mm)
        return out
