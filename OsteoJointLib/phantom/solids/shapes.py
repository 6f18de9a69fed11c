"""Solid shapes as signed distances, evaluated on axis-aligned blocks of world points.

Every shape has ``bounds()`` (a world box that holds it) and ``distance(x, y, z)``: the signed distance in mm, negative
inside, of every point of the block spanned by three 1-D coordinate arrays, as (z, y, x). Distances are exact near
spheres and capsules and first-order elsewhere, which is what soft-edged painting and cortical shells need.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

Bounds = tuple[np.ndarray, np.ndarray]
_CORNER = 0.25  # a boxed section's corner lies 1 / sqrt(1 - squareness / 4) out, which is less than 1 + squareness / 4
_NOTHING = 1e-9  # keeps a root and a quotient at the center finite


def smooth_max(a: np.ndarray, b: np.ndarray, width_mm: float) -> np.ndarray:
    """Polynomial smooth maximum: rounds the edge where two distances meet over ``width_mm``."""
    h = np.clip(0.5 + 0.5 * (a - b) / width_mm, 0.0, 1.0)
    return b + h * (a - b) + width_mm * h * (1.0 - h)


def smooth_min(a: np.ndarray, b: np.ndarray, width_mm: float) -> np.ndarray:
    """Polynomial smooth minimum: fills the groove where two solids meet over ``width_mm``."""
    return -smooth_max(-a, -b, width_mm)


def squared_radius(u2: np.ndarray, v2: np.ndarray, squareness: float) -> np.ndarray:
    """Square the radius of a boxed unit circle at (u, v), from u*u and v*v; homogeneous, so that rays keep order."""
    plain = u2 + v2 + np.float32(_NOTHING)
    return plain if squareness == 0.0 else plain - np.float32(squareness) * u2 * v2 / plain


def rotation(pitch_rad: float, roll_rad: float, yaw_rad: float) -> np.ndarray:
    """(3, 3) rotation: pitch about x (left), then roll about y (posterior), then yaw about z (superior)."""
    cp, sp, cr, sr, cy, sy = (f(a) for a in (pitch_rad, roll_rad, yaw_rad) for f in (np.cos, np.sin))
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_y = np.array([[cr, 0, sr], [0, 1, 0], [-sr, 0, cr]])
    about_z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


@dataclass(frozen=True, eq=False)
class Frame:
    """A local frame in the world: ``axes`` columns are its left, posterior and superior unit vectors (LPS)."""

    center: np.ndarray
    axes: np.ndarray = field(default_factory=lambda: np.eye(3))

    def point(self, left: float, posterior: float, superior: float) -> np.ndarray:
        """World position (3,) of a local point in mm."""
        return self.center + self.axes @ np.array([left, posterior, superior])

    def local(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Local coordinates of a block's points, each (z, y, x) float32."""
        dx = (x - self.center[0]).astype(np.float32)[None, None, :]
        dy = (y - self.center[1]).astype(np.float32)[None, :, None]
        dz = (z - self.center[2]).astype(np.float32)[:, None, None]
        m = self.axes.astype(np.float32)
        left, posterior, superior = (dx * m[0, j] + dy * m[1, j] + dz * m[2, j] for j in range(3))
        return left, posterior, superior


