"""Solid shapes as signed distances, evaluated on axis-aligned blocks of world points.

Every shape has ``bounds()`` (a world box that holds it) and ``distance(x, y, z)``: the signed distance in mm, negative
inside, of every point of the block spanned by three 1-D coordinate arrays, as (z, y, x). Distances are exact near
spheres and capsules and first-order elsewhere, which is what soft-edged painting and cortical shells need.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

Bounds = tuple[np.ndarray, np.ndarray]
_CORNER = 0.25  # a boxed section's corner lies 1 / sqrt(1 - squareness / 4) out, which is less than 1 + squareness / 4
_NOTHING = 1e-9  # keeps a root and a quotient at the center finite

_NEAR_MM, _FAR_MM = 6.0, 100.0  # of a blend: how far around a blade it is evaluated, and what is read beyond

# of bodies and wings; chosen
_WING_EDGE_MM, _BACK_EDGE_MM, _RIM_EDGE_MM = 4.0, 6.0, 2.0  # over which their edges are rounded
_SPUR_SHARPNESS, _SPUR_HEIGHT, _DENT_WIDTH = 6, 0.4, 0.45  # power of the cosine; of half height; of half width
_WAIST_DEEP, _BACK_HOLLOW = 0.7, 0.5  # of the waist from side to side: that from front to back, that of the back wall
_BODY_CORNER, _BODY_TALL, _BODY_MARGIN_MM = 0.2, 1.35, 1.0  # bounds: as _CORNER, up to squareness 0.5; wedges, spurs


def smooth_max(a: np.ndarray, b: np.ndarray, width_mm: float) -> np.ndarray:
    """Polynomial smooth maximum: rounds the edge where two distances meet over ``width_mm``."""
    h = np.clip(0.5 + 0.5 * (a - b) / width_mm, 0.0, 1.0)
    return b + h * (a - b) + width_mm * h * (1.0 - h)


def smooth_min(a: np.ndarray, b: np.ndarray, width_mm: float) -> np.ndarray:
    """Polynomial smooth minimum: fills the groove where two solids meet over ``width_mm``."""
    return -smooth_max(-a, -b, width_mm)


def _squared_radius(u2: np.ndarray, v2: np.ndarray, squareness: float) -> np.ndarray:
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
        scaled = np.sqrt(_squared_radius(u, v, self.squareness) + w + _NOTHING)
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

    def normalized(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(u, v, rho): position over the semi-axes and the section's radius (1 on the wall)."""
        cx, cy, rx, ry = (values.astype(np.float32)[:, None, None] for values in self.at(z))
        u = (x.astype(np.float32)[None, None, :] - cx) / rx
        v = (y.astype(np.float32)[None, :, None] - cy) / ry
        return u, v, np.sqrt(_squared_radius(u * u, v * v, self.squareness))

    def distance(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        u, v, rho = self.normalized(x, y, z)
        _, _, rx, ry = (values.astype(np.float32)[:, None, None] for values in self.at(z))
        gradient = np.sqrt((u / rx) ** 2 + (v / ry) ** 2) / rho
        beyond = np.maximum(self.z_knots[0] - z, z - self.z_knots[-1]).astype(np.float32)[:, None, None]
        return np.maximum((rho - 1.0) / np.maximum(gradient, 1.0 / np.maximum(rx, ry)), beyond)


@dataclass(frozen=True, eq=False)
class ShellPatch:
    """A curved plate: the part of a sphere's shell of ``thickness`` mm that lies inside an ellipsoid (iliac wing)."""

    sphere_center: np.ndarray
    sphere_radius: float
    thickness: float
    patch: Ellipsoid

    def bounds(self) -> Bounds:
        return self.patch.bounds()

    def distance(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        to_center = np.sqrt(sum(c * c for c in Frame(self.sphere_center).local(x, y, z)))
        shell = np.abs(to_center - self.sphere_radius) - 0.5 * self.thickness
        return smooth_max(shell, self.patch.distance(x, y, z), _WING_EDGE_MM)


@dataclass(frozen=True, eq=False)
class BodyShape:
    """A vertebral body: superelliptic section with a waist, flat or dented back, concave and wedged endplates.

    Lengths in mm in the body's own frame, whose origin is the middle between front, back and the endplates.

    Args:
        half_width, half_depth, half_height: at the endplates.
        waist: how much narrower the middle is than the rims, as a fraction (0 to 0.15).
        squareness: 0 (ellipse) to 0.6 (boxy) section.
        back_flat: where the flat back cuts the section, as a fraction of ``half_depth`` behind the ellipse's center.
        back_dent_mm: how deep the canal dents the back.
        concavity_mm: depth of the (upper, lower) endplate's bowl.
        bowl_lean: how much deeper the bowls are to the left and to the back, as a fraction at the rim.
        wedge: front height loss as a fraction of the height (negative: the back is lower).
        slant: how much higher the front is than the back, as a fraction of the height (lordotic body of L5).
        crush: loss of the height in the middle as a fraction (biconcave fracture).
        spurs: osteophytes as (angle in rad, reach in mm, +1 upper / -1 lower rim).
    """

    frame: Frame
    half_width: float
    half_depth: float
    half_height: float
    waist: float = 0.08
    squareness: float = 0.3
    back_flat: float = 0.8
    back_dent_mm: float = 2.0
    concavity_mm: tuple[float, float] = (2.0, 2.0)
    bowl_lean: tuple[float, float] = (0.0, 0.0)
    wedge: float = 0.0
    slant: float = 0.0
    crush: float = 0.0
    spurs: tuple[tuple[float, float, float], ...] = ()

    def bounds(self) -> Bounds:
        spur = max((s[1] for s in self.spurs), default=0.0)
        grow = 1.0 + _BODY_CORNER * self.squareness
        tall = self.half_height * _BODY_TALL + _BODY_MARGIN_MM
        half = np.array([self.half_width * grow + spur, self.half_depth * grow + spur, tall])
        reach = np.abs(self.frame.axes) @ half
        return self.frame.center - reach, self.frame.center + reach

    def _section(self, left: np.ndarray, posterior: np.ndarray, rise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Signed distance to the side wall, and the section's radius (0 center, 1 wall)."""
        # the ellipse is cut at back_flat, so its center lies behind the origin by half of what is missing
        ellipse_depth = 2.0 * self.half_depth / (1.0 + self.back_flat)
        center_y = ellipse_depth - self.half_depth
        y = posterior - np.float32(center_y)
        bulge = self.waist * np.maximum(1.0 - rise * rise, 0.0)
        u, v = left / (self.half_width * (1.0 - bulge)), y / (ellipse_depth * (1.0 - _WAIST_DEEP * bulge))
        rho = np.sqrt(_squared_radius(u * u, v * v, self.squareness))
        plain = rho  # each spur's direction is seen on the section without spurs
        for angle, reach, rim in self.spurs:
            lobe = (
                np.maximum((u * np.float32(np.cos(angle)) + v * np.float32(np.sin(angle))) / plain, 0.0)
                ** _SPUR_SHARPNESS
            )
            rho = rho / (1.0 + reach / self.half_width * lobe * np.exp(-(((rise - rim) / _SPUR_HEIGHT) ** 2)))
        side = np.sqrt(left * left + y * y) * (1.0 - 1.0 / rho)
        dent = self.back_dent_mm * np.exp(-((left / (_DENT_WIDTH * self.half_width)) ** 2))
        back = posterior - (self.half_depth * (1.0 - _BACK_HOLLOW * bulge) - dent)
        return smooth_max(side, back, _BACK_EDGE_MM), rho

    def distance(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        left, posterior, superior = self.frame.local(x, y, z)
        side, rho = self._section(left, posterior, superior / np.float32(self.half_height))
        front = np.clip(-posterior / np.float32(self.half_depth), -1.0, 1.0)
        bowl = np.maximum(1.0 - rho * rho, 0.0)
        lost = 0.5 * self.wedge * (1.0 + front) - 0.5 * self.slant * front + self.crush * bowl
        half = self.half_height * (1.0 - lost)
        aside, behind = self.bowl_lean
        lean = np.float32(aside / self.half_width) * left + np.float32(behind / self.half_depth) * posterior
        bowl = bowl * (1.0 + lean)
        upper = superior - (half - self.concavity_mm[0] * bowl)
        lower = -superior - (half - self.concavity_mm[1] * bowl)
        return smooth_max(side, np.maximum(upper, lower), _RIM_EDGE_MM)
