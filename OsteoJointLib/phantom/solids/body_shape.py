"""The shape of a vertebral body; distances as in :mod:`OsteoJointLib.phantom.solids.shapes`; numbers are chosen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from OsteoJointLib.phantom.solids.shapes import Bounds, Frame, smooth_max, squared_radius

_BACK_EDGE_MM, _RIM_EDGE_MM = 6.0, 2.0  # over which the edges are rounded
_SPUR_SHARPNESS, _SPUR_HEIGHT, _DENT_WIDTH = 6, 0.4, 0.45  # power of the cosine; of half height; of half width
_WAIST_DEEP, _BACK_HOLLOW = 0.7, 0.5  # of the waist from side to side: that from front to back, that of the back wall
_CORNER, _TALL, _MARGIN_MM = 0.2, 1.35, 1.0  # bounds: as of any boxed section, up to squareness 0.5; wedges, spurs


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
        grow = 1.0 + _CORNER * self.squareness
        tall = self.half_height * _TALL + _MARGIN_MM
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
        rho = np.sqrt(squared_radius(u * u, v * v, self.squareness))
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