@dataclass(frozen=True, eq=False)
class Ellipsoid:
    """An ellipsoid with semi-axes ``radii`` (mm) along a frame's axes; ``squareness`` 0 to 1 boxes it in-plane."""

    frame: Frame
    radii: tuple[float, float, float]
    squareness: float = 0.0

    def bounds(self) -> Bounds:
        reach = np.abs(self.frame.axes) @ np.asarray(self.radii) * (1.0 + _CORNER * self.squareness)
        return self.frame.center - reach, self.frame.center + reach

    def distance(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        u, v, w = (c / r for c, r in zip(self.frame.local(x, y, z), self.radii, strict=True))
        u, v, w = u * u, v * v, w * w
        scaled = np.sqrt(squared_radius(u, v, self.squareness) + w + _NOTHING)
        # first-order distance: (rho - 1) / |grad rho| with the gradient of the unsquared ellipsoid
        gradient = np.sqrt(sum(c / (r * r) for c, r in zip((u, v, w), self.radii, strict=True))) / scaled
        return (scaled - 1.0) / np.maximum(gradient, 1.0 / max(self.radii))


@dataclass(frozen=True, eq=False)
class Capsule:
    """A rod from ``start`` to ``end`` (mm, world) whose radius goes from ``radius_start`` to ``radius_end``.

    ``height`` stretches its section along z: 1.6 makes a rib's section 1.6 times as tall as it is wide.
    """

    start: np.ndarray
    end: np.ndarray
    radius_start: float
    radius_end: float
    height: float = 1.0

    def bounds(self) -> Bounds:
        reach = max(self.radius_start, self.radius_end) * np.array([1.0, 1.0, self.height])
        return np.minimum(self.start, self.end) - reach, np.maximum(self.start, self.end) + reach

    def distance(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        squash = np.array([1.0, 1.0, 1.0 / self.height])
        start, axis = self.start * squash, (self.end - self.start) * squash
        dx = (x - start[0]).astype(np.float32)[None, None, :]
        dy = (y - start[1]).astype(np.float32)[None, :, None]
        dz = (z / self.height - start[2]).astype(np.float32)[:, None, None]
        length2 = max(float(axis @ axis), 1e-6)  # mm2: a rod of no length is a ball
        along = np.clip(
            (dx * np.float32(axis[0]) + dy * np.float32(axis[1]) + dz * np.float32(axis[2])) / length2, 0, 1
        )
        gap2 = sum((d - along * np.float32(a)) ** 2 for d, a in zip((dx, dy, dz), axis, strict=True))
        return np.sqrt(gap2) - (self.radius_start + along * np.float32(self.radius_end - self.radius_start))


@dataclass(frozen=True, eq=False)
class RoundedBox:
    """A box with half sizes (mm) along a frame's axes and rounded edges."""

    frame: Frame
    half: tuple[float, float, float]
    rounding: float = 2.0

    def bounds(self) -> Bounds:
        reach = np.abs(self.frame.axes) @ np.asarray(self.half)
        return self.frame.center - reach, self.frame.center + reach

    def distance(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        gaps = [np.abs(c) - (h - self.rounding) for c, h in zip(self.frame.local(x, y, z), self.half, strict=True)]
        outside = np.sqrt(sum(np.maximum(g, 0.0) ** 2 for g in gaps))
        inside = np.minimum(np.maximum(np.maximum(gaps[0], gaps[1]), gaps[2]), 0.0)
        return outside + inside - self.rounding


@dataclass(frozen=True, eq=False)
class Tube:
    """An elliptic tube that runs along z: center and semi-axes given at knots of z, linear between them (mm)."""

    z_knots: np.ndarray
    center_x: np.ndarray
    center_y: np.ndarray
    radius_x: np.ndarray
    radius_y: np.ndarray
    squareness: float = 0.0

    def bounds(self) -> Bounds:
        grow = 1.0 + _CORNER * self.squareness
        rx, ry = self.radius_x * grow, self.radius_y * grow
        low = np.array([(self.center_x - rx).min(), (self.center_y - ry).min(), self.z_knots[0]])
        high = np.array([(self.center_x + rx).max(), (self.center_y + ry).max(), self.z_knots[-1]])
        return low, high

    def at(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Center x, center y, radius x, radius y at heights ``z``, each with the shape of ``z``."""
        cx, cy, rx, ry = (
            np.interp(z, self.z_knots, values)
            for values in (self.center_x, self.center_y, self.radius_x, self.radius_y)
        )
        return cx, cy, rx, ry

    @property
    def _straight(self) -> bool:
        return all(np.ptp(values) == 0 for values in (self.center_x, self.center_y, self.radius_x, self.radius_y))

    def normalized(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(u, v, rho): position over the semi-axes and the section's radius (1 on the wall)."""
        cx, cy, rx, ry = (values.astype(np.float32)[:, None, None] for values in self.at(z))
        u = (x.astype(np.float32)[None, None, :] - cx) / rx
        v = (y.astype(np.float32)[None, :, None] - cy) / ry
        return u, v, np.sqrt(squared_radius(u * u, v * v, self.squareness))

    def distance(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        section = z[:1] if self._straight else z  # of a tube that is the same everywhere one plane is enough
        u, v, rho = self.normalized(x, y, section)
        _, _, rx, ry = (values.astype(np.float32)[:, None, None] for values in self.at(section))
        gradient = np.sqrt((u / rx) ** 2 + (v / ry) ** 2) / rho
        beyond = np.maximum(self.z_knots[0] - z, z - self.z_knots[-1]).astype(np.float32)[:, None, None]
        return np.maximum((rho - 1.0) / np.maximum(gradient, 1.0 / np.maximum(rx, ry)), beyond)
